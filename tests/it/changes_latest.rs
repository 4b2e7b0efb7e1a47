//! What a provider calls the latest data of a consent: asked for once for each request id, kept before it is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use sangam::{
    clock::{Clock, SystemClock},
    pb::{
        self, ChangeCounts, ChangeKind, ChangesMode, ConsentState, FetchChangesRequest, FetchChangesResponse, JourneyState,
        Product, Purpose, View,
    },
    sandbox::{SandboxConfig, customer},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    changes::{Forward, fetch_again},
    harness::{World, data_request, metadata, reason, start_request},
};

const CALL: &str = "finpro:/getalllatestfidata";

/// A journey with a monitoring consent.
fn monitoring(digits: &str) -> pb::StartJourneyRequest {
    let mut start = start_request("finpro", "consent", digits, &[Product::Data]);
    start.consents[0].purpose = Purpose::Monitoring.into();
    start
}

async fn ready(world: &World, digits: &str) -> String {
    let journey_id = world.approved(monitoring(digits)).await;
    world.until_picked_up(&journey_id).await;
    journey_id
}

fn request(journey_id: &str, view: View) -> FetchChangesRequest {
    FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        mode: ChangesMode::Provider.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        view: view.into(),
        ..Default::default()
    }
}

async fn page(world: &World, request: &FetchChangesRequest) -> Result<FetchChangesResponse, Status> {
    world.client.clone().fetch_changes(request.clone()).await.map(tonic::Response::into_inner)
}

fn refusal(answer: Result<FetchChangesResponse, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}

fn rows(answer: &FetchChangesResponse) -> BTreeMap<String, pb::Transaction> {
    let rows = answer.transactions.iter().map(|one| {
        assert_eq!((one.kind(), &one.before), (ChangeKind::Reported, &None));
        one.after.clone().unwrap()
    });
    rows.map(|row| (row.transaction_id.clone(), row)).collect()
}

/// The transactions of the newest fetch, by id.
async fn fetched(world: &World, journey_id: &str) -> BTreeMap<String, pb::Transaction> {
    let (_, rows) = world.data(data_request(journey_id, View::Full)).await.unwrap();
    rows.into_iter().map(|row| (row.transaction_id.clone(), row)).collect()
}

#[tokio::test]
async fn what_the_provider_gives_once_is_given_again_to_the_same_request_only() {
    let clock = Arc::new(Forward::default());
    let world = World::both_at(clock.clone(), SandboxConfig::default(), |_| ()).await;
    let journey_id = ready(&world, "01").await;
    let whole = fetched(&world, &journey_id).await;

    let first = request(&journey_id, View::Full);
    let answer = page(&world, &first).await.unwrap();
    // It was never asked before, so it gives everything, under the ids that FetchData has.
    assert_eq!(rows(&answer), whole);
    assert!(!answer.replayed && answer.fetch.is_none() && answer.since_fetch.is_none());
    let heads: Vec<&pb::Account> = answer.accounts.iter().map(|one| one.after.as_ref().unwrap()).collect();
    assert!(heads.iter().all(|head| head.fetch_id.is_empty() && head.completeness.is_none()));
    let counts = ChangeCounts {
        accounts_reported: answer.accounts.len() as i64,
        transactions_reported: whole.len() as i64,
        ..Default::default()
    };
    assert_eq!(answer.counts, Some(counts));
    let provenance = answer.provenance.clone().unwrap();
    assert_eq!((provenance.endpoint.as_str(), provenance.fetch_id.as_str()), ("getalllatestfidata", ""));
    let journey = world.status(&journey_id).await;
    assert_eq!(answer.consent_id, journey.consents[0].consent_id);
    assert_eq!(answer.purge_time, journey.consents[0].fetches[0].data_expire_time);

    let again = page(&world, &first).await.unwrap();
    assert_eq!(again, FetchChangesResponse { replayed: true, ..answer.clone() });
    let masked = FetchChangesRequest { view: View::Masked.into(), page_bytes: 16 * 1024, ..first.clone() };
    let masked = page(&world, &masked).await.unwrap();
    assert!(masked.transactions.iter().all(|one| one.after.as_ref().unwrap().narration.is_empty()));
    assert_eq!((masked.counts, masked.replayed), (answer.counts, true));
    assert_eq!(world.sandbox.calls().count(CALL), 1);

    let second = request(&journey_id, View::Full);
    for replayed in [false, true] {
        let nothing = page(&world, &second).await.unwrap();
        assert_eq!((nothing.accounts.len(), nothing.transactions.len(), nothing.replayed), (0, 0, replayed));
        assert_eq!((nothing.counts, nothing.next_page_token.as_str()), (Some(ChangeCounts::default()), ""));
        assert_eq!(nothing.provenance.unwrap().endpoint, "getalllatestfidata");
    }
    assert_eq!(world.sandbox.calls().count(CALL), 2);

    *clock.0.lock().unwrap() = SignedDuration::from_hours(28 * 24);
    fetch_again(&world, &journey_id, clock.now()).await;
    let picked_up = |journey: &pb::Journey| journey.consents[0].fetches.get(1).is_some_and(|fetch| fetch.pick_up_time.is_some());
    loop {
        world.gateway.service().nudge(&journey_id).await.unwrap();
        if tokio::time::timeout(Duration::from_secs(1), world.until(&journey_id, picked_up)).await.is_ok() {
            break;
        }
    }
    let newer = rows(&page(&world, &request(&journey_id, View::Full)).await.unwrap());
    let known: BTreeSet<&String> = whole.keys().collect();
    let wanted: BTreeMap<_, _> = fetched(&world, &journey_id).await.into_iter().filter(|(id, _)| !known.contains(id)).collect();
    assert!(wanted.len() > 20);
    assert!(newer.keys().eq(wanted.keys()), "{} rows of {}", newer.len(), wanted.len());
    // What was asked for a month ago is kept still, and not asked again.
    assert_eq!(rows(&page(&world, &first).await.unwrap()), whole);
    assert_eq!(world.sandbox.calls().count(CALL), 3);

    *clock.0.lock().unwrap() = SignedDuration::from_hours(100 * 24);
    // Whether it is deleted by now or not: the provider has deleted it, too.
    assert_eq!(refusal(page(&world, &first).await), (Code::FailedPrecondition, "DATA_EXPIRED".to_owned()));
    world.stop().await;
}

