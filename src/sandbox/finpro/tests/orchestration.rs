//! Orchestrated journeys and webhooks.

use super::*;

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
