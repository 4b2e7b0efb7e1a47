//! Messages from providers: they wake a look, and are never believed.

use sangam::{
    pb::{JourneyState, Product, View},
    sandbox::{
        credentials::{FINPRO_CONSENT, FINPRO_ORCHESTRATION, FinProCredential},
        customer,
        gateway_config::point_webhooks,
    },
};
use tonic::Code;

use super::{opened, roomy, roomy_with};
use crate::{
    harness::{data_request, reason, start_request},
    webhooks::signed,
};

const BOTH: [(&str, &FinProCredential); 2] = [("consent", &FINPRO_CONSENT), ("orchestration", &FINPRO_ORCHESTRATION)];

/// The id under which the provider's messages name the journey's attempt.
fn message(attempt_id: &str, event: &str) -> String {
    let now = jiff::Timestamp::now();
    format!(r#"{{"timestamp":"{now}","eventType":"CONSENT","eventStatus":"{event}","accountID":"{attempt_id}"}}"#)
}

#[tokio::test]
async fn a_withdrawn_consent_is_found_when_a_message_wakes_the_look_and_its_data_goes() {
    // Nobody looks by itself meanwhile: a settled journey's next look is an hour away.
    let world = roomy().await;
    for (credential, account) in BOTH {
        let first = opened(&world, start_request("finpro", credential, "01", &[Product::Data])).await;
        customer::approve(&first.customer_url).await.unwrap();
        let journey = world.until_settled(&first.journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready);
        let fetch_id = &journey.consents[0].fetches[0].fetch_id;
        let store = world.gateway.service().store();
        assert!(store.snapshot("demo", fetch_id).await.unwrap().is_some());
        assert!(world.data(data_request(&first.journey_id, View::Masked)).await.is_ok());
        customer::revoke(&first.customer_url).await.unwrap();
        let status = signed(&world, account, &message(&journey.attempts[0].attempt_id, "CONSENT_REVOKED")).await;
        assert!(status.is_success(), "{status}");
        world.until_state(&first.journey_id, JourneyState::Revoked).await;
        let refused = world.data(data_request(&first.journey_id, View::Masked)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "CONSENT_REVOKED"), "{credential}");
        world.until_gone(fetch_id).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_message_alone_changes_nothing() {
    let world = roomy().await;
    let first = opened(&world, start_request("finpro", "consent", "01", &[Product::Data])).await;
    let before = world.status(&first.journey_id).await;
    for event in ["CONSENT_APPROVED", "CONSENT_REJECTED", "CONSENT_REVOKED", "DATA_READY"] {
        let status = signed(&world, &FINPRO_CONSENT, &message(&before.attempts[0].attempt_id, event)).await;
        assert!(status.is_success(), "{event}: {status}");
    }
    let look = "finpro:received:/v2/getconsentslist";
    let so_far = world.sandbox.calls().count(look);
    let after = world.until_called(&first.journey_id, look, so_far + 2).await;
    assert_eq!(after.state(), JourneyState::AwaitingCustomer);
    world.stop().await;
}

#[tokio::test]
async fn journeys_end_alike_whether_messages_come_twice_or_never() {
    // Looks are far apart, so that messages are what moves the journeys that get them.
    let world = roomy_with(|config| {
        config.poller.first_ms = 200;
        config.poller.max_ms = 400;
    })
    .await;
    point_webhooks(&world.sandbox, world.gateway.webhook);
    for (credential, _) in BOTH {
        for digits in ["01", "33", "34"] {
            let journey_id = world.approved(start_request("finpro", credential, digits, &[Product::Data])).await;
            let journey = world.until_settled(&journey_id).await;
            assert_eq!(journey.state(), JourneyState::Ready, "{credential} {digits}: {journey:?}");
            let fetches: usize = journey.consents.iter().map(|consent| consent.fetches.len()).sum();
            assert_eq!((journey.attempts.len(), journey.consents.len(), fetches), (1, 1, 1), "{credential} {digits}");
        }
    }
    world.stop().await;
}