#[tokio::test]
async fn its_pages_are_of_one_answer() {
    let world = World::start().await;
    let journey_id = ready(&world, "01").await;
    let mut small = request(&journey_id, View::Full);
    small.page_bytes = 16 * 1024;
    let first = page(&world, &small).await.unwrap();
    let (mut all, mut pages, mut ask) = (first.clone(), 1, small.clone());
    while !all.next_page_token.is_empty() {
        ask.page_token = std::mem::take(&mut all.next_page_token);
        let next = page(&world, &ask).await.unwrap();
        assert_eq!((&next.counts, next.replayed, &next.provenance), (&first.counts, true, &first.provenance));
        all.accounts.extend(next.accounts);
        all.transactions.extend(next.transactions);
        all.next_page_token = next.next_page_token;
        pages += 1;
    }
    assert!(pages > 10);
    assert_eq!(rows(&all), fetched(&world, &journey_id).await);
    assert_eq!(world.sandbox.calls().count(CALL), 1);
    let token = first.next_page_token;
    for other in [
        FetchChangesRequest { page_token: token.clone(), ..request(&journey_id, View::Full) },
        FetchChangesRequest { page_token: token.clone(), view: View::Masked.into(), ..small.clone() },
        FetchChangesRequest { page_token: token.clone(), page_bytes: 32 * 1024, ..small.clone() },
        FetchChangesRequest { page_token: "x".to_owned(), ..small.clone() },
    ] {
        assert_eq!(refusal(page(&world, &other).await), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH".to_owned()));
    }
    // Another page of another request asks nobody.
    assert_eq!(world.sandbox.calls().count(CALL), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_never_asked_for_again() {
    let world = World::start().await;
    let journey_id = ready(&world, "37").await;
    let lost = request(&journey_id, View::Masked);
    let status = page(&world, &lost).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "PROVIDER_UNAVAILABLE"), "{status:?}");
    assert_eq!(metadata(&status, "effect").as_deref(), Some("UNKNOWN"));
    assert_eq!(metadata(&status, "stage").as_deref(), Some("getalllatestfidata"));
    let unknown = (Code::FailedPrecondition, "OUTCOME_UNKNOWN".to_owned());
    assert_eq!(refusal(page(&world, &lost).await), unknown);
    let world = world.restart().await;
    assert_eq!(refusal(page(&world, &lost).await), unknown);
    assert_eq!(world.sandbox.calls().count(CALL), 1);
    // The caller decides to ask anew: what was lost does not come again.
    let anew = page(&world, &request(&journey_id, View::Masked)).await.unwrap();
    assert_eq!((anew.counts, anew.replayed), (Some(ChangeCounts::default()), false));
    assert_eq!(world.sandbox.calls().count(CALL), 2);
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_nobody_was_given_is_there_for_the_repeat() {
    let world = World::start().await;
    let journey_id = ready(&world, "01").await;
    let consent_id = world.status(&journey_id).await.consents[0].consent_id.clone();
    let asked = request(&journey_id, View::Full);
    // As if the process had ended between the provider's answer and ours.
    let kept = world.gateway.service().ask_latest(&journey_id, &consent_id, &asked.request_id).await;
    assert!(matches!(kept, Ok(false)));
    let world = world.restart().await;
    let answer = page(&world, &asked).await.unwrap();
    assert!(answer.replayed);
    assert_eq!(rows(&answer), fetched(&world, &journey_id).await);
    assert_eq!(world.sandbox.calls().count(CALL), 1);

    // Many at once are one question.
    let asked = request(&journey_id, View::Full);
    let calls = (0..8).map(|_| page(&world, &asked));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.into_iter().filter(|answer| !answer.as_ref().unwrap().replayed).count(), 1);
    assert_eq!(world.sandbox.calls().count(CALL), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_request_id_stands_for_one_journey_and_consent() {
    let world = World::start().await;
    let (one, other) = (ready(&world, "01").await, ready(&world, "15").await);
    let first = request(&one, View::Masked);
    page(&world, &first).await.unwrap();
    let elsewhere = FetchChangesRequest { journey_id: other.clone(), ..first.clone() };
    assert_eq!(refusal(page(&world, &elsewhere).await), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    // Its consent by name is the same question.
    let consent_id = world.status(&one).await.consents[0].consent_id.clone();
    assert!(page(&world, &FetchChangesRequest { consent_id, ..first.clone() }).await.unwrap().replayed);
    let strange = FetchChangesRequest { consent_id: "cns_unknown".to_owned(), ..first };
    assert_eq!(refusal(page(&world, &strange).await), (Code::NotFound, "CONSENT_NOT_FOUND".to_owned()));
    let opening = FetchChangesRequest { request_id: monitoring("01").request_id, ..request(&one, View::Masked) };
    page(&world, &opening).await.unwrap();
    assert_eq!(world.sandbox.calls().count(CALL), 2);
    world.stop().await;
}

#[tokio::test]
async fn only_a_periodic_consent_that_may_be_kept_has_latest_data() {
    let world = World::with(SandboxConfig::default(), |config| {
        let finpro = config.tenant.providers.finpro.get_mut("consent").unwrap();
        finpro.products.insert("one_time".to_owned(), "VIEW-ONCE".to_owned());
    })
    .await;
    let failed = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    let once = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    world.until_picked_up(&once).await;
    assert_eq!(refusal(page(&world, &request(&once, View::Masked)).await), failed("CONSENT_NOT_PERIODIC"));

    let mut look = start_request("finpro", "consent", "01", &[Product::Data]);
    look.consents[0].purpose = Purpose::OneTime.into();
    let look = world.approved(look).await;
    world.until_state(&look, JourneyState::Ready).await;
    assert_eq!(refusal(page(&world, &request(&look, View::Masked)).await), failed("VIEW_ONLY"));

    let open = world.client.clone().start_journey(monitoring("02")).await.unwrap().into_inner();
    assert_eq!(refusal(page(&world, &request(&open.journey_id, View::Masked)).await), failed("DATA_NOT_READY"));
    customer::reject(&open.customer_url).await.unwrap();
    world.until_state(&open.journey_id, JourneyState::Rejected).await;
    assert_eq!(refusal(page(&world, &request(&open.journey_id, View::Masked)).await), failed("JOURNEY_ENDED"));
    assert_eq!(world.sandbox.calls().count("finpro:received:/getalllatestfidata"), 0);
    world.stop().await;
}

#[tokio::test]
async fn products_without_it_say_so_as_data_and_refuse() {
    let world = World::start().await;
    let listed = world.providers().await.list_providers(pb::ListProvidersRequest {}).await.unwrap().into_inner();
    let mut able = BTreeSet::new();
    for provider in listed.providers {
        for product in provider.credentials.iter().flat_map(|credential| &credential.products) {
            if product.latest_changes {
                able.insert((provider.provider.clone(), product.provider_product.clone()));
            }
        }
    }
    let named = |product: &str| ("finpro".to_owned(), product.to_owned());
    assert!(able.into_iter().eq([named("consent"), named("orchestration")]));
    for (provider, credential) in [("finpass", "main")] {
        let journey_id = world.approved(start_request(provider, credential, "01", &[Product::Data])).await;
        world.until_picked_up(&journey_id).await;
        let status = page(&world, &request(&journey_id, View::Masked)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "CAPABILITY_MISSING"), "{credential}");
        assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "mode");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_withdrawal_takes_the_answer_along() {
    let world = World::at(Arc::new(SystemClock), SandboxConfig::default(), |_| ()).await;
    let opened = world.client.clone().start_journey(monitoring("01")).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    world.until_picked_up(&opened.journey_id).await;
    let asked = request(&opened.journey_id, View::Masked);
    page(&world, &asked).await.unwrap();
    let service = world.gateway.service();
    let kept = || async { service.store().increment(&service.tenant().id, &asked.request_id).await.unwrap() };
    assert!(kept().await.is_some());
    customer::revoke(&opened.customer_url).await.unwrap();
    let withdrawn = |journey: &pb::Journey| journey.consents[0].state() == ConsentState::Revoked;
    loop {
        service.nudge(&opened.journey_id).await.unwrap();
        if tokio::time::timeout(Duration::from_secs(1), world.until(&opened.journey_id, withdrawn)).await.is_ok() {
            break;
        }
    }
    let fenced = (Code::FailedPrecondition, "CONSENT_REVOKED".to_owned());
    assert_eq!(refusal(page(&world, &asked).await), fenced);
    assert_eq!(refusal(page(&world, &request(&opened.journey_id, View::Masked)).await), fenced);
    let give_up = tokio::time::Instant::now() + Duration::from_secs(20);
    while kept().await.is_some() {
        assert!(tokio::time::Instant::now() < give_up, "the answer is still kept");
    }
    assert_eq!(world.sandbox.calls().count(CALL), 1);
    world.stop().await;
}
