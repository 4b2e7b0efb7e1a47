//! Several consents in one transaction of FinPro's orchestration: each has its own fetch, and a withdrawn one takes its rows with it.

use sangam::{
    pb::{self, ConsentState, FetchState as F, JourneyState as J, Product, PurgeReason, View},
    sandbox::{SandboxConfig, credentials::FINPRO_ORCHESTRATION},
};

use crate::{
    harness::{World, data_request, reason, start_request},
    writes::{purge, revoke},
};

const DATA_CALL: &str = "finpro:received:/getallfidata";

async fn world() -> World {
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    World::with(sandbox, |config| config.tenant.retain_evidence = true).await
}

/// Two consents of one transaction.
fn both(digits: &str) -> pb::StartJourneyRequest {
    let mut request = start_request("finpro", "orchestration", digits, &[Product::Data, Product::Analytics]);
    request.consents.push(pb::ConsentAsk { purpose: pb::Purpose::Monitoring.into(), ..Default::default() });
    request
}

fn of_consent(journey: &pb::Journey, place: usize) -> pb::FetchDataRequest {
    let consent_id = journey.consents[place].consent_id.clone();
    pb::FetchDataRequest { consent_id, ..data_request(&journey.journey_id, View::Masked) }
}

async fn account_ids(world: &World, request: pb::FetchDataRequest) -> Vec<String> {
    let (accounts, _) = world.data(request).await.unwrap();
    accounts.into_iter().map(|account| account.account_id).collect()
}

async fn refusal(world: &World, request: pb::FetchDataRequest) -> String {
    reason(&world.data(request).await.unwrap_err())
}

async fn analysis(world: &World, journey_id: &str) -> Result<pb::FetchAnalyticsResponse, tonic::Status> {
    let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..Default::default() };
    Ok(world.client.clone().fetch_analytics(request).await?.into_inner())
}

async fn evidence(world: &World, journey: &pb::Journey, place: usize) -> Result<Vec<u8>, String> {
    let consent_id = journey.consents[place].consent_id.clone();
    let request = pb::GetEvidenceRequest { journey_id: journey.journey_id.clone(), consent_id, ..Default::default() };
    let mut stream = match world.client.clone().get_evidence(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return Err(reason(&status)),
    };
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await.map_err(|status| reason(&status))? {
        if let Some(pb::get_evidence_response::Part::Chunk(part)) = message.part {
            bytes.extend_from_slice(&part);
        }
    }
    Ok(bytes)
}

