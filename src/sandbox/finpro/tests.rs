//! The simulator over real HTTP, as the gateway and a customer's browser meet it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{
    clock::ManualClock,
    sandbox::{
        Sandbox, SandboxConfig, WebhookTarget,
        credentials::{FINPRO_ANALYTICS_JSON, FINPRO_CONSENT, FINPRO_ORCHESTRATION, FinProCredential},
        customer,
        scenario::Scenario,
    },
};

struct Fiu {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    credential: FinProCredential,
}

impl Fiu {
    async fn new(credential: FinProCredential) -> Self {
        Self::with(credential, SandboxConfig::default()).await
    }

    async fn with(credential: FinProCredential, config: SandboxConfig) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap()));
        let sandbox = Sandbox::start(config, clock.clone()).await.unwrap();
        Self { sandbox, clock, credential }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Response {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client
            .request(method, format!("{}{path}", self.sandbox.finpro_base_url()))
            .header("client_id", self.credential.client_id)
            .header("client_secret", self.credential.client_secret)
            .header("organisationId", self.credential.organisation_id)
            .header("appIdentifier", self.credential.app_identifier)
            .header("content-type", "application/json");
        request.body(body.to_string()).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.call(Method::POST, path, body).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn open(&self, scenario: Scenario, product: &str) -> Value {
        let (status, body) = self.post("/v3/requestconsent", ask(scenario, product)).await;
        assert_eq!((status, &body["status"]), (200, &json!("success")), "{body}");
        body["data"].clone()
    }

    /// Opens a journey, approves it, and returns the consent id.
    async fn approved(&self, scenario: Scenario, product: &str) -> String {
        let data = self.open(scenario, product).await;
        customer::approve(data["webRedirectionUrl"].as_str().unwrap()).await.unwrap();
        let (_, list) = self.post("/getconsentslist", json!({"mobileNumber": scenario.mobile()})).await;
        list["data"][0]["consentID"].as_str().unwrap().to_owned()
    }
}

fn ask(scenario: Scenario, product: &str) -> Value {
    let mobile = scenario.mobile();
    json!({
        "productID": product, "vua": format!("{mobile}@onemoney"), "partyIdentifierType": "MOBILE",
        "partyIdentifierValue": mobile, "accountID": "ACC-1", "redirectUrl": "https://lender.example/back?own=1",
    })
}

fn query(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn an_approved_customer_s_data_is_there_after_one_look() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let data = fiu.open(Scenario::Normal, "UW-ONETIME").await;
    let back = customer::approve(data["webRedirectionUrl"].as_str().unwrap()).await.unwrap().unwrap();
    let parts = json!({"ecres": query(&back, "ecres"), "resdate": query(&back, "resdate"), "fi": query(&back, "fi")});
    let (_, opened) = fiu.post("/webRedirection/decryptUrl", json!({"webRedirectionURL": parts})).await;
    assert_eq!((&opened["data"]["errorcode"], &opened["data"]["srcref"]), (&json!("0"), &data["consent_handle"]));
    assert_eq!(query(&back, "own"), "1");

    let handle = json!({"consentHandle": data["consent_handle"]});
    let (_, first) = fiu.post("/consent/firequest/status", handle.clone()).await;
    assert_eq!(first["data"]["eventStatus"], "PENDING");
    let (_, second) = fiu.post("/consent/firequest/status", handle).await;
    assert_eq!((&second["data"]["eventStatus"], &second["data"]["firstTimeFetch"]), (&json!("DATA_READY"), &json!(true)));

    let id = second["data"]["consentId"].clone();
    let (_, all) = fiu.post("/getallfidata", json!({"consentID": id})).await;
    let accounts = all["data"].as_array().unwrap();
    let deposits = accounts.iter().filter(|account| account["fiType"] == "DEPOSIT");
    let rows: usize = deposits.map(|account| account["Transactions"]["Transaction"].as_array().unwrap().len()).sum();
    assert_eq!(accounts.len(), 5);
    assert!(rows >= 2_000, "{rows}");
    let (_, report) = fiu.post("/analytics/json", json!({"consentID": id, "journeyID": FINPRO_ANALYTICS_JSON})).await;
    let credits = &report["data"]["data"]["bankingAnalysis"]["overallAnalysis"]["totalNetCreditTransactionAmount"];
    assert!(credits.as_f64().unwrap() > 100_000.0);
    let excel = fiu.call(Method::POST, "/analytics/excel", json!({"consentID": id, "journeyID": "aa_excel_analytics_v1"})).await;
    assert!(excel.bytes().await.unwrap().starts_with(b"PK"));
    assert_eq!(fiu.sandbox.calls().count_for("finpro:/v3/requestconsent", "ACC-1"), 1);
    fiu.sandbox.stop().await;
}

