//! An opening whose answer was lost is bound by a message once, and only to its own customer.

use std::time::Duration;

use sangam::{
    pb::{JourneyState, Product},
    sandbox::{
        SandboxConfig, WebhookTarget, credentials::FINPRO_ORCHESTRATION, customer_page::Decision, gateway_config::point_webhooks,
    },
    store::MessageState,
};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{inbox, receiver, signed, status, to, until_applied};
use crate::harness::{World, breath, metadata, start_request};

const BOTH: [Product; 2] = [Product::Data, Product::Analytics];
const OURS: &str = "9000000036";
/// Another customer, whose number differs in the digits that a provider shows.
const THEIRS: &str = "9000001136";

async fn world(change: impl FnOnce(&mut sangam::config::Config)) -> World {
    World::with(SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() }, change).await
}

/// Opens a journey whose answer is lost: its id.
async fn lost(world: &World, provider: &str, credential: &str, mobile: &str, products: &[Product]) -> String {
    let mut request = start_request(provider, credential, "36", products);
    request.customer.as_mut().unwrap().mobile = mobile.to_owned();
    let lost = world.client.clone().start_journey(request).await.unwrap_err();
    let journey_id = metadata(&lost, "journey_id").unwrap();
    world.until_state(&journey_id, JourneyState::OutcomeUnknown).await;
    journey_id
}

