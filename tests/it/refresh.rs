//! RefreshData: a new fetch on a live consent, asked of the provider once whatever happens to the answer.

use sangam::{
    pb::{ConsentState, FetchState, JourneyState, View},
    sandbox::{SandboxConfig, customer},
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    harness::{ShiftedClock, World, data_request, metadata, reason},
    offers::{Offer, offers},
    writes::{DAY, FI_REQUEST, REFRESH, monitoring, ready, refresh, world},
};

/// The effect that a refresh has at the provider of an offer.
fn effect(offer: &Offer) -> &'static str {
    if offer.provider == "finpro" { FI_REQUEST } else { REFRESH }
}

#[tokio::test]
async fn what_the_capabilities_promise_is_kept_by_every_product() {
    let (world, clock) = world().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey_id = if offer.product.refreshes {
            ready(&world, &offer, "01").await.journey_id
        } else {
            crate::offers::ready(&world, &offer, "01").await.journey_id
        };
        if !offer.product.refreshes {
            let missing = world.refresh(refresh(&journey_id)).await.unwrap_err();
            assert_eq!((missing.code(), reason(&missing).as_str()), (Code::Unimplemented, "CAPABILITY_MISSING"), "{name}");
            continue;
        }
        clock.advance(DAY);
        let before = world.sandbox.calls().count(effect(&offer));
        let request = refresh(&journey_id);
        let first = world.refresh(request.clone()).await.unwrap();
        let fetch_id = first.fetch.unwrap().fetch_id;
        let again = world.refresh(request).await.unwrap();
        assert!(again.replayed && again.fetch.unwrap().fetch_id == fetch_id, "{name}");
        let fits = |journey: &sangam::pb::Journey| {
            let newest = journey.consents[0].fetches.last().unwrap();
            newest.fetch_id == fetch_id && newest.pick_up_time.is_some()
        };
        let journey = world.until(&journey_id, fits).await;
        assert_eq!((journey.state(), journey.consents[0].fetches.len()), (JourneyState::Ready, 2), "{name}: {journey:?}");
        assert_eq!(world.sandbox.calls().count(effect(&offer)) - before, 1, "{name}");
        let (accounts, _) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
        assert!(!accounts.is_empty() && accounts.iter().all(|account| account.fetch_id == fetch_id), "{name}: the newest");
    }
    world.stop().await;
}