#[tokio::test]
async fn a_manual_template_waits_for_the_request_which_answers_without_status() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::Normal, "MON-PERIODIC").await;
    let (status, none) = fiu.post("/getallfidata", json!({"consentID": id})).await;
    assert_eq!((status, &none["status"], &none["errorCode"]), (400, &json!("FP0060"), &json!("NoDataAvailable")));
    let (_, first) = fiu.post("/fi/request", json!({"consentId": id})).await;
    assert_eq!((&first["response"], first.get("status")), (&json!("ok"), None));
    let (_, second) = fiu.post("/fi/request", json!({"consentId": id})).await;
    assert_ne!(first["data"]["sessionId"], second["data"]["sessionId"]);
}

#[tokio::test]
async fn a_refusal_is_code_one_and_needs_a_new_consent() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let data = fiu.open(Scenario::Normal, "UW-ONETIME").await;
    let url = data["webRedirectionUrl"].as_str().unwrap();
    let back = customer::reject(url).await.unwrap().unwrap();
    let parts = json!({"ecres": query(&back, "ecres"), "resdate": query(&back, "resdate"), "fi": query(&back, "fi")});
    let (_, opened) = fiu.post("/webRedirection/decryptUrl", json!({"webRedirectionURL": parts})).await;
    assert_eq!((&opened["data"]["status"], &opened["data"]["errorcode"]), (&json!("F"), &json!("1")));
    let (_, list) = fiu.post("/getconsentslist", json!({"mobileNumber": Scenario::Normal.mobile()})).await;
    assert_eq!((&list["data"][0]["status"], &list["data"][0]["consentID"]), (&json!("REJECTED"), &Value::Null));
    assert!(customer::approve(url).await.is_err());
}

#[tokio::test]
async fn headers_and_bodies_are_refused_in_finpro_s_words() {
    let mut fiu = Fiu::new(FINPRO_CONSENT).await;
    let (status, body) =
        fiu.post("/v2/requestconsent", json!({"productID": "UW-ONETIME", "partyIdentifierValue": "9", "accountID": "A"})).await;
    assert_eq!((status, body.get("status")), (400, None));
    assert_eq!(body["errorMsg"], " [ partyIdentifierType is required ] [ vua is required ] ");
    let (status, body) = fiu.post("/v3/requestconsent", ask(Scenario::Normal, "ABC")).await;
    assert_eq!(
        (status, &body["status"], &body["errorMsg"]),
        (400, &json!("FP0001"), &json!("Request has Invalid ProductID  ABC"))
    );
    let (_, body) = fiu.post("/v2/getconsentslist", json!({"partyIdentifierType": "MOBILE", "partyIdentifierValue": "9000000001", "productID": "UW-ONETIME", "accountID": "none"})).await;
    assert_eq!(body["errorCode"], "InvalidaccountID");
    let (_, body) = fiu.post("/getallfidata", json!({})).await;
    assert_eq!(body["status"], "FP0055");
    fiu.credential.client_secret = "wrong";
    let response = fiu.call(Method::POST, "/productslist", json!({})).await;
    assert_eq!(response.status().as_u16(), 401);
    assert!(response.headers().contains_key("x-ratelimit-reset"));
    fiu.credential = FINPRO_CONSENT;
    fiu.credential.organisation_id = "other";
    let (_, body) = fiu.post("/productslist", json!({})).await;
    assert_eq!(body["errorMsg"], "Invalid organizationId.");
}

