//! Against a provider that only replays documented answers, by configuration alone, every product comes to READY and serves data: no
//! path of the gateway rests on what the sandbox adds.

use sangam::pb::{ConsentAsk, JourneyState, Purpose, TransactionType, View};

use serde_json::json;

use crate::{
    replay::{ANALYSER, Answer, CONSENT, ORCHESTRATION, documented},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage},
};

#[tokio::test]
async fn every_product_serves_the_documented_data() {
    let stage = Stage::start(PATIENT, 1_000).await;
    for (way, product, masked, rows) in [
        (CONSENT_WAY, "consent", "XXXX1234", 2),
        (ORCHESTRATION_WAY, "orchestration", "XXXX0001", 1),
        (AGGREGATOR_WAY, "account_aggregator", "XXXX0001", 1),
        (ANALYSER_WAY, "aa_bsa", "XXXX0001", 1),
    ] {
        let opened = stage.open(way).await.unwrap();
        assert!(opened.customer_url.starts_with("https://"), "{product}");
        let journey = stage.until(&opened.journey_id, |journey| journey.state() == JourneyState::Ready).await;
        assert_eq!(journey.provider_product, product);
        let page = stage.data(&opened.journey_id, View::Full).await.unwrap();
        assert_eq!((page.accounts.len(), page.transactions.len()), (1, rows), "{product}");
        assert_eq!(page.accounts[0].masked_number, masked, "{product}");
        let last = page.transactions.last().unwrap();
        assert_eq!(last.r#type(), TransactionType::Credit, "{product}");
        let minor = if product == "orchestration" { 550_000 } else { 50_000 };
        assert_eq!(last.amount.as_ref().map(|amount| amount.minor_units), Some(minor), "{product}");
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn data_of_a_manual_template_is_asked_for_once() {
    let stage = Stage::start(PATIENT, 20).await;
    let (ask, status) = (format!("{CONSENT}/fi/request"), format!("{CONSENT}/consent/firequest/status"));
    // As long as nobody has asked there is no session.
    stage.replay.set(&status, Answer::status(400, r#"{"errorCode":"InvalidConsentId","errorMsg":"Consent ID does not exist."}"#));
    let opened = stage.open(CONSENT_WAY).await.unwrap();
    stage.replay.until_asked(&ask, 1).await;
    stage.replay.heal(&status);
    stage.until(&opened.journey_id, |journey| journey.state() == JourneyState::Ready).await;
    assert_eq!(stage.replay.asked(&ask), 1);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_transaction_of_two_consents_is_ready_when_it_says_so() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let path = format!("{ORCHESTRATION}/transaction/status");
    let consent = |template: &str, digit: u8| {
        json!({"consentHandle": format!("1111111{digit}"), "consentId": format!("2222222{digit}"), "consentStatus": "CONSENT_APPROVED",
            "productId": template, "dataFetchStatus": "SUCCESS", "accounts": []})
    };
    let whole: serde_json::Value = serde_json::from_str(documented(&path)).unwrap();
    let aa = json!({"fips": [{"fip": "FIP-A", "status": "SUCCESSFUL"}], "consents": [consent("PROD01", 1), consent("PROD02", 2)]});
    let steps = json!([{"type": "aa", "status": "SUCCESSFUL", "data": aa}, {"type": "pdf", "status": "SKIPPED"}]);
    let body = json!({"status": "SUCCESSFUL", "transaction_id": whole["transaction_id"], "message": null, "data": steps});
    stage.replay.set(&path, Answer::json(body.to_string()));
    let mut request = ORCHESTRATION_WAY.request();
    request.consents.push(ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() });
    let opened = stage.client.clone().start_journey(request).await.unwrap().into_inner();
    stage.until(&opened.journey_id, |journey| journey.state() == JourneyState::Ready && journey.settled).await;
    stage.gateway.stop().await;
}

#[tokio::test]
async fn the_documented_analyses_have_their_figures() {
    let stage = Stage::start(PATIENT, 1_000).await;
    for (way, credits, debits) in
        [(CONSENT_WAY, 90_000, 100_050), (ORCHESTRATION_WAY, 90_000, 100_050), (ANALYSER_WAY, 60_000_000, 55_000_000)]
    {
        let journey_id = stage.ready(way).await;
        let analysis = stage.analytics(&journey_id).await.unwrap();
        let core = analysis.core.unwrap();
        let minor = |money: Option<sangam::pb::Money>| money.map(|money| money.minor_units);
        assert_eq!((minor(core.total_credits), minor(core.total_debits)), (Some(credits), Some(debits)), "{way:?}");
        assert!(analysis.document.is_some());
    }
    assert_eq!(stage.replay.asked(&format!("{ANALYSER}/analysis-json")), 1);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn one_statement_of_two_is_partly_ready() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let path = format!("{ORCHESTRATION}/transaction/status");
    let one = documented(&path).replace("\"uploaded\": 2", "\"uploaded\": 1").replace("\"processed\": 2", "\"processed\": 1");
    assert_ne!(one, documented(&path));
    stage.replay.set(&path, Answer::json(one));
    let journey_id = stage.open(ORCHESTRATION_WAY).await.unwrap().journey_id;
    stage.until(&journey_id, |journey| journey.state() == JourneyState::PartiallyReady).await;
    assert_eq!(stage.data(&journey_id, View::Masked).await.unwrap().accounts.len(), 1);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_lost_url_is_minted_anew_by_the_documented_call() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let list = format!("{CONSENT}/v2/getconsentslist");
    let pending =
        documented(&list).replace("\"ACTIVE\"", "\"PENDING\"").replace("\"22222222-2222-4222-8222-222222222222\"", "null");
    stage.replay.set(&list, Answer::json(pending));
    let opened = stage.open(CONSENT_WAY).await.unwrap();
    let request = sangam::pb::ResumeJourneyRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        journey_id: opened.journey_id.clone(),
        ..Default::default()
    };
    let resumed = stage.client.clone().resume_journey(request).await.unwrap().into_inner();
    assert_ne!(resumed.customer_url, opened.customer_url);
    assert_eq!(stage.replay.asked(&format!("{CONSENT}/v3/requestconsent")), 1);
    stage.gateway.stop().await;
}
