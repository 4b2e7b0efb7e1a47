//! A fresh URL for a customer who dropped off.

use sangam::{
    pb::{self, AttemptState, JourneyState},
    sandbox::customer,
};
use tonic::Code;

use super::{opened, roomy};
use crate::{
    harness::{World, reason},
    offers::offers,
};

async fn resume(world: &World, journey_id: &str) -> Result<pb::ResumeJourneyResponse, tonic::Status> {
    let request = pb::ResumeJourneyRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        journey_id: journey_id.to_owned(),
        ..Default::default()
    };
    world.client.clone().resume_journey(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_fresh_url_works_and_opens_a_second_attempt_only_where_it_must() {
    let world = roomy().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let first = opened(&world, offer.request("01")).await;
        let fresh = resume(&world, &first.journey_id).await.unwrap();
        assert_ne!(fresh.customer_url, first.customer_url, "{name}");
        assert_eq!(
            (fresh.journey_id.as_str(), fresh.state()),
            (first.journey_id.as_str(), JourneyState::AwaitingCustomer),
            "{name}"
        );
        let journey = world.status(&first.journey_id).await;
        let attempts = if offer.product.resumes_attempt { 1 } else { 2 };
        assert_eq!(journey.attempts.len(), attempts, "{name}: {journey:?}");
        assert_eq!(fresh.attempt_id, journey.attempts[attempts - 1].attempt_id, "{name}");
        if attempts == 2 {
            assert_eq!(journey.attempts[0].state(), AttemptState::Abandoned, "{name}");
        }
        customer::approve(&fresh.customer_url).await.unwrap();
        let journey = world.until_settled_or_ready(&first.journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready, "{name}: {journey:?}");
        let refused = resume(&world, &first.journey_id).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "JOURNEY_STATE"), "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_approval_through_the_earlier_url_counts_too() {
    let world = roomy().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let first = opened(&world, offer.request("01")).await;
        resume(&world, &first.journey_id).await.unwrap();
        customer::approve(&first.customer_url).await.unwrap();
        let journey = world.until_settled_or_ready(&first.journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready, "{name}: {journey:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_same_resume_twice_opens_nothing_twice() {
    let world = roomy().await;
    for offer in offers(&world).await {
        let first = opened(&world, offer.request("01")).await;
        let request = pb::ResumeJourneyRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            journey_id: first.journey_id.clone(),
            ..Default::default()
        };
        let one = world.client.clone().resume_journey(request.clone()).await.unwrap().into_inner();
        let two = world.client.clone().resume_journey(request).await.unwrap().into_inner();
        assert_eq!((one.attempt_id, two.replayed), (two.attempt_id, true), "{}", offer.name());
        let attempts = if offer.product.resumes_attempt { 1 } else { 2 };
        assert_eq!(world.status(&first.journey_id).await.attempts.len(), attempts, "{}", offer.name());
    }
    world.stop().await;
}
