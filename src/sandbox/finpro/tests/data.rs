//! What data calls answer.

use super::*;

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
    let rows = accounts.iter().filter(|account| account["fiType"] == "DEPOSIT");
    let rows = rows.flat_map(|account| account["Transactions"]["Transaction"].as_array().unwrap());
    let paise = rows.filter(|row| row["type"] == "CREDIT").map(|row| {
        let amount = row["amount"].as_str().unwrap().replace('.', "");
        amount.parse::<i64>().unwrap()
    });
    assert_eq!((credits.as_f64().unwrap() * 100.0).round() as i64, paise.sum::<i64>());
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
async fn an_excel_report_behind_a_link_needs_no_credentials() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::ExcelAsLink, "UW-ONETIME").await;
    fiu.post("/getallfidata", json!({"consentID": id})).await;
    let (_, body) = fiu.post("/analytics/excel", json!({"consentID": id, "journeyID": "aa_excel_analytics_v1"})).await;
    let link = body["data"]["data"]["s3Url"].as_str().unwrap();
    let file = reqwest::get(link).await.unwrap();
    assert!(file.bytes().await.unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn the_latest_data_is_what_came_since_the_last_fetch() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::Normal, "MON-PERIODIC").await;
    let latest = json!({"consentID": id});
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    let (_, whole) = fiu.post("/getalllatestfidata", latest.clone()).await;
    // What was given once is forgotten.
    assert_eq!(fiu.post("/getalllatestfidata", latest.clone()).await.1["errorMsg"], "No new data available");
    fiu.clock.set("2026-11-22T10:00:00Z".parse().unwrap());
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    let (_, new) = fiu.post("/getalllatestfidata", latest.clone()).await;
    let rows = |body: &Value| body["data"][0]["Transactions"]["Transaction"].as_array().unwrap().len();
    assert!(rows(&new) > 0 && rows(&new) < 20 && rows(&whole) > 500);
    fiu.post("/fi/request", json!({"consentId": id})).await;
    fiu.post("/getallfidata", latest.clone()).await;
    assert_eq!(fiu.post("/getalllatestfidata", latest).await.1["errorCode"], "NoIncrementalData");
    assert_eq!(fiu.sandbox.calls().count_for("finpro:/getalllatestfidata", id.as_str()), 4);
}

#[tokio::test]
async fn a_one_time_consent_has_no_latest_data_but_all_of_it() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = json!({"consentID": fiu.approved(Scenario::Normal, "UW-ONETIME").await});
    fiu.post("/getallfidata", id.clone()).await;
    let (_, all) = fiu.post("/getallfidata", id.clone()).await;
    for _ in 0..2 {
        assert_eq!(fiu.post("/getalllatestfidata", id.clone()).await.1["data"], all["data"]);
    }
    let text = fiu.call(Method::POST, "/getalllatestfidata", id).await.text().await.unwrap();
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("\"Summary\"") < at("\"Profile\"") && at("\"Profile\"") < at("\"Transactions\""));
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
async fn a_huge_statement_is_delivered_whole() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = json!({"consentID": fiu.approved(Scenario::Huge, "UW-ONETIME").await});
    fiu.post("/getallfidata", id.clone()).await;
    let (_, all) = fiu.post("/getallfidata", id).await;
    let rows = |account: &Value| account["Transactions"]["Transaction"].as_array().map_or(0, Vec::len);
    assert!(all["data"].as_array().unwrap().iter().map(rows).sum::<usize>() > 25_000);
}
