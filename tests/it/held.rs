//! A consent that is paused or over brings nothing new, whichever way a caller asks; what is kept of it is served on.

use sangam::{
    pb::{self, ChangesMode, ConsentState, FetchChangesRequest, JourneyState, Product, Purpose, View},
    sandbox::{SandboxConfig, customer},
};
use tonic::Status;

use crate::{
    harness::{World, data_request, reason, start_request},
    writes::{DAY, monitoring, refresh, uuid, world},
};

const LATEST: &str = "finpro:received:/getalllatestfidata";
const DATA: &str = "finpro:received:/getallfidata";
const ANALYSIS: &str = "finpro:received:/analytics/json";
const BOTH: [Product; 2] = [Product::Data, Product::Analytics];

fn latest(journey_id: &str) -> FetchChangesRequest {
    FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        mode: ChangesMode::Provider.into(),
        request_id: uuid(),
        view: View::Masked.into(),
        ..Default::default()
    }
}

async fn changes(world: &World, request: &FetchChangesRequest) -> Result<pb::FetchChangesResponse, Status> {
    world.client.clone().fetch_changes(request.clone()).await.map(tonic::Response::into_inner)
}

async fn analysis(world: &World, journey_id: &str) -> Result<pb::FetchAnalyticsResponse, Status> {
    let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..Default::default() };
    world.client.clone().fetch_analytics(request).await.map(tonic::Response::into_inner)
}

async fn first_message(world: &World, journey_id: &str) -> Result<(), Status> {
    let request = pb::StreamDataRequest { journey_id: journey_id.to_owned(), view: View::Masked.into(), ..Default::default() };
    world.client.clone().stream_data(request).await?.into_inner().message().await.map(drop)
}

async fn until_consent(world: &World, journey_id: &str, state: ConsentState) {
    world.gateway.service().nudge(journey_id).await.unwrap();
    world.until(journey_id, |journey| journey.consents[0].state() == state).await;
}

#[tokio::test]
async fn a_paused_consent_brings_nothing_new() {
    let (world, _) = world().await;
    let mut start = start_request("finpro", "consent", "01", &BOTH);
    start.consents[0].purpose = Purpose::Monitoring.into();
    let opened = world.client.clone().start_journey(start).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    let journey_id = opened.journey_id;
    world.until_picked_up(&journey_id).await;
    let asked = latest(&journey_id);
    changes(&world, &asked).await.unwrap();
    customer::pause(&opened.customer_url).await.unwrap();
    until_consent(&world, &journey_id, ConsentState::Paused).await;
    let calls = world.sandbox.calls();
    let before = (calls.count(LATEST), calls.count(ANALYSIS), calls.count("finpro:received:/fi/request"));
    assert_eq!(reason(&changes(&world, &latest(&journey_id)).await.unwrap_err()), "CONSENT_PAUSED");
    assert_eq!(reason(&analysis(&world, &journey_id).await.unwrap_err()), "CONSENT_PAUSED");
    assert_eq!(reason(&world.refresh(refresh(&journey_id)).await.unwrap_err()), "CONSENT_PAUSED");
    let after = (calls.count(LATEST), calls.count(ANALYSIS), calls.count("finpro:received:/fi/request"));
    assert_eq!(before, after, "refused before a call");
    assert!(changes(&world, &asked).await.unwrap().replayed, "what is kept is given");
    assert!(world.data(data_request(&journey_id, View::Masked)).await.is_ok());
    customer::resume(&opened.customer_url).await.unwrap();
    until_consent(&world, &journey_id, ConsentState::Active).await;
    analysis(&world, &journey_id).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn an_expired_consent_brings_nothing_new() {
    let (world, clock) = world().await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", &BOTH)).await;
    world.until_picked_up(&journey_id).await;
    // The consent lasts seven days, its data a month.
    clock.advance(8 * DAY);
    assert_eq!(reason(&analysis(&world, &journey_id).await.unwrap_err()), "CONSENT_ENDED", "by its date");
    until_consent(&world, &journey_id, ConsentState::Expired).await;
    assert_eq!(reason(&analysis(&world, &journey_id).await.unwrap_err()), "CONSENT_ENDED");
    assert_eq!(world.sandbox.calls().count(ANALYSIS), 0);
    assert!(world.data(data_request(&journey_id, View::Masked)).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn what_may_only_be_looked_at_is_not_asked_for_while_paused() {
    let world = World::with(SandboxConfig::default(), |config| {
        let finpro = config.tenant.providers.finpro.get_mut("consent").unwrap();
        finpro.products.insert("one_time".to_owned(), "VIEW-ONCE".to_owned());
    })
    .await;
    let mut start = start_request("finpro", "consent", "01", &[Product::Data]);
    start.consents[0].purpose = Purpose::OneTime.into();
    let opened = world.client.clone().start_journey(start).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    world.until_state(&opened.journey_id, JourneyState::Ready).await;
    first_message(&world, &opened.journey_id).await.unwrap();
    customer::pause(&opened.customer_url).await.unwrap();
    until_consent(&world, &opened.journey_id, ConsentState::Paused).await;
    let before = world.sandbox.calls().count(DATA);
    assert_eq!(reason(&first_message(&world, &opened.journey_id).await.unwrap_err()), "CONSENT_PAUSED");
    assert_eq!(world.sandbox.calls().count(DATA), before);
    world.stop().await;
}

#[tokio::test]
async fn the_providers_own_word_wakes_a_poll() {
    let (world, _) = world().await;
    let opened = world.client.clone().start_journey(monitoring("finpro", "consent", "01")).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    world.until_picked_up(&opened.journey_id).await;
    customer::pause(&opened.customer_url).await.unwrap();
    let refused = changes(&world, &latest(&opened.journey_id)).await.unwrap_err();
    assert!(["CONSENT_NOT_ACTIVE", "CONSENT_PAUSED"].contains(&reason(&refused).as_str()), "{refused:?}");
    // Nobody else asks for it: a settled journey is polled once an hour.
    world.until(&opened.journey_id, |journey| journey.consents[0].state() == ConsentState::Paused).await;
    world.stop().await;
}
