//! CancelJourney: what the customer does afterwards brings nothing.

use sangam::{
    pb::{self, AttemptState, ConsentState, JourneyState, ProviderDelivery, View},
    sandbox::customer,
};
use tonic::Code;

use crate::{
    harness::{data_request, metadata, reason},
    offers::offers,
    writes::{REVOKE, cancel, world},
};

#[tokio::test]
async fn a_late_approval_is_withdrawn_where_the_provider_can_and_never_used_anywhere() {
    let (world, _) = world().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let opened = world.client.clone().start_journey(offer.request("01")).await.unwrap().into_inner();
        let journey_id = opened.journey_id;
        let before = world.sandbox.calls().count(REVOKE);
        let request = cancel(&journey_id);
        assert_eq!(world.cancel(request.clone()).await.unwrap().state(), JourneyState::Cancelled, "{name}");
        assert!(world.cancel(request).await.unwrap().replayed, "{name}");
        let again = world.cancel(cancel(&journey_id)).await.unwrap_err();
        assert_eq!((again.code(), reason(&again).as_str()), (Code::FailedPrecondition, "JOURNEY_STATE"), "{name}");
        assert_eq!(metadata(&again, "state").as_deref(), Some("CANCELLED"), "{name}");
        customer::approve(&opened.customer_url).await.unwrap();
        let decided = |journey: &pb::Journey| {
            let consent = &journey.consents[0];
            if offer.product.revokes {
                consent.revocation() == ProviderDelivery::Done
            } else {
                consent.state() == ConsentState::Active
            }
        };
        let journey = world.until(&journey_id, decided).await;
        assert_eq!((journey.state(), journey.settled), (JourneyState::Cancelled, true), "{name}: {journey:?}");
        assert_eq!(journey.attempts[0].state(), AttemptState::Cancelled, "{name}");
        if offer.product.revokes {
            assert!(journey.consents.iter().all(|consent| consent.state() == ConsentState::Revoked), "{name}");
            assert_eq!(world.sandbox.calls().count(REVOKE) - before, 1, "{name}");
        }
        assert!(journey.consents.iter().flat_map(|consent| &consent.fetches).all(|fetch| fetch.pick_up_time.is_none()), "{name}");
        let refused = world.data(data_request(&journey_id, View::Masked)).await.unwrap_err();
        let expected = if offer.product.revokes { "CONSENT_REVOKED" } else { "JOURNEY_ENDED" };
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, expected), "{name}");
        let resumed = pb::ResumeJourneyRequest {
            request_id: crate::writes::uuid(),
            journey_id: journey_id.clone(),
            redirect_url: String::new(),
        };
        assert_eq!(reason(&world.client.clone().resume_journey(resumed).await.unwrap_err()), "JOURNEY_STATE", "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_opening_whose_answer_was_lost_can_be_given_up_and_what_is_found_of_it_is_withdrawn() {
    let (world, _) = world().await;
    let mut offers = offers(&world).await;
    offers.retain(|offer| offer.product.refreshes && offer.product.revokes);
    let lost = world.client.clone().start_journey(offers[0].request("36")).await.unwrap_err();
    let journey_id = metadata(&lost, "journey_id").unwrap();
    let answer = world.cancel(cancel(&journey_id)).await.unwrap();
    assert_eq!(answer.state(), JourneyState::Cancelled);
    // It is looked for by our reference all the same, and stays given up whatever is found.
    let looks = "finpro:received:/v2/getconsentslist";
    let so_far = world.sandbox.calls().count(looks);
    let journey = world.until_called(&journey_id, looks, so_far + 2).await;
    assert_eq!((journey.state(), journey.attempts[0].state()), (JourneyState::Cancelled, AttemptState::Cancelled));
    assert_eq!(journey.consents[0].state(), ConsentState::Pending);
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_open_is_refused() {
    let (world, _) = world().await;
    let offer = &offers(&world).await[0];
    let journey = crate::offers::ready(&world, offer, "01").await;
    let refused = world.cancel(cancel(&journey.journey_id)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "JOURNEY_STATE"));
    assert_eq!(metadata(&refused, "state").as_deref(), Some("READY"));
    assert_eq!(world.status(&journey.journey_id).await.state(), JourneyState::Ready);
    let unknown = cancel(&format!("jrn_{}", "0".repeat(26)));
    assert_eq!(reason(&world.cancel(unknown).await.unwrap_err()), "JOURNEY_NOT_FOUND");
    world.stop().await;
}