async fn next(events: &mut UnboundedReceiver<(String, String)>) -> (String, String) {
    tokio::time::timeout(Duration::from_secs(20), events.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_signed_end_of_an_orchestration_finds_its_lost_opening() {
    let world = world(|_| ()).await;
    point_webhooks(&world.sandbox, world.gateway.webhook);
    let journey_id = lost(&world, "finpro", "orchestration", OURS, &BOTH).await;
    assert_eq!(world.sandbox.decide(OURS, Decision::Approve), 1);
    let journey = world.until_settled(&journey_id).await;
    assert_eq!((journey.state(), journey.attempts[0].failure_reason.as_str()), (JourneyState::Ready, ""), "{journey:?}");
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_signed_end_that_tells_nothing_of_its_customer_is_believed_by_its_reference() {
    let world = world(|_| ()).await;
    point_webhooks(&world.sandbox, world.gateway.webhook);
    let journey_id = lost(&world, "finpro", "orchestration", OURS, &BOTH).await;
    // Both ways skipped: the transaction lists no consent.
    assert_eq!(world.sandbox.decide(OURS, Decision::Skip), 1);
    world.until_state(&journey_id, JourneyState::Skipped).await;
    world.stop().await;
}

#[tokio::test]
async fn an_unsigned_message_binds_only_its_own_customers_opening_and_only_once() {
    let (base, mut events) = receiver().await;
    let world = world(|config| {
        let webhook = config.tenant.providers.finpro.get_mut("orchestration").unwrap().webhook.as_mut().unwrap();
        webhook.hmac_secrets.clear();
    })
    .await;
    let target = WebhookTarget { url: base, secret: "unused".to_owned() };
    world.sandbox.set_webhook_target(FINPRO_ORCHESTRATION.client_id, target);
    let theirs = THEIRS;
    let ours_id = lost(&world, "finpro", "orchestration", OURS, &BOTH).await;
    let theirs_id = lost(&world, "finpro", "orchestration", theirs, &BOTH).await;
    let attempt = |journey: &sangam::pb::Journey| journey.attempts[0].attempt_id.clone();
    let (ours, other) = (attempt(&world.status(&ours_id).await), attempt(&world.status(&theirs_id).await));
    let path = format!("finpro/{}", FINPRO_ORCHESTRATION.webhook_token);

    // Another customer's transaction under our reference: while ours is undecided FinPro tells nothing of it, so nothing is bound.
    assert_eq!(world.sandbox.decide(theirs, Decision::Approve), 1);
    let (_, of_theirs) = next(&mut events).await;
    assert!(of_theirs.contains(&other));
    let forged = of_theirs.replace(&other, &ours);
    assert_eq!(status(to(&world, &path, forged.clone())).await, 200);
    let tried = tokio::time::Instant::now() + Duration::from_secs(20);
    while inbox(&world).await[0].tries < 2 {
        assert!(tokio::time::Instant::now() < tried);
        breath().await;
    }
    assert_eq!(world.status(&ours_id).await.state(), JourneyState::OutcomeUnknown);

    // Once ours is decided FinPro tells that the other one is not ours.
    assert_eq!(world.sandbox.decide(OURS, Decision::Approve), 1);
    let (_, of_ours) = next(&mut events).await;
    assert_eq!(until_applied(&world).await, [MessageState::Applied]);
    assert_eq!(world.status(&ours_id).await.state(), JourneyState::OutcomeUnknown);

    assert_eq!(status(to(&world, &path, of_ours.clone())).await, 200);
    world.until_picked_up(&ours_id).await;
    // Our own once more: the look after the data has come is the one that reads how long the consents last.
    assert_eq!(status(to(&world, &path, format!("{of_ours} "))).await, 200);
    world.until(&ours_id, |journey| journey.consents.iter().all(|consent| consent.expire_time.is_some())).await;
    until_applied(&world).await;
    let journey = world.until_settled(&ours_id).await;
    assert_eq!(journey.state(), JourneyState::Ready);
    // A further one changes nothing, and the other journey still waits for its own.
    assert_eq!(status(to(&world, &path, format!("{forged} "))).await, 200);
    until_applied(&world).await;
    assert_eq!(world.status(&ours_id).await.sequence, journey.sequence);
    assert_eq!(world.status(&theirs_id).await.state(), JourneyState::OutcomeUnknown);
    assert_eq!(status(to(&world, &path, of_theirs)).await, 200);
    world.until_state(&theirs_id, JourneyState::Ready).await;
    world.stop().await;
}

#[tokio::test]
async fn a_hint_at_an_attempts_own_address_finds_its_lost_session() {
    for products in [&BOTH[..1], &BOTH[..]] {
        let (base, mut events) = receiver().await;
        let world = world(|config| config.webhook.public_base_url = Some(base)).await;
        let theirs = THEIRS;
        let ours_id = lost(&world, "finpass", "main", OURS, products).await;
        let theirs_id = lost(&world, "finpass", "main", theirs, products).await;
        assert_eq!(world.sandbox.decide(theirs, Decision::Approve), 1);
        let (_, of_theirs) = next(&mut events).await;
        assert_eq!(world.sandbox.decide(OURS, Decision::Approve), 1);
        let (path, of_ours) = next(&mut events).await;
        let path = path.strip_prefix("/webhooks/").unwrap();
        // Another customer's session at our address: the mobile number that Finpass tells is not ours.
        assert_eq!(status(to(&world, path, of_theirs)).await, 200);
        assert_eq!(until_applied(&world).await, [MessageState::Applied]);
        assert_eq!(world.status(&ours_id).await.state(), JourneyState::OutcomeUnknown);
        assert_eq!(status(to(&world, path, of_ours)).await, 200);
        assert_eq!(world.until_settled(&ours_id).await.state(), JourneyState::Ready);
        assert_eq!(world.status(&theirs_id).await.state(), JourneyState::OutcomeUnknown);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_signed_message_for_a_lost_opening_that_the_provider_does_not_know_binds_nothing() {
    let world = world(|_| ()).await;
    let journey_id = lost(&world, "finpro", "orchestration", OURS, &BOTH).await;
    let attempt_id = world.status(&journey_id).await.attempts[0].attempt_id.clone();
    let made_up = format!(
        r#"{{"transactionID":"{}","eventType":"JOURNEY_COMPLETE","eventStatus":"SUCCESS","accountID":"{attempt_id}","eventData":[]}}"#,
        uuid::Uuid::new_v4()
    );
    assert!(signed(&world, &FINPRO_ORCHESTRATION, &made_up).await.is_success());
    let give_up = tokio::time::Instant::now() + Duration::from_secs(20);
    while inbox(&world).await[0].tries < 3 {
        assert!(tokio::time::Instant::now() < give_up);
        breath().await;
    }
    assert_eq!(world.status(&journey_id).await.state(), JourneyState::OutcomeUnknown);
    world.stop().await;
}
