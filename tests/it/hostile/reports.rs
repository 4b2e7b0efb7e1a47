//! Documents of an analysis, and the links behind them.

use std::sync::LazyLock;

use sangam::pb::{FetchReportRequest, ReportFormat, fetch_report_response::Part};
use serde_json::json;
use tonic::Status;

use super::{all_cases, assert_told, capture};
use crate::{
    harness::reason,
    hostile_server::Case,
    replay::{Answer, CONSENT},
    stage::{CONSENT_WAY, PATIENT, Stage},
};

/// A real workbook: the bytes are looked into.
static BOOK: LazyLock<Vec<u8>> = LazyLock::new(|| rust_xlsxwriter::Workbook::new().save_to_buffer().unwrap());

fn path() -> String {
    format!("{CONSENT}/analytics/excel")
}

/// The documented answer with a link.
fn link(url: &str) -> Answer {
    let inner = json!({"status": "SUCCESS", "data": {"s3Url": url, "expiresIn": 3600}, "journey_id": "aa_excel_analytics_v1"});
    Answer::json(json!({"ver": "1.21.0", "status": "success", "data": inner}).to_string())
}

fn workbook() -> Answer {
    Answer::Well(200, "application/octet-stream", BOOK.clone().into())
}

/// A journey whose Excel report can be asked for, and the report's id.
async fn with_report(stage: &Stage) -> (String, String) {
    let journey_id = stage.ready(CONSENT_WAY).await;
    let reports = stage.analytics(&journey_id).await.unwrap().reports;
    let report = reports.into_iter().find(|report| report.format() == ReportFormat::Excel).unwrap();
    (journey_id, report.report_id)
}

/// The whole document.
async fn fetch(stage: &Stage, (journey_id, report_id): &(String, String)) -> Result<Vec<u8>, Status> {
    let request = FetchReportRequest { journey_id: journey_id.clone(), report_id: report_id.clone(), ..Default::default() };
    fetch_by(stage, request).await
}

async fn fetch_by(stage: &Stage, request: FetchReportRequest) -> Result<Vec<u8>, Status> {
    let mut stream = stage.client.clone().fetch_report(request).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await? {
        if let Some(Part::Chunk(chunk)) = message.part {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_report_survives_every_answer() {
    capture::watch();
    let stage = Stage::start(PATIENT, 600_000).await;
    let report = with_report(&stage).await;
    let documented_by = format!("{CONSENT}/analytics/json");
    for case in all_cases(&documented_by) {
        stage.replay.set(&path(), case.answer.clone());
        assert_told(&case, &fetch(&stage, &report).await.expect_err(&case.name));
    }
    assert_eq!(stage.replay.asked("/stolen"), 0);
    stage.replay.set(&path(), workbook());
    assert_eq!(fetch(&stage, &report).await.unwrap(), *BOOK);
    stage.assert_serving().await;
}

#[tokio::test]
async fn a_workbook_needs_neither_a_json_analysis_nor_its_id() {
    let stage = Stage::with(PATIENT, 600_000, |config| {
        config.tenant.providers.finpro.get_mut("consent").unwrap().analytics.json = None;
    })
    .await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    stage.replay.set(&path(), workbook());
    let by_format =
        |format: ReportFormat| FetchReportRequest { journey_id: journey_id.clone(), format: format.into(), ..Default::default() };
    assert_eq!(fetch_by(&stage, by_format(ReportFormat::Excel)).await.unwrap(), *BOOK);
    assert_eq!(stage.replay.asked(&format!("{CONSENT}/analytics/json")), 0, "the JSON analysis was asked for");
    let missing = fetch_by(&stage, by_format(ReportFormat::Xml)).await.unwrap_err();
    assert_eq!(reason(&missing), "REPORT_NOT_FOUND");
    stage.assert_serving().await;
}

#[tokio::test]
async fn evil_links_are_not_followed_and_not_told() {
    capture::watch();
    let stage = Stage::start(PATIENT, 600_000).await;
    let report = with_report(&stage).await;
    let own = stage.replay.address;
    for url in [
        "http://files.example/x?s=7777777.77".to_owned(),
        "https://planted.example/".to_owned(),
        "https://files.example@planted.example/".to_owned(),
        format!("http://9000000077:AAAPA7777Q@{own}/stolen"),
        format!("http://files.example@{own}/stolen"),
        "https://files.example:8443/UPI/PLANTED".to_owned(),
        "https://169.254.169.254/latest/meta-data/50100777777771".to_owned(),
        "file:///etc/passwd".to_owned(),
        "//planted.example/".to_owned(),
        "ftp://files.example/".to_owned(),
        format!("https://files.example/{}", "9000000077".repeat(1000)),
    ] {
        stage.replay.set(&path(), link(&url));
        let case = Case { name: url, answer: Answer::Held, reasons: &["PROVIDER_CONFIGURATION"] };
        assert_told(&case, &fetch(&stage, &report).await.expect_err(&case.name));
    }
    assert_eq!(stage.replay.asked("/stolen"), 0);
    capture::assert_clean_with("");
}

#[tokio::test]
async fn what_a_link_leads_to_is_not_believed_either() {
    let stage = Stage::start(PATIENT, 600_000).await;
    let report = with_report(&stage).await;
    let file = "/files/book.xlsx";
    stage.replay.set(&path(), link(&format!("http://{}{file}?sig=50100777777771", stage.replay.address)));
    // The file host's answers are judged by their own rules: a refused signature is not a refused credential.
    let elsewhere: &[&str] = &["PROVIDER_UNAVAILABLE", "PROVIDER_RESPONSE_INVALID"];
    for mut case in all_cases(&format!("{CONSENT}/analytics/json")) {
        if !case.reasons.contains(&"PROVIDER_RESPONSE_TOO_LARGE") {
            case.reasons = elsewhere;
        }
        stage.replay.set(file, case.answer.clone());
        assert_told(&case, &fetch(&stage, &report).await.expect_err(&case.name));
    }
    assert_eq!(stage.replay.asked("/stolen"), 0, "a redirect was followed");
    stage.replay.set(file, workbook());
    assert_eq!(fetch(&stage, &report).await.unwrap(), *BOOK);
}
