//! The simulator over real HTTP, as the gateway and a customer's browser meet it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{
    clock::ManualClock,
    sandbox::{
        Sandbox, SandboxConfig,
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
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap()));
        let sandbox = Sandbox::start(SandboxConfig::default(), clock.clone()).await.unwrap();
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
    assert_eq!(body["errorMsg"], " [ partyIdentifierType is required ]  [ vua is required ] ".replace("  ", " "));
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