#[tokio::test]
async fn twenty_equal_calls_at_once_ask_the_provider_once() {
    let (world, clock) = world().await;
    let journey_id = world.approved(monitoring("finpro", "consent", "01")).await;
    world.until_picked_up(&journey_id).await;
    clock.advance(DAY);
    let before = world.sandbox.calls().count(FI_REQUEST);
    let request = refresh(&journey_id);
    let calls = (0..20).map(|_| world.refresh(request.clone()));
    let mut ids = std::collections::HashSet::new();
    for answer in futures_util::future::join_all(calls).await {
        ids.insert(answer.unwrap().fetch.unwrap().fetch_id);
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(world.sandbox.calls().count(FI_REQUEST) - before, 1);
    let mut other = request.clone();
    other.consent_id = format!("cns_{}", "0".repeat(26));
    let reused = world.refresh(other).await.unwrap_err();
    assert_eq!((reused.code(), reason(&reused).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    world.stop().await;
}

#[tokio::test]
async fn one_fetch_at_a_time_and_no_more_than_the_calendar_allows() {
    // Early in a month of the Indian calendar.
    let clock = std::sync::Arc::new(ShiftedClock::at("2026-12-03T06:00:00Z"));
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    let world = World::both_at(clock.clone(), sandbox, |_| ()).await;
    // The fetch of this story takes some looks, so that the second call finds it open.
    let journey_id = world.approved(monitoring("finpro", "consent", "28")).await;
    world.until_picked_up(&journey_id).await;
    let first = world.refresh(refresh(&journey_id)).await.unwrap().fetch.unwrap();
    let busy = world.refresh(refresh(&journey_id)).await.unwrap_err();
    assert_eq!((busy.code(), reason(&busy).as_str()), (Code::FailedPrecondition, "FETCH_IN_PROGRESS"), "{busy:?}");
    assert_eq!(metadata(&busy, "fetch_id").as_ref(), Some(&first.fetch_id));
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 2);
    world.until_picked_up(&journey_id).await;
    // Five in a month are allowed; the background's own was the first.
    for _ in 3..=5 {
        world.refresh(refresh(&journey_id)).await.unwrap();
        world.until_picked_up(&journey_id).await;
    }
    let request = refresh(&journey_id);
    let spent = world.refresh(request.clone()).await.unwrap_err();
    assert_eq!((spent.code(), reason(&spent).as_str()), (Code::FailedPrecondition, "FAIR_USE"), "{spent:?}");
    let violation = &spent.get_error_details().precondition_failure().unwrap().violations[0].clone();
    assert_eq!((violation.r#type.as_str(), violation.subject.len()), ("FREQUENCY", 30));
    assert_eq!(violation.description, "at most 5 per month, of the Indian calendar; again from 2026-12-31T18:30:00Z");
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 5);
    clock.advance(24 * 29);
    // A refusal for a while does not use the request id up.
    assert!(!world.refresh(request).await.unwrap().replayed);
    world.stop().await;
}

#[tokio::test]
async fn a_consent_that_allows_no_fetch_is_refused_before_the_provider_is_asked() {
    let (world, clock) = world().await;
    let mut underwriting = monitoring("finpro", "consent", "01");
    underwriting.consents[0].purpose = sangam::pb::Purpose::Underwriting.into();
    let used = world.approved(underwriting).await;
    world.until_picked_up(&used).await;
    let opened = world.client.clone().start_journey(monitoring("finpro", "consent", "01")).await.unwrap().into_inner();
    let pending = opened.journey_id.clone();
    let calls = world.sandbox.calls();
    let refused = |journey_id: String| {
        let (world, before) = (&world, calls.count(FI_REQUEST));
        let calls = calls.clone();
        async move {
            let status = world.refresh(refresh(&journey_id)).await.unwrap_err();
            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
            assert_eq!(calls.count(FI_REQUEST), before);
            reason(&status)
        }
    };
    assert_eq!(refused(used).await, "CONSENT_USED");
    assert_eq!(refused(pending.clone()).await, "CONSENT_PENDING");
    customer::approve(&opened.customer_url).await.unwrap();
    world.until_picked_up(&pending).await;
    clock.advance(DAY);
    customer::pause(&opened.customer_url).await.unwrap();
    world.gateway.service().nudge(&pending).await.unwrap();
    world.until(&pending, |journey| journey.consents[0].state() == ConsentState::Paused).await;
    assert_eq!(refused(pending.clone()).await, "CONSENT_PAUSED");
    customer::resume(&opened.customer_url).await.unwrap();
    world.gateway.service().nudge(&pending).await.unwrap();
    world.until(&pending, |journey| journey.consents[0].state() == ConsentState::Active).await;
    customer::revoke(&opened.customer_url).await.unwrap();
    // The provider refuses what we do not know yet; it is looked up then.
    let late = world.refresh(refresh(&pending)).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition, "{late:?}");
    world.until_state(&pending, JourneyState::Revoked).await;
    assert_eq!(refused(pending).await, "CONSENT_REVOKED");
    let rejected = world.client.clone().start_journey(monitoring("finpro", "consent", "01")).await.unwrap().into_inner();
    customer::reject(&rejected.customer_url).await.unwrap();
    world.until_state(&rejected.journey_id, JourneyState::Rejected).await;
    assert_eq!(refused(rejected.journey_id).await, "CONSENT_ENDED");
    let wrong = sangam::pb::RefreshDataRequest { request_id: "5".to_owned(), ..refresh(&opened.journey_id) };
    assert_eq!(reason(&world.refresh(wrong).await.unwrap_err()), "INVALID_FIELDS");
    let unknown = refresh(&format!("jrn_{}", "0".repeat(26)));
    assert_eq!(reason(&world.refresh(unknown).await.unwrap_err()), "JOURNEY_NOT_FOUND");
    world.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_found_where_the_provider_tells_and_given_up_where_not() {
    let (world, clock) = world().await;
    // In this story the first request is answered by nothing but a proxy's page, though it went through: it is the background's own.
    let finpro = world.approved(monitoring("finpro", "consent", "37")).await;
    let journey = world.until_picked_up(&finpro).await;
    assert_eq!((journey.state(), journey.consents[0].fetches.len()), (JourneyState::Ready, 1), "found by its session");
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 1);

    let finpass = world.approved(monitoring("finpass", "main", "37")).await;
    let journey = world.until(&finpass, |journey| journey.state() == JourneyState::Failed).await;
    let lost = &journey.consents[0].fetches[0];
    assert_eq!((lost.state(), lost.settled, lost.failure_reason.as_str()), (FetchState::Failed, true, "OUTCOME_UNKNOWN"));
    assert_eq!(world.sandbox.calls().count(REFRESH), 1);
    let anew = world.refresh(refresh(&finpass)).await.unwrap();
    assert_ne!(anew.fetch.unwrap().fetch_id, lost.fetch_id);
    world.until(&finpass, |journey| journey.consents[0].fetches[1].pick_up_time.is_some()).await;
    assert_eq!(world.sandbox.calls().count(REFRESH), 2);
    drop(clock);
    world.stop().await;
}

#[tokio::test]
async fn a_callers_own_lost_refresh_is_never_sent_again() {
    let refresh_path = "/finpass/api/v1/services/account-aggregator/refresh-data";
    for (provider, credential, effect, path, found) in
        [("finpro", "consent", FI_REQUEST, "/finpro/fi/request", true), ("finpass", "main", REFRESH, refresh_path, false)]
    {
        let (world, clock) = world().await;
        let journey_id = world.approved(monitoring(provider, credential, "01")).await;
        world.until_picked_up(&journey_id).await;
        clock.advance(DAY);
        let before = world.sandbox.calls().count(effect);
        world.sandbox.lose_next_answer(path);
        let request = refresh(&journey_id);
        let lost = world.refresh(request.clone()).await.unwrap_err();
        assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{lost:?}");
        assert_eq!(world.sandbox.calls().count(effect) - before, 1, "it went through");
        let journey = world.until(&journey_id, |journey| journey.consents[0].fetches.iter().all(|fetch| fetch.settled)).await;
        let newest = journey.consents[0].fetches.last().unwrap();
        assert_eq!(journey.consents[0].fetches.len(), 2);
        let replay = world.refresh(request).await.unwrap();
        assert!(replay.replayed);
        let replayed = replay.fetch.unwrap();
        assert_eq!(replayed.fetch_id, newest.fetch_id);
        if found {
            assert_eq!(replayed.state(), FetchState::Ready);
        } else {
            assert_eq!((replayed.state(), replayed.failure_reason.as_str()), (FetchState::Failed, "OUTCOME_UNKNOWN"));
        }
        assert_eq!(world.sandbox.calls().count(effect) - before, 1, "{provider}");
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_not_found_at_the_provider_ends_at_the_limit_and_counts() {
    let (world, clock) = world().await;
    let journey_id = world.approved(monitoring("finpro", "consent", "01")).await;
    world.until_picked_up(&journey_id).await;
    clock.advance(DAY);
    world.sandbox.set_down(true);
    let request = refresh(&journey_id);
    let lost = world.refresh(request.clone()).await.unwrap_err();
    assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{lost:?}");
    let replay = world.refresh(request.clone()).await.unwrap_err();
    assert_eq!((replay.code(), reason(&replay).as_str()), (Code::FailedPrecondition, "OUTCOME_UNKNOWN"));
    world.sandbox.set_down(false);
    clock.advance(2);
    let journey = world.until(&journey_id, |journey| journey.consents[0].fetches.iter().all(|fetch| fetch.settled)).await;
    let newest = journey.consents[0].fetches.last().unwrap();
    assert_eq!((newest.state(), newest.failure_reason.as_str()), (FetchState::Failed, "OUTCOME_UNKNOWN"));
    assert_eq!(journey.state(), JourneyState::PartiallyReady, "what came before is still served");
    assert!(world.data(data_request(&journey_id, View::Masked)).await.is_ok());
    assert_eq!(world.refresh(request).await.unwrap().fetch.unwrap().state(), FetchState::Failed);
    assert_eq!(world.sandbox.calls().count(FI_REQUEST), 1, "the first fetch alone came there");
    world.stop().await;
}
