//! An opening whose answer is lost: where the provider can be asked, the journey finds itself; where not, it is never sent again.

use std::sync::Arc;

use sangam::{
    pb::{JourneyState, Product},
    sandbox::{SandboxConfig, customer},
};
use tonic::Code;

use crate::harness::{ShiftedClock, World, metadata, reason, start_request};

const BOTH: [Product; 2] = [Product::Data, Product::Analytics];

#[tokio::test]
async fn a_lost_consent_is_found_by_our_reference() {
    let world = World::start().await;
    let mut client = world.client.clone();
    let request = start_request("finpro", "consent", "36", &BOTH);
    let lost = client.start_journey(request.clone()).await.unwrap_err();
    assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{lost:?}");
    let journey_id = metadata(&lost, "journey_id").unwrap();
    world.until_state(&journey_id, JourneyState::AwaitingCustomer).await;
    let replay = client.start_journey(request).await.unwrap().into_inner();
    assert_eq!((replay.journey_id.as_str(), replay.replayed), (journey_id.as_str(), true));
    assert!(replay.customer_url.starts_with("http"));
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    customer::approve(&replay.customer_url).await.unwrap();
    world.until_state(&journey_id, JourneyState::Ready).await;
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_looked_up_fails_at_the_limit_and_is_never_sent_again() {
    for (provider, credential, products, sent) in [
        ("finpro", "orchestration", &BOTH[..], "finpro:/v3/requestconsent"),
        ("finpass", "main", &BOTH[..1], "finpass:/api/v1/services/account-aggregator/init"),
        ("finpass", "main", &BOTH[..], "finpass:/api/v1/aa-bsa-journey/init"),
    ] {
        let clock = Arc::new(ShiftedClock::default());
        let world = World::at(clock.clone(), SandboxConfig::default(), |_| ()).await;
        let mut client = world.client.clone();
        let request = start_request(provider, credential, "36", products);
        let lost = client.start_journey(request.clone()).await.unwrap_err();
        assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{sent}: {lost:?}");
        let journey_id = metadata(&lost, "journey_id").unwrap();
        world.until_state(&journey_id, JourneyState::OutcomeUnknown).await;
        let replay = client.start_journey(request.clone()).await.unwrap_err();
        assert_eq!((replay.code(), reason(&replay).as_str()), (Code::FailedPrecondition, "OUTCOME_UNKNOWN"), "{sent}");
        assert_eq!(metadata(&replay, "journey_id").as_ref(), Some(&journey_id), "{sent}");
        assert_eq!(metadata(&replay, "effect").as_deref(), Some("UNKNOWN"), "{sent}: the first call may have reached it");
        clock.advance(2);
        let journey = world.until_state(&journey_id, JourneyState::Failed).await;
        assert_eq!(journey.attempts[0].failure_reason, "OUTCOME_UNKNOWN", "{sent}");
        let replay = client.start_journey(request).await.unwrap_err();
        assert_eq!((replay.code(), reason(&replay).as_str()), (Code::FailedPrecondition, "JOURNEY_ENDED"), "{sent}");
        assert_eq!(world.sandbox.calls().count(sent), 1);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_lost_fetch_request_is_found_by_its_session() {
    let world = World::start().await;
    // Monitoring's template leaves asking for data to us.
    let mut request = start_request("finpro", "consent", "37", &BOTH[..1]);
    request.consents[0].purpose = sangam::pb::Purpose::Monitoring.into();
    let journey_id = world.approved(request).await;
    world.until_state(&journey_id, JourneyState::Ready).await;
    assert!(world.sandbox.calls().count("finpro:/fi/request") <= 1);
    world.stop().await;
}