#[tokio::test]
async fn a_lost_answer_has_had_its_effect() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let scenario = Scenario::ConsentAnswerLost;
    let (status, _) = fiu.post("/v3/requestconsent", ask(scenario, "UW-ONETIME")).await;
    assert_eq!(status, 504);
    let lookup = json!({"partyIdentifierType": "MOBILE", "partyIdentifierValue": scenario.mobile(), "productID": "UW-ONETIME", "accountID": "ACC-1"});
    let (_, list) = fiu.post("/v2/getconsentslist", lookup).await;
    assert_eq!(list["data"][0]["status"], "PENDING");
    let (_, url) = fiu.post("/webRedirection/getEncryptedUrl", json!({"consentHandle": list["data"][0]["consentHandle"]})).await;
    assert_eq!(customer::approve(url["data"]["webRedirectionUrl"].as_str().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn consents_end_in_their_own_words_and_data_can_be_deleted() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::Normal, "UW-ONETIME").await;
    fiu.post("/getallfidata", json!({"consentID": id})).await;
    assert_eq!(fiu.post("/getallfidata", json!({"consentID": id})).await.0, 200);
    let gone = fiu.call(Method::DELETE, "/fidata", json!({"consentId": id})).await;
    assert!(gone.text().await.unwrap().contains("SUCCESS"));
    assert_eq!(fiu.post("/getallfidata", json!({"consentID": id})).await.1["status"], "FP0061");
    assert_eq!(fiu.post("/revokeconsent", json!({"consentID": id})).await.1["message"], "Successfully revoked.");
    let (status, again) = fiu.post("/revokeconsent", json!({"consentID": id})).await;
    assert_eq!((status, &again["errorMsg"]), (400, &json!("Consent ID is already in REVOKED state")));
    let other = fiu.approved(Scenario::OneAccountDenied, "UW-ONETIME").await;
    fiu.clock.set("2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + (24 * 8).hours());
    assert_eq!(fiu.post("/revokeconsent", json!({"consentID": other})).await.1["errorMsg"], "Consent ID is in EXPIRED state");
}

#[tokio::test]
async fn an_orchestrated_journey_ends_in_every_documented_way() {
    let fiu = Fiu::new(FINPRO_ORCHESTRATION).await;
    for (scenario, overall, aa, pdf, redirected) in [
        (Scenario::Normal, "SUCCESSFUL", "SUCCESSFUL", "SKIPPED", "true"),
        (Scenario::AaFailsPdfWorks, "SUCCESSFUL", "FAILED", "SUCCESSFUL", "true"),
        (Scenario::PartialPdf, "SUCCESSFUL", "FAILED", "PARTIAL", "true"),
        (Scenario::BothSkipped, "SKIPPED", "SKIPPED", "SKIPPED", "false"),
        (Scenario::NoData, "UNSUCCESSFUL", "FAILED", "SKIPPED", "true"),
        (Scenario::FetchTimesOut, "UNSUCCESSFUL", "FAILED", "SKIPPED", "true"),
    ] {
        let data = fiu.open(scenario, "UW-ONETIME").await;
        assert_eq!((data.get("consent_handle"), data.get("status")), (None, None));
        let id = json!({"transactionId": data["transaction_id"]});
        assert_eq!(fiu.post("/transaction/status", id.clone()).await.1["status"], "IN_PROGRESS");
        let back = customer::approve(data["webRedirectionUrl"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(
            (query(&back, "txnid"), query(&back, "status").as_str()),
            (data["transaction_id"].as_str().unwrap().into(), redirected)
        );
        fiu.post("/transaction/status", id.clone()).await;
        let (_, view) = fiu.post("/transaction/status", id.clone()).await;
        let steps = view["data"].as_array().unwrap();
        let step = |kind: &str| steps.iter().find(|step| step["type"] == kind).map(|step| step["status"].clone());
        assert_eq!(
            (&view["status"], step("aa"), step("pdf")),
            (&json!(overall), Some(json!(aa)), Some(json!(pdf))),
            "{scenario:?}"
        );
        let (status, all) = fiu.post("/getallfidata", id).await;
        assert_eq!(status == 200, overall == "SUCCESSFUL", "{scenario:?}");
        if overall == "SUCCESSFUL" {
            assert_eq!(all["data"][0]["type"], if aa == "FAILED" { "PDF" } else { "AA" });
        }
    }
}

#[tokio::test]
async fn customers_of_an_orchestration_can_upload_skip_and_refuse() {
    let fiu = Fiu::new(FINPRO_ORCHESTRATION).await;
    let data = fiu.open(Scenario::Normal, "UW-ONETIME").await;
    customer::upload(data["webRedirectionUrl"].as_str().unwrap(), 1).await.unwrap();
    let (_, view) = fiu.post("/transaction/status", json!({"transactionId": data["transaction_id"]})).await;
    assert_eq!(view["data"][2]["data"]["uploaded"], 1);
    assert_eq!(view["data"][2]["data"]["total_expected"], 2);
    let data = fiu.open(Scenario::Normal, "UW-ONETIME").await;
    let back = customer::reject(data["webRedirectionUrl"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(query(&back, "status"), "false");
}

#[tokio::test]
async fn an_excel_report_behind_a_link_needs_no_credentials() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::ExcelAsLink, "UW-ONETIME").await;
    fiu.post("/getallfidata", json!({"consentID": id})).await;
    let (_, body) = fiu.post("/analytics/excel", json!({"consentID": id, "journeyID": "aa_excel_analytics_v1"})).await;
    let link = body["data"]["data"]["s3Url"].as_str().unwrap();
    let file = reqwest::get(link).await.unwrap();
    assert!(file.bytes().await.unwrap().starts_with(b"PK"));
}

/// A receiver of webhooks: its address, and what comes in as (signature, body).
async fn receiver() -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, String)>) {
    let (sender, events) = tokio::sync::mpsc::unbounded_channel();
    let take = move |headers: http::HeaderMap, body: String| {
        let signature = headers["x-webhook-signature"].to_str().unwrap().to_owned();
        sender.send((signature, body)).unwrap();
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/hook", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, events)
}

#[tokio::test]
async fn events_are_signed_over_their_exact_bytes_and_come_in_order() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let (url, mut events) = receiver().await;
    let target = WebhookTarget { url, secret: "s3cret".to_owned() };
    fiu.sandbox.set_webhook_target(FINPRO_CONSENT.client_id, target);
    let id = fiu.approved(Scenario::Normal, "UW-ONETIME").await;
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"s3cret");
    for word in ["CONSENT_APPROVED", "DATA_REQUEST", "DATA_READY"] {
        let (signature, body) = events.recv().await.unwrap();
        let tag = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, signature).unwrap();
        aws_lc_rs::hmac::verify(&key, body.as_bytes(), &tag).unwrap();
        let event: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((event["eventStatus"].as_str(), event["consentId"].as_str()), (Some(word), Some(id.as_str())));
        assert_eq!(event["vua"], "XXXXXXX001@onemoney");
    }
    // Announced data needs no look.
    assert_eq!(fiu.post("/getallfidata", json!({"consentID": id})).await.0, 200);
}

