//! A person's number in the place of a provider's code: it is shown as a hash, and one log line says what failed, whichever rpc met it.

use sangam::{
    pb::{AdoptConsentRequest, ProviderReferences, ResolveRedirectRequest, ResumeJourneyRequest},
    providers::vocabulary::other,
};
use serde_json::{Value, json};
use tonic::Status;

use super::capture;
use crate::{
    harness::metadata,
    replay::{AGGREGATOR, ANALYSER, Answer, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

const RARELY: u64 = 600_000;

/// A refusal with this code, in the envelope of FinPro or Finpass.
pub(super) fn refusal(path: &str, code: &str) -> Answer {
    let body = match path.starts_with("/finpass") {
        true => json!({"success": false, "message": "no", "error_code": code, "message_code": code}),
        false => json!({"ver": "1.21.0", "errorCode": code, "errorMsg": "no"}),
    };
    Answer::status(400, body.to_string())
}

/// The one line of the failure, and what the caller reads of it.
fn assert_one_line(what: &str, stage: &str, code: &str, status: &Status) {
    let shown = other(code);
    assert_eq!(metadata(status, "provider_code").as_deref(), Some(shown.as_str()), "{what}: {status:?}");
    let lines: Vec<Value> = capture::lines_with(&shown).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{what}: {lines:?}");
    let line = &lines[0];
    assert_eq!(line["message"], "provider call failed", "{what}");
    for (field, value) in [("stage", stage), ("provider_code", shown.as_str()), ("effect", "NONE"), ("form", "JSON_OBJECT")] {
        assert_eq!(line[field], value, "{what}: {line}");
    }
    for field in ["provider", "credential", "x_request_id", "http_status", "bytes"] {
        assert!(!line[field].is_null(), "{what} lacks {field}: {line}");
    }
    capture::assert_free_of(code);
}

#[tokio::test]
async fn an_opening_leaves_one_line_without_the_number() {
    capture::watch();
    let stage = Stage::start(PATIENT, RARELY).await;
    let ways: [(Way, &str, &str, &str, &str); 4] = [
        (CONSENT_WAY, CONSENT, "/v3/requestconsent", "requestconsent", "AAAPA2301A"),
        (ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent", "requestconsent", "9000002302"),
        (AGGREGATOR_WAY, AGGREGATOR, "/init", "init", "AAAPA2303A"),
        (ANALYSER_WAY, ANALYSER, "/init", "aa_bsa_init", "9000002304"),
    ];
    for (way, prefix, last, name, code) in ways {
        let path = format!("{prefix}{last}");
        stage.replay.set(&path, refusal(&path, code));
        let status = stage.open(way).await.unwrap_err();
        assert_one_line(&path, name, code, &status);
        stage.replay.heal(&path);
    }
}

#[tokio::test]
async fn an_analysis_leaves_one_line_without_the_number() {
    capture::watch();
    let stage = Stage::start(PATIENT, RARELY).await;
    let ways: [(Way, &str, &str, &str); 2] =
        [(CONSENT_WAY, CONSENT, "/analytics/json", "AAAPA2305A"), (ANALYSER_WAY, ANALYSER, "/analysis-json", "AAAPA2306A")];
    for (way, prefix, last, code) in ways {
        let path = format!("{prefix}{last}");
        let journey_id = stage.ready(way).await;
        stage.replay.set(&path, refusal(&path, code));
        let status = stage.analytics(&journey_id).await.unwrap_err();
        let name = if way.provider == "finpro" { "analytics_json" } else { "analysis_json" };
        assert_one_line(&path, name, code, &status);
    }
}

#[tokio::test]
async fn a_resume_leaves_one_line_without_the_number() {
    capture::watch();
    let stage = Stage::start(PATIENT, RARELY).await;
    // While the list fails, the customer has not decided.
    stage.replay.set(&format!("{CONSENT}/v2/getconsentslist"), Answer::status(503, "{}"));
    let journey_id = stage.open(CONSENT_WAY).await.unwrap().journey_id;
    let path = format!("{CONSENT}/webRedirection/getEncryptedUrl");
    stage.replay.set(&path, refusal(&path, "AAAPA2307A"));
    let request = ResumeJourneyRequest { request_id: uuid::Uuid::new_v4().to_string(), journey_id, ..Default::default() };
    let status = stage.client.clone().resume_journey(request).await.unwrap_err();
    assert_one_line(&path, "getEncryptedUrl", "AAAPA2307A", &status);
}

#[tokio::test]
async fn a_return_that_cannot_be_opened_leaves_a_line() {
    capture::watch();
    let stage = Stage::start(PATIENT, RARELY).await;
    let path = format!("{CONSENT}/webRedirection/decryptUrl");
    for prefix in [CONSENT, ORCHESTRATION] {
        stage.replay.set(&format!("{prefix}/webRedirection/decryptUrl"), refusal(&path, "AAAPA2308A"));
    }
    let query = "ecres=CIPHER&resdate=250320251652009&fi=Zm9v".to_owned();
    let request = ResolveRedirectRequest { query, ..Default::default() };
    let status = stage.client.clone().resolve_redirect(request).await.unwrap_err();
    assert_eq!(crate::harness::reason(&status), "REDIRECT_UNKNOWN");
    // One for each credential that was asked.
    assert_eq!(capture::lines_with(&other("AAAPA2308A")).len(), 2);
    capture::assert_free_of("AAAPA2308A");
}

#[tokio::test]
async fn an_adoption_leaves_one_line_without_the_number() {
    capture::watch();
    let stage = Stage::start(PATIENT, RARELY).await;
    let path = format!("{CONSENT}/v3/getconsentslist");
    stage.replay.set(&path, refusal(&path, "AAAPA2309A"));
    let start = CONSENT_WAY.request();
    let request = AdoptConsentRequest {
        request_id: start.request_id,
        customer: start.customer,
        provider: start.provider,
        credential: start.credential,
        consent: start.consents.first().cloned(),
        products: start.products,
        references: Some(ProviderReferences { handle: "h-1".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let status = stage.client.clone().adopt_consent(request).await.unwrap_err();
    assert_one_line(&path, "getconsentslist_v3", "AAAPA2309A", &status);
}
