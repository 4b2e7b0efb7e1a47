//! The simulator over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{collections::HashMap, sync::Arc};

use axum::{Router, body::Bytes, extract::State, routing::post};
use jiff::ToSpan;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    clock::{Clock, ManualClock},
    sandbox::{
        Sandbox, SandboxConfig,
        bank::{Bank, figures::Figures},
        credentials::FINPASS,
        customer,
        scenario::Scenario,
    },
};

const AA: &str = "api/v1/services/account-aggregator";
const BSA: &str = "api/v1/aa-bsa-journey";

struct Fixture {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    client: Client,
}

impl Fixture {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse().unwrap()));
        let sandbox = Sandbox::start(SandboxConfig::default(), clock.clone()).await.unwrap();
        Self { sandbox, clock, client: Client::builder().no_proxy().build().unwrap() }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/{path}", self.sandbox.finpass_base_url()));
        // Spelled in capitals on purpose: header names have no case.
        let request = request.header("X-API-KEY", FINPASS.api_key).header("X-Api-Secret", FINPASS.secret);
        answer(request.header("content-type", "application/json").body(body.to_string())).await
    }

    async fn get(&self, path: &str, client_id: &str) -> (u16, Value) {
        let request = self.client.get(format!("{}/{BSA}/{path}?client_id={client_id}", self.sandbox.finpass_base_url()));
        answer(request.header("x-api-key", FINPASS.api_key).header("x-api-secret", FINPASS.secret)).await
    }

    async fn init(&self, scenario: Scenario, consent_type: &str) -> (String, String) {
        let body = json!({"mobile_number": scenario.mobile(), "email": "", "consent_type": consent_type});
        let (status, body) = self.post(&format!("{AA}/init"), body).await;
        assert_eq!(status, 200, "{body}");
        (text(&body["data"]["client_id"]), text(&body["data"]["redirect_url"]))
    }

    async fn fetch(&self, client_id: &str, request_id: &str) -> (u16, Value) {
        self.post(&format!("{AA}/fetch-json-report"), json!({"client_id": client_id, "request_id": request_id})).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wrong_keys_get_the_documented_words() {
    let fixture = Fixture::start().await;
    let url = format!("{}/{AA}/fetch-json-report", fixture.sandbox.finpass_base_url());
    let (status, body) = answer(fixture.client.post(url).header("x-api-key", FINPASS.api_key)).await;
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({"status_code":401,"success":false,"message":"Unauthorized access. Invalid or missing API credentials.","message_code":"unauthorized"})
    );
    let url = format!("{}/{BSA}/status?client_id=x", fixture.sandbox.finpass_base_url());
    let (status, body) = answer(fixture.client.get(url)).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn init_takes_both_names_of_the_pan_and_answers_under_other_names() {
    let fixture = Fixture::start().await;
    for name in ["pan_number", "pan"] {
        let body = json!({"mobile_number":"9000000001", name: "AAAPA0001A", "email":"", "consent_type":"loan_underwriting",
            "redirect_url":"https://lender.example/r"});
        let (status, body) = fixture.post(&format!("{AA}/init"), body).await;
        assert_eq!((status, &body["message_code"]), (200, &json!("success")));
        assert_eq!(body["data"]["pan_number"], "AAAPA0001A");
        assert_eq!(body["data"]["email_id"], Value::Null);
        assert!(text(&body["data"]["redirect_url"]).contains("#/aa-webview?requestId="));
    }
    for wrong in
        [json!({"mobile_number":"+919000000001","consent_type":"loan_underwriting"}), json!({"mobile_number":"9000000001"})]
    {
        assert_eq!(fixture.post(&format!("{AA}/init"), wrong).await.0, 422);
    }
}

#[tokio::test]
async fn underwriting_delivers_what_the_bank_has() {
    let fixture = Fixture::start().await;
    let (client_id, url) = fixture.init(Scenario::Normal, "loan_underwriting").await;
    let (status, body) = fixture.fetch(&client_id, "").await;
    assert_eq!((status, &body["message_code"]), (422, &json!("consent_status_pending")));
    customer::approve(&url).await.unwrap();
    assert_eq!(fixture.fetch(&client_id, "").await.0, 202);
    let (status, body) = fixture.fetch(&client_id, "").await;
    assert_eq!(status, 200);
    let bank = Bank::accounts_for(&Scenario::Normal.mobile(), fixture.clock.now());
    let accounts = body["data"]["account_aggregator_json"].as_array().unwrap();
    assert_eq!(accounts.len(), bank.len());
    for (account, truth) in accounts.iter().zip(&bank) {
        assert_eq!(account["transaction_data"]["transaction_details"].as_array().unwrap().len(), truth.rows.len());
    }
    customer::revoke(&url).await.unwrap();
    assert_eq!(fixture.fetch(&client_id, "").await.1["message_code"], "consent_status_revoked");
    assert_eq!(fixture.fetch("aa_unknown", "").await.0, 404);
}

#[tokio::test]
async fn monitoring_needs_a_refresh_and_its_id() {
    let fixture = Fixture::start().await;
    let (client_id, url) = fixture.init(Scenario::Normal, "loan_monitoring").await;
    customer::approve(&url).await.unwrap();
    let (status, body) = fixture.fetch(&client_id, "").await;
    assert_eq!((status, &body["message_code"]), (422, &json!("missing_request_id")));
    // The first refresh uses the path without `/services`, which Finpass' own pages still cite.
    let mut ids = Vec::new();
    for path in ["api/v1/account-aggregator/refresh-data", "api/v1/services/account-aggregator/refresh-data"] {
        let (status, body) = fixture.post(path, json!({"client_id": client_id})).await;
        assert_eq!(status, 200);
        ids.push(text(&body["data"]["request_id"]));
    }
    assert_ne!(ids[0], ids[1]);
    for id in &ids {
        assert_eq!(fixture.fetch(&client_id, id).await.0, 202);
        assert_eq!(fixture.fetch(&client_id, id).await.0, 200);
    }
    assert_eq!(fixture.fetch(&client_id, "other").await.1["message_code"], "no_financial_information_request_found");
    let unknown = fixture.post(&format!("{AA}/refresh-data"), json!({"client_id": "aa_unknown"})).await;
    assert_eq!((unknown.0, &unknown.1["message_code"]), (400, &json!("invalid_client_id")));
}

#[tokio::test]
async fn every_story_has_its_answer() {
    let fixture = Fixture::start().await;
    for (scenario, status, code) in [
        (Scenario::FetchTimesOut, 422, "account_data_fetch_expired"),
        (Scenario::NoData, 422, "account_data_not_found"),
        (Scenario::NestedError, 422, "account_data_fetch_error"),
        (Scenario::NoAccountFound, 422, "consent_status_pending"),
        (Scenario::ServerFaultOnce, 500, "server_error"),
        (Scenario::TooManyRequestsOnce, 429, "too_many_requests"),
    ] {
        let (client_id, url) = fixture.init(scenario, "loan_underwriting").await;
        customer::approve(&url).await.unwrap();
        fixture.fetch(&client_id, "").await;
        let seen = fixture.fetch(&client_id, "").await;
        assert_eq!((seen.0, &seen.1["message_code"]), (status, &json!(code)), "{scenario:?}");
    }
    let (client_id, url) = fixture.init(Scenario::Normal, "loan_underwriting").await;
    customer::reject(&url).await.unwrap();
    assert_eq!(fixture.fetch(&client_id, "").await.1["message_code"], "consent_status_rejected");
}

#[tokio::test]
async fn an_analysis_goes_through_its_statuses_and_adds_up() {
    let fixture = Fixture::start().await;
    let (told, mut hooks) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let receive = |State(told): State<mpsc::UnboundedSender<Value>>, body: Bytes| async move {
        told.send(serde_json::from_slice(&body).unwrap()).unwrap();
    };
    let receiver = Router::new().route("/hook", post(receive)).with_state(told);
    let receiving = tokio::spawn(axum::serve(listener, receiver).into_future());

    let body = json!({"mobile_number": "9000000001", "consent_type": "", "webhook_url": hook});
    let (status, opened) = fixture.post(&format!("{BSA}/init"), body).await;
    assert_eq!((status, &opened["data"]["consent_type"]), (200, &json!("loan_underwriting")), "{opened}");
    assert_eq!(opened["data"]["expires_at"], "2026-11-21T10:00:00Z");
    let client_id = text(&opened["data"]["client_id"]);
    let mut seen = vec![text(&fixture.get("status", &client_id).await.1["data"]["status"])];
    assert_eq!(fixture.get("statement-result", &client_id).await.1["error_code"], "ANALYSIS_NOT_READY");
    customer::approve(&text(&opened["data"]["journey_url"])).await.unwrap();
    for _ in 0..2 {
        seen.push(text(&fixture.get("status", &client_id).await.1["data"]["status"]));
    }
    assert_eq!(seen, ["initiated", "data_fetched", "analysis_complete"]);
    let mut messages = HashMap::new();
    while messages.len() < 3 {
        let message = hooks.recv().await.unwrap();
        assert_eq!(message["client_id"], json!(client_id));
        messages.insert(text(&message["status"]), ());
    }
    assert!(["consent_pending", "data_fetched", "analysis_complete"].iter().all(|status| messages.contains_key(*status)));
    receiving.abort();

    let truth = Figures::of(&Bank::accounts_for("9000000001", fixture.clock.now())).unwrap();
    let (_, analysis) = fixture.get("analysis-json", &client_id).await;
    let credits = analysis["data"]["summary"]["total_credits"].as_f64().unwrap();
    assert!((credits * 100.0 - truth.total_credits() as f64).abs() < 0.5);
    assert!(analysis["data"]["income"]["identified_salary_credits"].as_array().unwrap().len() >= 11);
    let (_, statement) = fixture.get("statement-result", &client_id).await;
    assert_eq!(statement["data"]["accounts"].as_array().unwrap().len(), 3);
    assert!(statement["data"]["accounts"][0]["closing_balance"].is_number());
    assert_eq!(fixture.get("analysis-json", "bsa_clnt_unknown").await.1["error_code"], "SESSION_NOT_FOUND");
}

#[tokio::test]
async fn a_link_to_a_statement_works_for_ten_minutes() {
    let fixture = Fixture::start().await;
    let (client_id, url) = fixture.init(Scenario::Normal, "loan_underwriting").await;
    customer::approve(&url).await.unwrap();
    fixture.fetch(&client_id, "").await;
    let (status, body) = fixture.post(&format!("{AA}/fetch-statement-pdf"), json!({"client_id": client_id})).await;
    assert_eq!(status, 200);
    let report = &body["data"]["reports"][0];
    assert!(text(&report["account_number"]).starts_with("XXXX"));
    let link = text(&report["statement_report_link"]);
    let document = fixture.client.get(&link).send().await.unwrap().bytes().await.unwrap();
    assert!(document.starts_with(b"%PDF-"));
    fixture.clock.set(fixture.clock.now() + 11.minutes());
    assert_eq!(fixture.client.get(&link).send().await.unwrap().status(), 403);
}
