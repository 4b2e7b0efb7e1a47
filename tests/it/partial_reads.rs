//! A poll of several reads of which one fails: what the others say counts, and a withdrawal first of all.

use sangam::{
    config::FairUseMode,
    pb::{ConsentAsk, ConsentState, JourneyState, Purpose, View},
};
use serde_json::{Value, json};

use crate::{
    harness::{metadata, reason},
    replay::{AGGREGATOR, ANALYSER, Answer, CONSENT, ORCHESTRATION, documented},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

/// Polls that are not far apart.
const OFTEN: u64 = 20;
const LIST: &str = "/v2/getconsentslist";
const SECOND: &str = "99999999-2222-4222-8222-222222222222";

/// The list of the second consent's template.
fn second_list(state: &str) -> Answer {
    let body = documented(&format!("{CONSENT}{LIST}")).replace("PROD01", "PROD02").replace("22222222-2222", "99999999-2222");
    Answer::json(body.replace("11111111-1111", "88888888-1111").replace("\"ACTIVE\"", &format!("\"{state}\"")))
}

fn first_list(state: &str) -> Answer {
    Answer::json(documented(&format!("{CONSENT}{LIST}")).replace("\"ACTIVE\"", &format!("\"{state}\"")))
}

fn set_lists(stage: &Stage, first: Answer, second: Answer) {
    stage.replay.set(&format!("{CONSENT}{LIST}"), Answer::ByBody(vec![("PROD01", first), ("PROD02", second)]));
}

/// The documented template is for one fetch; fair use wants another for the second purpose.
async fn lenient() -> Stage {
    Stage::with(PATIENT, OFTEN, |config| config.tenant.fair_use.mode = FairUseMode::Report).await
}

/// Opens a journey of two consents; the data of the first one comes, that of the second is never there to be seen.
async fn with_two_consents(stage: &Stage) -> String {
    let mut opened: Value = serde_json::from_str(documented(&format!("{CONSENT}/v3/requestconsent"))).unwrap();
    let handles = ["11111111-1111-4111-8111-111111111111", "88888888-1111-4111-8111-111111111111"];
    opened["data"]["consent_handles"] = json!(handles);
    opened["data"].as_object_mut().unwrap().remove("consent_handle");
    stage.replay.set(&format!("{CONSENT}/v3/requestconsent"), Answer::json(opened.to_string()));
    let products = documented(&format!("{CONSENT}/productslist")).replace("PROD01", "PROD02").replace("MANUAL", "AUTOMATIC");
    stage.replay.set(&format!("{CONSENT}/productslist"), Answer::ByBody(vec![("PROD02", Answer::json(products))]));
    let absent = r#"{"errorCode":"NoDataAvailable","errorMsg":"Data is not available for the given consent","status":"FP0060"}"#;
    let sessions = format!("{CONSENT}/consent/firequest/status");
    stage.replay.set(&sessions, Answer::ByBody(vec![(SECOND, Answer::status(400, absent))]));
    set_lists(stage, first_list("ACTIVE"), second_list("ACTIVE"));
    let mut request = CONSENT_WAY.request();
    request.consents.push(ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() });
    let journey_id = stage.client.clone().start_journey(request).await.unwrap().into_inner().journey_id;
    let served = |journey: &sangam::pb::Journey| {
        journey.consents.iter().all(|consent| consent.state() == ConsentState::Active)
            && journey.consents[0].fetches.iter().any(|fetch| fetch.pick_up_time.is_some())
    };
    stage.until(&journey_id, served).await;
    assert!(stage.data(&journey_id, View::Masked).await.is_ok());
    journey_id
}

