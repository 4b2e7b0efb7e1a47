//! Messages from providers: they wake a look, and are never believed.

use reqwest::StatusCode;
use sangam::{
    pb::{JourneyState, Product, View},
    sandbox::{WebhookTarget, credentials, customer},
};
use tonic::Code;

use super::{opened, roomy, roomy_with};
use crate::harness::{World, data_request, reason, start_request};

async fn post(world: &World, path: &str, body: String) -> StatusCode {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/webhooks/{path}", world.gateway.webhook);
    client.post(url).header("content-type", "application/json").body(body).send().await.unwrap().status()
}

/// The id under which the provider's messages name the journey's attempt.
fn message(attempt_id: &str, event: &str) -> String {
    format!(
        r#"{{"timestamp":"2026-11-20T10:00:00.000Z","eventType":"CONSENT","eventStatus":"{event}","accountID":"{attempt_id}"}}"#
    )
}

#[tokio::test]
async fn a_withdrawn_consent_is_found_when_a_message_wakes_the_look_and_its_data_goes() {
    // Nobody looks by itself meanwhile: a settled journey's next look is an hour away.
    let world = roomy().await;
    for credential in ["consent", "orchestration"] {
        let first = opened(&world, start_request("finpro", credential, "01", &[Product::Data])).await;
        customer::approve(&first.customer_url).await.unwrap();
        let journey = world.until_settled(&first.journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready);
        let fetch_id = &journey.consents[0].fetches[0].fetch_id;
        let store = world.gateway.service().store();
        assert!(store.snapshot("demo", fetch_id).await.unwrap().is_some());
        assert!(world.data(data_request(&first.journey_id, View::Masked)).await.is_ok());
        customer::revoke(&first.customer_url).await.unwrap();
        let status = post(&world, "finpro", message(&journey.attempts[0].attempt_id, "CONSENT_REVOKED")).await;
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
        let status = post(&world, "finpro", message(&before.attempts[0].attempt_id, event)).await;
        assert!(status.is_success(), "{event}: {status}");
    }
    let look = "finpro:received:/v2/getconsentslist";
    let so_far = world.sandbox.calls().count(look);
    let after = world.until_called(&first.journey_id, look, so_far + 2).await;
    assert_eq!(after.state(), JourneyState::AwaitingCustomer);
    world.stop().await;
}

#[tokio::test]
async fn whatever_comes_is_answered_alike() {
    let world = roomy().await;
    for path in ["finpro", "finpass", "finpass/some-token", "finpro/some-token", "nobody"] {
        for body in ["", "{}", "null", "not json", r#"{"consentHandle":"unknown"}"#, r#"{"client_id":"unknown"}"#, "[[[["] {
            let status = post(&world, path, body.to_owned()).await;
            assert!(status.is_success(), "{path} {body:?}: {status}");
        }
    }
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
    for (credential, account) in [("consent", credentials::FINPRO_CONSENT), ("orchestration", credentials::FINPRO_ORCHESTRATION)]
    {
        let url = format!("http://{}/webhooks/finpro", world.gateway.webhook);
        world.sandbox.set_webhook_target(account.client_id, WebhookTarget { url, secret: "secret".to_owned() });
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
