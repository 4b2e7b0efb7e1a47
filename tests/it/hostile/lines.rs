//! Every rpc that meets a failure of a provider leaves one line with all that an operator needs, also where the rpc itself does not fail.

use std::collections::BTreeSet;

use sangam::{
    config::FairUseMode,
    pb::{self, ChangesMode, DESCRIPTOR_SET, ProviderDelivery, ReportFormat, View},
    providers::vocabulary::other,
};
use serde_json::Value;
use uuid::Uuid;

use super::{capture, codes::refusal};
use crate::{
    replay::{Answer, CONSENT, ORCHESTRATION, documented},
    stage::{CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
    writes::{purge, revoke},
};

const RARELY: u64 = 600_000;
const OFTEN: u64 = 20;

/// The rpcs whose lines are asserted here or, together with what the caller reads, in `codes.rs`.
const ASSERTED: [&str; 12] = [
    "StartJourney",
    "ResumeJourney",
    "ResolveRedirect",
    "AdoptConsent",
    "FetchAnalytics",
    "ExplainConsent",
    "FetchReport",
    "FetchChanges",
    "StreamData",
    "RefreshData",
    "RevokeConsent",
    "PurgeData",
];
/// These call no provider, or only by way of what the background does as well.
const WITHOUT: [&str; 10] = [
    "ListJourneys",
    "GetStatus",
    "WatchStatus",
    "WatchJourneys",
    "GetEvidence",
    "CancelJourney",
    "ListOverdue",
    "ListProviders",
    "ResumeCalls",
    // It reads what is picked up, or picks it up as StreamData does.
    "FetchData",
];

#[test]
fn every_rpc_is_judged_for_its_lines() {
    let set = <prost_types::FileDescriptorSet as prost::Message>::decode(DESCRIPTOR_SET).unwrap();
    let files = set.file.iter().filter(|file| file.package() == "sangam.v1");
    let methods = files.flat_map(|file| &file.service).flat_map(|service| &service.method);
    let known: BTreeSet<&str> = ASSERTED.into_iter().chain(WITHOUT).collect();
    assert_eq!(methods.map(|method| method.name()).collect::<BTreeSet<_>>(), known);
}

/// A template whose consent is periodic and may be kept, or another `change` of the documented one.
async fn stage(longest_ms: u64, change: impl Fn(&str) -> String) -> Stage {
    // What the replay makes of the template is none that fair use allows for its purpose.
    let stage = Stage::with(PATIENT, longest_ms, |config| config.tenant.fair_use.mode = FairUseMode::Report).await;
    for prefix in [CONSENT, ORCHESTRATION] {
        let list = format!("{prefix}/productslist");
        stage.replay.set(&list, Answer::json(change(documented(&list))));
    }
    stage
}

fn periodic(text: &str) -> String {
    text.replace("ONETIME", "PERIODIC")
}

fn assert_one_line(stage_name: &str, code: &str) {
    let shown = other(code);
    let lines: Vec<Value> = capture::lines_with(&shown).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{stage_name}: {lines:?}");
    let line = &lines[0];
    for (field, value) in [
        ("message", "provider call failed"),
        ("provider", "finpro"),
        ("stage", stage_name),
        ("provider_code", shown.as_str()),
        ("effect", "NONE"),
        ("form", "JSON_OBJECT"),
    ] {
        assert_eq!(line[field], value, "{stage_name}: {line}");
    }
    for field in ["credential", "x_request_id", "http_status", "bytes", "reason"] {
        assert!(!line[field].is_null(), "{stage_name} lacks {field}: {line}");
    }
}

fn fail(stage: &Stage, path: &str, code: &str) {
    stage.replay.set(path, refusal(path, code));
}

#[tokio::test]
async fn a_report_leaves_one_line() {
    capture::watch();
    let stage = stage(RARELY, str::to_owned).await;
    let ways: [(Way, &str, &str); 2] = [(CONSENT_WAY, CONSENT, "AAAPA2401A"), (ORCHESTRATION_WAY, ORCHESTRATION, "AAAPA2402A")];
    for (way, prefix, code) in ways {
        let journey_id = stage.ready(way).await;
        fail(&stage, &format!("{prefix}/analytics/excel"), code);
        let request = pb::FetchReportRequest { journey_id, format: ReportFormat::Excel.into(), ..Default::default() };
        stage.client.clone().fetch_report(request).await.unwrap_err();
        assert_one_line("analytics_excel", code);
    }
}

#[tokio::test]
async fn changes_of_the_provider_leave_one_line() {
    capture::watch();
    let stage = stage(RARELY, periodic).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    fail(&stage, &format!("{CONSENT}/getalllatestfidata"), "AAAPA2403A");
    let request = pb::FetchChangesRequest {
        journey_id: journey_id.clone(),
        mode: ChangesMode::Provider.into(),
        request_id: Uuid::new_v4().to_string(),
        view: View::Masked.into(),
        ..Default::default()
    };
    stage.client.clone().fetch_changes(request).await.unwrap_err();
    assert_one_line("getalllatestfidata", "AAAPA2403A");
    // The provider's support finds the call by its id, which the attempt keeps.
    let kept = stage.gateway.service().store().journey("t", &journey_id).await.unwrap().unwrap();
    assert_eq!(kept.journey.attempts[0].calls.last().unwrap().stage, "getalllatestfidata");
}

#[tokio::test]
async fn data_that_only_pass_leave_one_line() {
    capture::watch();
    let stage = stage(RARELY, |text| text.replace("STORE", "VIEW")).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    fail(&stage, &format!("{CONSENT}/getallfidata"), "AAAPA2404A");
    let request = pb::StreamDataRequest { journey_id, ..Default::default() };
    stage.client.clone().stream_data(request).await.unwrap_err();
    assert_one_line("getallfidata", "AAAPA2404A");
}

#[tokio::test]
async fn a_refresh_leaves_one_line() {
    capture::watch();
    let stage = stage(RARELY, periodic).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    // The template allows one fetch an hour.
    stage.clock.advance(2);
    fail(&stage, &format!("{CONSENT}/fi/request"), "AAAPA2405A");
    let request = pb::RefreshDataRequest { journey_id, request_id: Uuid::new_v4().to_string(), ..Default::default() };
    stage.client.clone().refresh_data(request).await.unwrap_err();
    assert_one_line("fi_request", "AAAPA2405A");
}

#[tokio::test]
async fn an_explanation_leaves_one_line_though_it_succeeds() {
    capture::watch();
    let stage = stage(RARELY, str::to_owned).await;
    fail(&stage, &format!("{CONSENT}/productslist"), "AAAPA2406A");
    let start = CONSENT_WAY.request();
    let request = pb::ExplainConsentRequest {
        customer: start.customer,
        consents: start.consents,
        products: start.products,
        provider: start.provider,
        credential: start.credential,
        ..Default::default()
    };
    stage.client.clone().explain_consent(request).await.unwrap();
    assert_one_line("productslist", "AAAPA2406A");
}

#[tokio::test]
async fn withdrawals_leave_one_line_each() {
    capture::watch();
    let stage = stage(OFTEN, str::to_owned).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    let journey = stage.until(&journey_id, |journey| journey.consents[0].fetches[0].pick_up_time.is_some()).await;
    fail(&stage, &format!("{CONSENT}/fidata"), "AAAPA2407A");
    stage.client.clone().purge_data(purge(&journey_id, &journey.consents[0].consent_id)).await.unwrap();
    stage.until(&journey_id, |journey| journey.consents[0].data_deletion() == ProviderDelivery::Failed).await;
    assert_one_line("fidata", "AAAPA2407A");
    fail(&stage, &format!("{CONSENT}/revokeconsent"), "AAAPA2408A");
    stage.client.clone().revoke_consent(revoke(&journey_id)).await.unwrap();
    stage.until(&journey_id, |journey| journey.consents[0].revocation() == ProviderDelivery::Failed).await;
    assert_one_line("revokeconsent", "AAAPA2408A");
}