#[tokio::test]
async fn a_journey_s_end_is_announced_once_with_what_both_ways_brought() {
    let fiu = Fiu::new(FINPRO_ORCHESTRATION).await;
    let (url, mut events) = receiver().await;
    fiu.sandbox.set_webhook_target(FINPRO_ORCHESTRATION.client_id, WebhookTarget { url, secret: "s3cret".to_owned() });
    for (scenario, aa, pdf, accounts) in
        [(Scenario::Normal, "SUCCESS", "SKIPPED", 0), (Scenario::PartialPdf, "FAILED", "SUCCESS", 1)]
    {
        let data = fiu.open(scenario, "UW-ONETIME").await;
        customer::approve(data["webRedirectionUrl"].as_str().unwrap()).await.unwrap();
        let event: Value = serde_json::from_str(&events.recv().await.unwrap().1).unwrap();
        assert_eq!((&event["eventType"], &event["eventStatus"]), (&json!("JOURNEY_COMPLETE"), &json!("SUCCESS")));
        assert_eq!(event["transactionID"], data["transaction_id"]);
        let (first, second) = (&event["eventData"][0], &event["eventData"][1]);
        assert_eq!((&first["status"], &second["status"]), (&json!(aa), &json!(pdf)));
        assert_eq!(second["accounts"].as_array().unwrap().len(), accounts);
        fiu.post("/transaction/status", json!({"transactionId": data["transaction_id"]})).await;
    }
    assert!(events.is_empty());
}

#[tokio::test]
async fn calls_beyond_the_minute_s_limit_are_refused_until_the_reset() {
    let config = SandboxConfig { calls_per_minute: 2, ..SandboxConfig::default() };
    let fiu = Fiu::with(FINPRO_CONSENT, config).await;
    for expected in [200, 200, 429] {
        assert_eq!(fiu.post("/productslist", json!({})).await.0, expected);
    }
    fiu.clock.set("2026-11-20T10:01:00Z".parse().unwrap());
    let response = fiu.call(Method::POST, "/productslist", json!({})).await;
    assert_eq!((response.status().as_u16(), &response.headers()["x-ratelimit-remaining"]), (200, &"1".parse().unwrap()));
}

