//! A provider that accepts calls and does not answer delays the journeys of no other credential and no other tenant.

use bytes::Bytes;
use sangam::{
    pb::{JourneyState, Product, RevokeConsentRequest},
    sandbox::bank::Bank,
};
use tokio::time::Instant;

use crate::{
    harness::{PATIENCE, breath, start_request},
    replay::{AGGREGATOR, Answer},
    stage::{AGGREGATOR_WAY, CONSENT_WAY, Stage},
    tenants::Two,
};

/// Due journeys of the provider that hangs: many more than polls may be under way.
const HANGING: usize = 40;
/// With two tenants of three credentials each: one own slot for each of the six, and two that are lent, of which one lane gets one.
const POLLS: usize = 8;
const OF_A_LANE: usize = 2;

async fn ready(two: &Two, tenant: &str, journey_id: &str) -> bool {
    let kept = two.service(tenant).store().journey(tenant, journey_id).await.unwrap().unwrap();
    kept.journey.state == JourneyState::Ready
}

async fn until_ready(two: &Two, tenant: &str, journey_id: &str) {
    let give_up = Instant::now() + PATIENCE;
    while !ready(two, tenant, journey_id).await {
        assert!(Instant::now() < give_up, "{tenant} {journey_id} waits behind the provider that hangs");
        breath().await;
    }
}

/// Two tenants. The FinPro of the first one holds its calls, with many approved journeys that are due.
async fn hanging() -> (Two, Vec<String>) {
    let two = Two::with(|config| {
        config.poller.concurrency = POLLS;
        for tenant in &mut config.several {
            for credential in tenant.providers.finpro.values_mut() {
                // A poll that hangs makes one call: on a busy machine a second try would be counted as another poll.
                let limits = &mut credential.limits;
                (limits.read_ms, limits.attempt_ms, limits.total_ms) = (Some(600_000), Some(600_000), Some(600_000));
            }
        }
    })
    .await;
    let tenant = crate::tenants::BOTH[0];
    let mut opened = Vec::new();
    for number in 0..HANGING {
        let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
        let customer = request.customer.as_mut().unwrap();
        customer.mobile = format!("9{number:07}01");
        let person = Bank::person(&customer.mobile);
        (customer.pan, customer.name) = (person.pan, person.name);
        opened.push(two.client(tenant).start_journey(request).await.unwrap().into_inner());
    }
    two.sandboxes[0].hold("/finpro");
    for journey in &opened {
        sangam::sandbox::customer::approve(&journey.customer_url).await.unwrap();
    }
    let give_up = Instant::now() + PATIENCE;
    while two.sandboxes[0].calls().count("held") < OF_A_LANE {
        assert!(Instant::now() < give_up, "no call is held");
        breath().await;
    }
    (two, opened.into_iter().map(|journey| journey.journey_id).collect())
}

#[tokio::test]
async fn journeys_of_others_are_ready_while_a_provider_hangs() {
    let (two, hanging) = hanging().await;
    let [one, other] = crate::tenants::BOTH;
    let others =
        [("finpass", "main", one), ("finpass", "main", other), ("finpro", "consent", other), ("finpro", "orchestration", other)];
    for (provider, credential, tenant) in others {
        let journey_id = two.approved(tenant, start_request(provider, credential, "01", &[Product::Data])).await;
        until_ready(&two, tenant, &journey_id).await;
    }
    // The provider that hangs had its own share of the polls all the time, and no more.
    assert_eq!(two.sandboxes[0].calls().count("held"), OF_A_LANE);
    for journey_id in &hanging {
        assert!(!ready(&two, one, journey_id).await);
    }
    two.sandboxes[0].release();
    for journey_id in &hanging {
        until_ready(&two, one, journey_id).await;
    }
    two.stop().await;
}

#[tokio::test]
async fn a_revocation_is_delivered_while_another_provider_hangs() {
    let (two, _) = hanging().await;
    let other = crate::tenants::BOTH[1];
    let journey_id = two.approved(other, start_request("finpro", "consent", "01", &[Product::Data])).await;
    until_ready(&two, other, &journey_id).await;
    let request_id = uuid::Uuid::new_v4().to_string();
    let revoke = RevokeConsentRequest { request_id, journey_id: journey_id.clone(), all_consents: true, ..Default::default() };
    two.client(other).revoke_consent(revoke).await.unwrap();
    let give_up = Instant::now() + PATIENCE;
    while two.sandboxes[1].calls().count(crate::writes::REVOKE) == 0 {
        assert!(Instant::now() < give_up, "the revocation waits behind the provider that hangs");
        breath().await;
    }
    assert_eq!(two.sandboxes[0].calls().count("held"), OF_A_LANE);
    two.stop().await;
}

#[tokio::test]
async fn journeys_of_a_paused_credential_are_not_polled() {
    const PAUSE: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 600\r\ncontent-length: 2\r\n\r\n{}";
    let stage = Stage::start("retry_pause_ms = 1, breaker_failures = 0", 5).await;
    stage.replay.set(&format!("{AGGREGATOR}/fetch-json-report"), Answer::Bytes(Bytes::from_static(PAUSE)));
    let paused = stage.open(AGGREGATOR_WAY).await.unwrap().journey_id;
    let polls = async || stage.gateway.service().store().journey("t", &paused).await.unwrap().unwrap().journey.looks;
    let give_up = Instant::now() + PATIENCE;
    while polls().await == 0 {
        assert!(Instant::now() < give_up, "the poll that meets the pause does not end");
        breath().await;
    }
    // The journeys of another credential are polled many times meanwhile.
    for _ in 0..5 {
        stage.ready(CONSENT_WAY).await;
    }
    assert_eq!(polls().await, 1);
}
