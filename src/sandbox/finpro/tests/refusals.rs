//! What is refused, limited or lost.

use super::*;

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
async fn some_customers_get_errors_without_the_provider_s_code() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::NoErrorCodes, "UW-MANUAL").await;
    let (_, body) = fiu.post("/getallfidata", json!({"consentID": id})).await;
    assert_eq!((&body["errorCode"], body.get("status")), (&json!("NoDataAvailable"), None));
}
