//! Who begins the next fetch of a consent, by its template's fetch mode; and the later fetches of an orchestrated consent.

use sangam::{
    config::FairUseMode,
    pb::{self, ChangesMode, FetchChangesRequest, NextFetchBy, Product, Purpose, View},
};

use crate::{
    harness::{World, data_request, metadata, reason, start_request},
    replay::{Answer, CONSENT, documented},
    stage::{CONSENT_WAY, PATIENT, Stage},
    writes::{DAY, FI_REQUEST, monitoring, refresh, uuid, world},
};

const RARELY: u64 = 600_000;

/// A journey under a template with these words, READY.
async fn under(fetch_type: &str, mode: &str) -> (Stage, String) {
    let stage = Stage::with(PATIENT, RARELY, |config| config.tenant.fair_use.mode = FairUseMode::Report).await;
    let list = format!("{CONSENT}/productslist");
    let body = documented(&list).replace("ONETIME", fetch_type).replace("MANUAL", mode);
    stage.replay.set(&list, Answer::json(body.replace("\"frequencyUnit\": \"HOUR\"", "\"frequencyUnit\": \"INF\"")));
    let journey_id = stage.ready(CONSENT_WAY).await;
    (stage, journey_id)
}

async fn next_by(stage: &Stage, journey_id: &str) -> NextFetchBy {
    stage.until(journey_id, |_| true).await.consents[0].next_fetch_by()
}

#[tokio::test]
async fn each_fetch_mode_is_shown_and_acted_upon() {
    for (mode, next, refusal) in [
        ("AUTOMATIC", NextFetchBy::Provider, Some("CAPABILITY_MISSING")),
        ("AUTO MANUAL", NextFetchBy::Caller, None),
        ("MANUAL", NextFetchBy::Caller, None),
    ] {
        let (stage, journey_id) = under("PERIODIC", mode).await;
        assert_eq!(next_by(&stage, &journey_id).await, next, "{mode}");
        let path = format!("{CONSENT}/fi/request");
        let before = stage.replay.asked(&path);
        let refreshed = stage.client.clone().refresh_data(refresh(&journey_id)).await;
        assert_eq!(refreshed.err().map(|status| reason(&status)).as_deref(), refusal, "{mode}");
        assert_eq!(stage.replay.asked(&path) - before, usize::from(refusal.is_none()), "{mode}");
        stage.gateway.stop().await;
    }
}

#[tokio::test]
async fn a_consent_for_one_fetch_has_no_next_one() {
    let (stage, journey_id) = under("ONETIME", "MANUAL").await;
    assert_eq!(next_by(&stage, &journey_id).await, NextFetchBy::Unspecified);
    stage.gateway.stop().await;
}

async fn changes(world: &World, journey_id: &str) -> pb::FetchChangesResponse {
    let request = FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        mode: ChangesMode::Provider.into(),
        request_id: uuid(),
        view: View::Masked.into(),
        ..Default::default()
    };
    world.client.clone().fetch_changes(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn an_orchestrated_periodic_consent_has_later_fetches() {
    let (world, clock) = world().await;
    let journey_id = world.approved(monitoring("finpro", "orchestration", "01")).await;
    let journey = world.until_picked_up(&journey_id).await;
    assert_eq!(journey.consents[0].next_fetch_by(), NextFetchBy::Caller);
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 0, "the first one is the provider's");
    clock.advance(DAY);
    let fetch_id = world.refresh(refresh(&journey_id)).await.unwrap().fetch.unwrap().fetch_id;
    let kept = |journey: &pb::Journey| {
        journey.consents[0].fetches.iter().any(|fetch| fetch.fetch_id == fetch_id && fetch.pick_up_time.is_some())
    };
    world.until(&journey_id, kept).await;
    let (accounts, _) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
    assert!(!accounts.is_empty() && accounts.iter().all(|account| account.fetch_id == fetch_id));
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 1);
    changes(&world, &journey_id).await;
    assert_eq!(world.sandbox.calls().count("finpro:/getalllatestfidata"), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_lost_later_request_of_an_orchestrated_consent_is_found_again() {
    let (world, clock) = world().await;
    let journey_id = world.approved(monitoring("finpro", "orchestration", "37")).await;
    world.until_picked_up(&journey_id).await;
    clock.advance(DAY);
    let lost = world.refresh(refresh(&journey_id)).await.unwrap_err();
    assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{lost:?}");
    let found = |journey: &pb::Journey| {
        journey.consents[0].fetches.len() == 2 && journey.consents[0].fetches.iter().all(|fetch| fetch.pick_up_time.is_some())
    };
    world.until(&journey_id, found).await;
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 1, "sent once");
    world.stop().await;
}

#[tokio::test]
async fn what_is_only_assumed_of_a_product_is_listed() {
    let world = World::start().await;
    let listed = world.providers().await.list_providers(pb::ListProvidersRequest {}).await.unwrap().into_inner();
    for product in listed.providers.iter().flat_map(|one| &one.credentials).flat_map(|one| &one.products) {
        let assumed: &[&str] = if product.provider_product == "orchestration" { &["refreshes"] } else { &[] };
        assert_eq!(product.assumed_capabilities, assumed, "{}", product.provider_product);
    }
    let start = start_request("finpro", "orchestration", "01", &[Product::Data]);
    assert_eq!(start.consents[0].purpose(), Purpose::Underwriting);
    let journey_id = world.approved(start).await;
    let journey = world.until_picked_up(&journey_id).await;
    assert_eq!(journey.consents[0].next_fetch_by(), NextFetchBy::Unspecified, "it allows one fetch");
    assert_eq!(reason(&world.refresh(refresh(&journey_id)).await.unwrap_err()), "CONSENT_USED");
    world.stop().await;
}