#[tokio::test]
async fn the_latest_data_is_what_came_since_the_last_fetch() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::Normal, "MON-PERIODIC").await;
    let latest = json!({"consentID": id});
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    let (_, whole) = fiu.post("/getalllatestfidata", latest.clone()).await;
    fiu.clock.set("2026-11-22T10:00:00Z".parse().unwrap());
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    let (_, new) = fiu.post("/getalllatestfidata", latest.clone()).await;
    let rows = |body: &Value| body["data"][0]["Transactions"]["Transaction"].as_array().unwrap().len();
    assert!(rows(&new) > 0 && rows(&new) < 20 && rows(&whole) > 500);
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    assert_eq!(fiu.post("/getalllatestfidata", latest).await.1["errorCode"], "NoIncrementalData");
}

#[tokio::test]
async fn data_is_missing_or_late_in_every_documented_way() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    for (scenario, http, pointer, word) in [
        (Scenario::NoData, 400, "/status", "FP0063"),
        (Scenario::DataDeleted, 400, "/status", "FP0061"),
        (Scenario::FetchTimesOut, 400, "/status", "FP0060"),
        (Scenario::AllAccountsDenied, 400, "/errorCode", "NoDataFound"),
        (Scenario::NestedError, 400, "/error/code", "ERR_CONSENT_NOT_FOUND"),
        (Scenario::FlatError, 400, "/status", "failure"),
        (Scenario::ServerFaultOnce, 500, "/status", "FP0070"),
        (Scenario::TooManyRequestsOnce, 429, "/errorCode", "RateLimitExceeded"),
        (Scenario::HtmlErrorOnce, 502, "", ""),
    ] {
        let id = json!({"consentID": fiu.approved(scenario, "UW-ONETIME").await});
        assert_eq!(fiu.post("/getallfidata", id.clone()).await.1["errorCode"], "NoDataAvailable", "{scenario:?}");
        let (status, body) = fiu.post("/getallfidata", id.clone()).await;
        let found = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert_eq!((status, found), (http, word), "{scenario:?}: {body}");
        let (again, _) = fiu.post("/getallfidata", id).await;
        assert_eq!(again == 200, http != 400, "{scenario:?}");
    }
}

#[tokio::test]
async fn one_denied_account_leaves_the_others() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::OneAccountDenied, "UW-ONETIME").await;
    fiu.post("/consent/firequest/status", json!({"consentId": id})).await;
    let (_, view) = fiu.post("/consent/firequest/status", json!({"consentId": id})).await;
    let words: Vec<_> = view["data"]["linkRefNumbers"].as_array().unwrap().iter().map(|link| link["fiStatus"].clone()).collect();
    assert_eq!(words.iter().filter(|word| *word == "DENIED").count(), 1);
    let (_, all) = fiu.post("/getallfidata", json!({"accountID": "ACC-1"})).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn some_customers_get_errors_without_the_provider_s_code() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::NoErrorCodes, "UW-MANUAL").await;
    let (_, body) = fiu.post("/getallfidata", json!({"consentID": id})).await;
    assert_eq!((&body["errorCode"], body.get("status")), (&json!("NoDataAvailable"), None));
}

#[tokio::test]
async fn several_templates_give_several_handles_behind_one_url() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let mut body = ask(Scenario::Normal, "UW-ONETIME");
    body.as_object_mut().unwrap().remove("productID");
    body["productIDList"] = json!(["UW-ONETIME", "MON-PERIODIC"]);
    let (_, answer) = fiu.post("/v3/requestconsent", body).await;
    let handles = answer["data"]["consent_handles"].clone();
    assert_eq!((handles.as_array().unwrap().len(), answer["data"].get("consent_handle")), (2, None));
    customer::approve(answer["data"]["webRedirectionUrl"].as_str().unwrap()).await.unwrap();
    let (_, list) = fiu.post("/v3/getconsentslist", json!({"consentHandle": handles})).await;
    assert!(list["data"].as_array().unwrap().iter().all(|row| row["status"] == "ACTIVE"));
}