/// What a failing read answers.
fn faults() -> Vec<(&'static str, Answer)> {
    let refused =
        r#"{"ver":"1.21.0","errorCode":"InvalidRequest","errorMsg":"Request has Invalid ProductID  X","status":"FP0001"}"#;
    vec![
        ("503", Answer::status(503, "{}")),
        ("429", Answer::status(429, r#"{"errorCode":"RateLimitExceeded"}"#)),
        ("401", Answer::status(401, r#"{"errorCode":"Unauthorized"}"#)),
        ("400", Answer::status(400, refused)),
        ("a web page", Answer::Well(200, "text/html", "<html>later</html>".into())),
        ("half a body", Answer::json(r#"{"ver":"1.21.0","data":[{"#)),
        ("a cut connection", Answer::Bytes(Default::default())),
    ]
}

async fn assert_withdrawn(stage: &Stage, journey_id: &str, name: &str) {
    stage.gateway.service().nudge(journey_id).await.unwrap();
    let journey = stage.until(journey_id, |journey| journey.consents[0].state() == ConsentState::Revoked).await;
    assert!(journey.consents[0].fetches.iter().all(|fetch| fetch.purge_time.is_some()), "{name}");
    let mut request = crate::harness::data_request(journey_id, View::Masked);
    request.consent_id = journey.consents[0].consent_id.clone();
    let refused = stage.client.clone().fetch_data(request).await.unwrap_err();
    assert_eq!(reason(&refused), "CONSENT_REVOKED", "{name}");
}

#[tokio::test]
async fn a_withdrawal_counts_though_a_session_read_fails() {
    let stage = lenient().await;
    for (name, fault) in faults() {
        let journey_id = with_two_consents(&stage).await;
        let sessions = format!("{CONSENT}/consent/firequest/status");
        stage.replay.set(&sessions, Answer::ByBody(vec![(SECOND, fault)]));
        set_lists(&stage, first_list("REVOKED"), second_list("ACTIVE"));
        assert_withdrawn(&stage, &journey_id, name).await;
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_withdrawal_counts_though_another_list_fails() {
    let stage = lenient().await;
    for (name, fault) in faults() {
        let journey_id = with_two_consents(&stage).await;
        set_lists(&stage, first_list("REVOKED"), fault);
        assert_withdrawn(&stage, &journey_id, name).await;
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_withdrawal_does_not_wait_for_a_silent_list() {
    let stage = lenient().await;
    let journey_id = with_two_consents(&stage).await;
    set_lists(&stage, first_list("REVOKED"), Answer::Held);
    assert_withdrawn(&stage, &journey_id, "silence").await;
    stage.gateway.stop().await;
}

#[tokio::test]
async fn an_approval_counts_though_a_session_read_fails() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let sessions = format!("{CONSENT}/consent/firequest/status");
    stage.replay.set(&sessions, Answer::status(503, "{}"));
    let journey_id = stage.open(CONSENT_WAY).await.unwrap().journey_id;
    stage.until(&journey_id, |journey| journey.consents[0].state() == ConsentState::Active).await;
    stage.replay.heal(&sessions);
    stage.until(&journey_id, |journey| journey.state() == JourneyState::Ready).await;
    stage.gateway.stop().await;
}

/// The documented transaction with a consent whose data came by the aggregator.
pub fn by_aggregator() -> String {
    let path = format!("{ORCHESTRATION}/transaction/status");
    let mut body: Value = serde_json::from_str(documented(&path)).unwrap();
    let mut consent = body["data"][1]["data"]["consents"][0].clone();
    consent["dataFetchStatus"] = json!("SUCCESS");
    body["data"] = json!([
        {"type": "aa", "status": "SUCCESSFUL", "data": {"fips": [{"fip": "FIP-A", "status": "SUCCESSFUL"}], "consents": [consent]}},
        {"type": "pdf", "status": "SKIPPED"},
    ]);
    body.to_string()
}

async fn orchestrated(stage: &Stage) -> String {
    stage.replay.set(&format!("{ORCHESTRATION}/transaction/status"), Answer::json(by_aggregator()));
    stage.replay.heal(&format!("{ORCHESTRATION}{LIST}"));
    stage.ready(ORCHESTRATION_WAY).await
}

#[tokio::test]
async fn a_withdrawal_counts_though_the_transaction_fails() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    for (name, fault) in faults() {
        let journey_id = orchestrated(&stage).await;
        stage.replay.set(&format!("{ORCHESTRATION}/transaction/status"), fault);
        stage.replay.set(&format!("{ORCHESTRATION}{LIST}"), first_list("REVOKED"));
        assert_withdrawn(&stage, &journey_id, name).await;
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_transactions_old_approval_ends_no_pause() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let journey_id = orchestrated(&stage).await;
    let list = format!("{ORCHESTRATION}{LIST}");
    stage.replay.set(&list, first_list("PAUSED"));
    stage.gateway.service().nudge(&journey_id).await.unwrap();
    let paused = |journey: &sangam::pb::Journey| journey.consents[0].state() == ConsentState::Paused;
    stage.until(&journey_id, paused).await;
    stage.replay.set(&list, Answer::status(503, "{}"));
    let transaction = format!("{ORCHESTRATION}/transaction/status");
    let asked = stage.replay.asked(&transaction);
    stage.gateway.service().nudge(&journey_id).await.unwrap();
    stage.replay.until_asked(&transaction, asked + 1).await;
    stage.gateway.service().nudge(&journey_id).await.unwrap();
    stage.replay.until_asked(&transaction, asked + 2).await;
    assert!(paused(&stage.until(&journey_id, |_| true).await));
    stage.replay.set(&list, first_list("ACTIVE"));
    stage.gateway.service().nudge(&journey_id).await.unwrap();
    stage.until(&journey_id, |journey| journey.consents[0].state() == ConsentState::Active).await;
    stage.gateway.stop().await;
}

#[tokio::test]
async fn an_opening_without_a_usable_url_keeps_its_names() {
    let ways: [(Way, &str, &str); 4] = [
        (CONSENT_WAY, CONSENT, "/v3/requestconsent"),
        (ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent"),
        (AGGREGATOR_WAY, AGGREGATOR, "/init"),
        (ANALYSER_WAY, ANALYSER, "/init"),
    ];
    let stage = Stage::start(PATIENT, OFTEN).await;
    for (way, prefix, last) in ways {
        let path = format!("{prefix}{last}");
        stage.replay.set(&path, Answer::json(documented(&path).replace("https://", "javascript://")));
        let refused = stage.open(way).await.unwrap_err();
        let told = (reason(&refused), metadata(&refused, "effect"));
        assert_eq!(told, ("PROVIDER_RESPONSE_INVALID".to_owned(), Some("APPLIED".to_owned())), "{way:?}");
        let journey_id = metadata(&refused, "journey_id").unwrap();
        stage.until(&journey_id, |journey| journey.state() == JourneyState::Ready).await;
        assert_eq!(stage.replay.asked(&path), 1, "{way:?}: opened once");
    }
    stage.gateway.stop().await;
}
