//! The simulator over real HTTP, as the gateway and a customer's browser meet it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod consents;
mod data;
mod orchestration;
mod refusals;

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