/// Withdraws a consent at FinPro, past the gateway.
async fn withdrawn_at_the_provider(world: &World, journey_id: &str, place: usize) {
    let kept = world.gateway.service().store().journey("demo", journey_id).await.unwrap().unwrap();
    let consent_id = kept.journey.consents[place].provider_ref.clone().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(format!("{}/revokeconsent", world.sandbox.finpro_base_url()))
        .header("client_id", FINPRO_ORCHESTRATION.client_id)
        .header("client_secret", FINPRO_ORCHESTRATION.client_secret)
        .header("organisationId", FINPRO_ORCHESTRATION.organisation_id)
        .header("appIdentifier", FINPRO_ORCHESTRATION.app_identifier)
        .header("content-type", "application/json");
    let answer = request.body(serde_json::json!({"consentID": consent_id}).to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn states(journey: &pb::Journey) -> Vec<F> {
    journey.consents.iter().flat_map(|consent| &consent.fetches).map(pb::Fetch::state).collect()
}

fn named(journey: &pb::Journey, place: usize) -> pb::RevokeConsentRequest {
    let consent_ids = vec![journey.consents[place].consent_id.clone()];
    pb::RevokeConsentRequest { consent_ids, all_consents: false, ..revoke(&journey.journey_id) }
}

#[tokio::test]
async fn each_consent_of_a_transaction_has_its_own_fetch() {
    let world = world().await;
    for (digits, state, fetches) in [
        ("01", J::Ready, [F::Ready, F::Ready]),
        ("03", J::PartiallyReady, [F::Partial, F::Partial]),
        ("46", J::PartiallyReady, [F::Ready, F::Failed]),
        ("47", J::PartiallyReady, [F::Ready, F::Empty]),
        ("48", J::PartiallyReady, [F::Ready, F::Failed]),
        ("49", J::PartiallyReady, [F::Partial, F::Partial]),
    ] {
        let journey_id = world.approved(both(digits)).await;
        let journey = world.until_settled(&journey_id).await;
        assert_eq!((journey.state(), states(&journey)), (state, fetches.to_vec()), "{digits}: {journey:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_single_denied_account_makes_the_fetch_partial() {
    let world = world().await;
    let request = start_request("finpro", "orchestration", "03", &[Product::Data]);
    let journey_id = world.approved(request).await;
    let journey = world.until_settled(&journey_id).await;
    assert_eq!((journey.state(), states(&journey)), (J::PartiallyReady, vec![F::Partial]));
    world.stop().await;
}

#[tokio::test]
async fn a_complete_read_names_the_consent_that_is_missing() {
    let world = world().await;
    let journey_id = world.approved(both("46")).await;
    let journey = world.until_settled(&journey_id).await;
    let complete = pb::FetchDataRequest {
        completeness: pb::CompletenessDemand::RequireComplete.into(),
        accept_assumed_range: true,
        ..data_request(&journey_id, View::Masked)
    };
    let refused = world.data(complete.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "DATA_INCOMPLETE");
    let details = tonic_types::StatusExt::get_error_details(&refused);
    let violations = &details.precondition_failure().unwrap().violations;
    let named = |violation: &&tonic_types::PreconditionViolation| violation.subject == journey.consents[1].consent_id;
    assert_eq!(violations.iter().find(named).unwrap().r#type, "CONSENT_NOT_FETCHED", "{violations:?}");
    assert!(!world.data(data_request(&journey_id, View::Masked)).await.unwrap().0.is_empty(), "a partial read is served");
    world.stop().await;
}

#[tokio::test]
async fn one_call_brings_the_rows_of_all_consents() {
    let world = world().await;
    let journey_id = world.approved(both("01")).await;
    let journey = world.until_settled(&journey_id).await;
    assert_eq!(world.sandbox.calls().count(DATA_CALL), 1);
    let (first, second) =
        (account_ids(&world, of_consent(&journey, 0)).await, account_ids(&world, of_consent(&journey, 1)).await);
    assert!(!first.is_empty() && !second.is_empty());
    assert!(first.iter().all(|id| !second.contains(id)));
    let all = account_ids(&world, data_request(&journey_id, View::Masked)).await;
    assert_eq!(all, [first.clone(), second.clone()].concat(), "a read that names no consent has them all");
    let counted: i32 = journey.consents.iter().flat_map(|consent| &consent.fetches).map(|fetch| fetch.account_count).sum();
    assert_eq!(counted as usize, all.len());
    assert_eq!(world.sandbox.calls().count(DATA_CALL), 1);
    analysis(&world, &journey_id).await.unwrap();
    let by_second = pb::FetchAnalyticsRequest {
        journey_id: journey_id.clone(),
        consent_id: journey.consents[1].consent_id.clone(),
        ..Default::default()
    };
    world.client.clone().fetch_analytics(by_second).await.unwrap();
    assert_eq!(world.sandbox.calls().count("finpro:received:/analytics/json"), 1, "one analysis of the whole");
    world.stop().await;
}

#[tokio::test]
async fn pages_of_all_consents_follow_one_another() {
    let world = world().await;
    let journey_id = world.approved(both("01")).await;
    let journey = world.until_settled(&journey_id).await;
    let paged = pb::FetchDataRequest { page_bytes: 16 * 1024, ..data_request(&journey_id, View::Masked) };
    let whole = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
    assert_eq!(world.data(paged.clone()).await.unwrap(), whole);
    let page = world.client.clone().fetch_data(paged.clone()).await.unwrap().into_inner();
    world.revoke(named(&journey, 1)).await.unwrap();
    let next = pb::FetchDataRequest { page_token: page.next_page_token, ..paged };
    assert_eq!(refusal(&world, next).await, "PAGE_TOKEN_MISMATCH", "half of what the pages were cut from is gone");
    world.stop().await;
}

#[tokio::test]
async fn withdrawing_one_consent_takes_its_own_rows_only() {
    let world = world().await;
    for place in [0, 1] {
        let journey_id = world.approved(both("01")).await;
        let journey = world.until_settled(&journey_id).await;
        let (gone, left) = (&journey.consents[place], &journey.consents[1 - place]);
        let kept = account_ids(&world, of_consent(&journey, 1 - place)).await;
        analysis(&world, &journey_id).await.unwrap();
        let before = evidence(&world, &journey, 1 - place).await.unwrap();
        world.revoke(named(&journey, place)).await.unwrap();
        assert_eq!(refusal(&world, of_consent(&journey, place)).await, "CONSENT_REVOKED");
        assert_eq!(account_ids(&world, data_request(&journey_id, View::Masked)).await, kept);
        assert_eq!(account_ids(&world, of_consent(&journey, 1 - place)).await, kept);
        assert_eq!(evidence(&world, &journey, place).await, Err("CONSENT_REVOKED".to_owned()));
        assert_eq!(evidence(&world, &journey, 1 - place).await, Ok(before));
        assert_eq!(reason(&analysis(&world, &journey_id).await.unwrap_err()), "CONSENT_REVOKED", "it analysed both");
        let store = world.gateway.service().store();
        let snapshot = |id: String| async move { store.snapshot("demo", &id).await.unwrap().is_some() };
        assert!(!snapshot(gone.fetches[0].fetch_id.clone()).await && snapshot(left.fetches[0].fetch_id.clone()).await);
        let receipts = store.receipts("demo", Some(&journey_id)).await.unwrap();
        let of = |id: &str| receipts.iter().find(|receipt| receipt.fetch_id == id).unwrap();
        let rows = of(&gone.fetches[0].fetch_id);
        assert_eq!((rows.snapshots, rows.evidence, rows.reason), (1, 1, PurgeReason::Revoked));
        assert_eq!(of(&gone.attempt_id).documents, 2, "the figures and the document of the analysis");
        assert_eq!(world.status(&journey_id).await.state(), J::Ready);
    }
    world.stop().await;
}

#[tokio::test]
async fn rows_that_cannot_be_told_apart_go_with_any_consent() {
    let world = world().await;
    for place in [0, 1] {
        let journey_id = world.approved(both("50")).await;
        let journey = world.until_settled(&journey_id).await;
        assert_eq!((journey.state(), states(&journey)), (J::Ready, vec![F::Ready, F::Ready]));
        let carrier = &journey.consents[0].fetches[0].fetch_id;
        assert_eq!(&journey.consents[1].fetches[0].rows_fetch_id, carrier);
        assert_eq!(
            account_ids(&world, of_consent(&journey, 1)).await,
            account_ids(&world, data_request(&journey_id, View::Masked)).await
        );
        world.revoke(named(&journey, place)).await.unwrap();
        let after = world.status(&journey_id).await;
        assert_eq!(after.consents[1 - place].state(), ConsentState::Active);
        for place in [0, 1] {
            assert_eq!(refusal(&world, of_consent(&journey, place)).await, "CONSENT_REVOKED");
            assert_eq!(evidence(&world, &journey, place).await, Err("CONSENT_REVOKED".to_owned()));
            assert_eq!(after.consents[place].fetches[0].purge_reason(), PurgeReason::Revoked);
        }
        assert_eq!(refusal(&world, data_request(&journey_id, View::Masked)).await, "CONSENT_REVOKED");
        let stream = pb::StreamDataRequest { journey_id: journey_id.clone(), ..Default::default() };
        assert_eq!(reason(&world.client.clone().stream_data(stream).await.unwrap_err()), "CONSENT_REVOKED");
        let changes =
            pb::FetchChangesRequest { journey_id: journey_id.clone(), since_fetch_id: carrier.clone(), ..Default::default() };
        assert_eq!(reason(&world.client.clone().fetch_changes(changes).await.unwrap_err()), "CONSENT_REVOKED");
        assert!(world.gateway.service().store().snapshot("demo", carrier).await.unwrap().is_none());
        let receipts = world.gateway.service().store().receipts("demo", Some(&journey_id)).await.unwrap();
        assert!(receipts.iter().any(|one| one.fetch_id == *carrier && (one.snapshots, one.evidence) == (1, 1)), "{receipts:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn purging_one_consent_takes_its_rows_and_the_common_ones() {
    let world = world().await;
    let journey_id = world.approved(both("01")).await;
    let journey = world.until_settled(&journey_id).await;
    let kept = account_ids(&world, of_consent(&journey, 0)).await;
    let answer = world.purge(purge(&journey_id, &journey.consents[1].consent_id)).await.unwrap();
    assert_eq!(answer.receipts.iter().map(|receipt| receipt.snapshots).sum::<i32>(), 1);
    assert_eq!(refusal(&world, of_consent(&journey, 1)).await, "DATA_PURGED");
    assert_eq!(account_ids(&world, data_request(&journey_id, View::Masked)).await, kept);
    let journey_id = world.approved(both("50")).await;
    let journey = world.until_settled(&journey_id).await;
    let answer = world.purge(purge(&journey_id, &journey.consents[1].consent_id)).await.unwrap();
    assert_eq!(answer.receipts.iter().map(|receipt| receipt.snapshots).sum::<i32>(), 1, "{:?}", answer.receipts);
    for place in [0, 1] {
        assert_eq!(refusal(&world, of_consent(&journey, place)).await, "DATA_PURGED");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_withdrawal_that_the_provider_reports_is_fenced_alike() {
    let world = world().await;
    for (digits, first) in [("50", "CONSENT_REVOKED"), ("01", "")] {
        let opened = world.client.clone().start_journey(both(digits)).await.unwrap().into_inner();
        sangam::sandbox::customer::approve(&opened.customer_url).await.unwrap();
        let journey = world.until_settled(&opened.journey_id).await;
        withdrawn_at_the_provider(&world, &journey.journey_id, 1).await;
        world.gateway.service().nudge(&journey.journey_id).await.unwrap();
        let revoked = |journey: &pb::Journey| journey.consents[1].state() == ConsentState::Revoked;
        world.until(&journey.journey_id, revoked).await;
        assert_eq!(refusal(&world, of_consent(&journey, 1)).await, "CONSENT_REVOKED");
        let served = world.data(of_consent(&journey, 0)).await;
        assert_eq!(served.err().map(|status| reason(&status)).unwrap_or_default(), first);
    }
    world.stop().await;
}
