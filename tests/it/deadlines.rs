//! The caller's time: our own layer answers when it is over, whatever the provider does, and what was sent is not sent again.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use sangam::pb::{FetchDataRequest, Journey, JourneyState, StartJourneyResponse, View};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::{
    harness::{data_request, metadata, reason},
    replay::{AGGREGATOR, ANALYSER, Answer, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, STRICT, Stage, Way},
};

/// A provider that is waited for longer than the caller waits for us.
const SLOWER: &str = "read_ms = 5000, attempt_ms = 5000, total_ms = 9000, retry_pause_ms = 1";
const RARELY: u64 = 600_000;
/// No list of consents knows the reference yet.
const NOT_THERE: &str =
    r#"{"ver":"1.21.0","timestamp":"2025-03-24T18:00:00.000Z","errorCode":"InvalidaccountID","errorMsg":"Invalid Account ID."}"#;

const OPENINGS: [(Way, &str, &str); 4] = [
    (CONSENT_WAY, CONSENT, "/v3/requestconsent"),
    (ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent"),
    (AGGREGATOR_WAY, AGGREGATOR, "/init"),
    (ANALYSER_WAY, ANALYSER, "/init"),
];

/// Calls with this time over a raw connection that keeps no time of its own; answers the status on the wire.
pub async fn call(stage: &Stage, method: &str, message: &impl Message, timeout: &str) -> Status {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    let stream = TcpStream::connect(stage.gateway.grpc).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://gateway/sangam.v1.JourneyService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Full::new(frame.freeze()))
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    let head: HeaderMap = response.headers().clone();
    assert!(head.contains_key("sangam-call-id"));
    let body = response.into_body().collect().await.unwrap();
    Status::from_header_map(&head).or_else(|| Status::from_header_map(body.trailers().unwrap())).unwrap()
}

fn assert_late(status: &Status) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert!(["DEADLINE_EXCEEDED", "PROVIDER_TIMEOUT"].contains(&reason(status).as_str()), "{status:?}");
}

#[tokio::test]
async fn an_opening_whose_time_is_over_is_open_and_sent_once() {
    for (way, prefix, last) in OPENINGS {
        let stage = Stage::start(SLOWER, 20).await;
        let path = format!("{prefix}{last}");
        stage.replay.set(&path, Answer::Held);
        let list = format!("{CONSENT}/v2/getconsentslist");
        stage.replay.set(&list, Answer::status(400, NOT_THERE));
        let request = way.request();
        let begin = tokio::time::Instant::now();
        assert_late(&call(&stage, "StartJourney", &request, "300m").await);
        assert!(begin.elapsed() < Duration::from_secs(4), "{way:?}: answered after {:?}", begin.elapsed());
        // The provider is well again; the same request is not sent to it.
        stage.replay.heal(&path);
        let replay = stage.client.clone().start_journey(request).await.unwrap_err();
        assert_eq!((replay.code(), reason(&replay).as_str()), (Code::FailedPrecondition, "OUTCOME_UNKNOWN"), "{way:?}");
        let journey_id = metadata(&replay, "journey_id").unwrap();
        let journey = stage.until(&journey_id, |journey| journey.state() != JourneyState::Created).await;
        assert_eq!(journey.state(), JourneyState::OutcomeUnknown, "{way:?}");
        if way.credential == "consent" {
            stage.replay.until_asked(&list, 5).await;
        }
        assert_eq!(stage.replay.asked(&path), 1, "{way:?}");
    }
}

/// Keeps every write of the store waiting until the connection ends.
async fn hold_writes(database: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}

async fn stage_with_database() -> (Stage, PathBuf) {
    let mut database = PathBuf::new();
    let stage = Stage::with(SLOWER, RARELY, |config| database = config.store.path.clone()).await;
    (stage, database)
}

#[tokio::test]
async fn a_hanging_store_does_not_hide_an_opened_journey() {
    let (stage, database) = stage_with_database().await;
    let path = format!("{CONSENT}/v3/requestconsent");
    stage.replay.set(&path, Answer::Held);
    let hanging = async {
        stage.replay.until_asked(&path, 1).await;
        hold_writes(&database).await
    };
    let request = CONSENT_WAY.request();
    let (status, held) = tokio::join!(call(&stage, "StartJourney", &request, "2500m"), hanging);
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"), "{status:?}");
    assert_eq!(metadata(&status, "effect").as_deref(), Some("UNKNOWN"));
    held.close().await.unwrap();
    let journey_id = metadata(&status, "journey_id").unwrap();
    stage.until(&journey_id, |journey| journey.state() == JourneyState::OutcomeUnknown).await;
}

#[tokio::test]
async fn a_store_that_hangs_from_the_start_means_no_effect() {
    let (stage, database) = stage_with_database().await;
    let journey_id = stage.open(CONSENT_WAY).await.unwrap().journey_id;
    let path = format!("{CONSENT}/v3/requestconsent");
    let held = hold_writes(&database).await;
    let opening = call(&stage, "StartJourney", &CONSENT_WAY.request(), "400m").await;
    let cancelling = call(&stage, "CancelJourney", &crate::writes::cancel(&journey_id), "400m").await;
    for (status, journey) in [(opening, None), (cancelling, Some(journey_id))] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"), "{status:?}");
        assert_eq!((metadata(&status, "effect").as_deref(), metadata(&status, "journey_id")), (Some("NONE"), journey));
    }
    assert_eq!(stage.replay.asked(&path), 1);
    held.close().await.unwrap();
}

#[tokio::test]
async fn a_fetch_whose_time_is_over_is_answered_by_us() {
    for (way, path) in [
        (CONSENT_WAY, format!("{CONSENT}/getallfidata")),
        (ORCHESTRATION_WAY, format!("{ORCHESTRATION}/getallfidata")),
        (ANALYSER_WAY, format!("{ANALYSER}/statement-result")),
    ] {
        let stage = Stage::start(SLOWER, RARELY).await;
        stage.replay.set(&path, Answer::Held);
        let journey_id = stage.ready(way).await;
        let request: FetchDataRequest = data_request(&journey_id, View::Masked);
        let begin = tokio::time::Instant::now();
        assert_late(&call(&stage, "FetchData", &request, "300m").await);
        assert!(begin.elapsed() < Duration::from_secs(4), "{way:?}: answered after {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn analyses_and_reports_whose_time_is_over_are_answered_by_us() {
    let stage = Stage::start(SLOWER, RARELY).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    stage.replay.set(&format!("{CONSENT}/analytics/json"), Answer::Held);
    let request = sangam::pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
    assert_late(&call(&stage, "FetchAnalytics", &request, "300m").await);
    stage.replay.set(&format!("{CONSENT}/analytics/excel"), Answer::Held);
    let fetch_id = stage.until(&journey_id, |_| true).await.consents[0].fetches[0].fetch_id.clone();
    let request = sangam::pb::FetchReportRequest { journey_id, report_id: format!("rep_excel_{fetch_id}"), ..Default::default() };
    assert_late(&call(&stage, "FetchReport", &request, "300m").await);
}

#[tokio::test]
async fn a_late_caller_gets_an_answer_that_is_an_answer() {
    // The call goes on behind the deadline's back only as far as it must: a caller with time gets the journey.
    let stage = Stage::start(STRICT, RARELY).await;
    let opened: StartJourneyResponse = stage.open(CONSENT_WAY).await.unwrap();
    assert!(!opened.journey_id.is_empty());
    let status = call(&stage, "StartJourney", &CONSENT_WAY.request(), "1n").await;
    assert_late(&status);
}

#[tokio::test]
async fn a_silent_provider_does_not_hold_up_the_gateways_end() {
    let stage = Stage::start(SLOWER, 20).await;
    let path = format!("{CONSENT}/v2/getconsentslist");
    stage.replay.set(&path, Answer::Held);
    stage.open(CONSENT_WAY).await.unwrap();
    stage.replay.until_asked(&path, 1).await;
    drop(stage.client);
    let begin = tokio::time::Instant::now();
    stage.gateway.stop().await;
    // The grace period of a stage is 200 ms; the provider would be waited for 9 s.
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

fn faults() -> Vec<(&'static str, Answer, usize)> {
    vec![
        ("502", Answer::status(502, "{}"), 2),
        ("504", Answer::status(504, "{}"), 2),
        ("cut", Answer::Bytes(Bytes::new()), 2),
        ("held", Answer::Held, 2),
        ("429", Answer::status(429, "{}"), 1),
        ("400", Answer::status(400, r#"{"errorCode":"InvalidConsentId"}"#), 1),
        ("401", Answer::status(401, r#"{"errorCode":"Unauthorized"}"#), 1),
        ("nonsense", Answer::json("[]"), 1),
    ]
}

#[tokio::test]
async fn a_read_is_tried_twice_where_that_can_help_and_never_more() {
    let stage = Stage::start(STRICT, RARELY).await;
    let journey_id = stage.ready(CONSENT_WAY).await;
    let path = format!("{CONSENT}/analytics/json");
    for (name, answer, tries) in faults() {
        let before = stage.replay.asked(&path);
        stage.replay.set(&path, answer);
        stage.analytics(&journey_id).await.unwrap_err();
        assert_eq!(stage.replay.asked(&path) - before, tries, "{name}");
    }
}

#[tokio::test]
async fn a_write_is_tried_once() {
    let stage = Stage::start(STRICT, RARELY).await;
    stage.replay.set(&format!("{CONSENT}/v2/getconsentslist"), Answer::status(400, NOT_THERE));
    for (way, prefix, last) in OPENINGS {
        let path = format!("{prefix}{last}");
        for (name, answer, _) in faults() {
            let before = stage.replay.asked(&path);
            stage.replay.set(&path, answer);
            stage.open(way).await.unwrap_err();
            assert_eq!(stage.replay.asked(&path) - before, 1, "{way:?} {name}");
        }
    }
}

#[tokio::test]
async fn asking_for_data_is_sent_once_whatever_becomes_of_it() {
    let path = format!("{CONSENT}/fi/request");
    // Not in doubt is a 429: it is asked again.
    for (name, answer, _) in faults().into_iter().filter(|(name, ..)| !["429", "401"].contains(name)) {
        let stage = Stage::start(STRICT, 20).await;
        let status = format!("{CONSENT}/consent/firequest/status");
        stage.replay.set(&status, Answer::status(400, r#"{"errorCode":"InvalidConsentId"}"#));
        stage.replay.set(&path, answer);
        let opened = stage.open(CONSENT_WAY).await.unwrap();
        stage.replay.until_asked(&path, 1).await;
        let looks = stage.replay.asked(&status);
        // What was refused is settled and not looked at again; what is in doubt is looked for.
        let refused = |journey: &Journey| journey.consents[0].fetches.first().is_some_and(|fetch| fetch.settled);
        tokio::select! {
            () = stage.replay.until_asked(&status, looks + 3) => {}
            _ = stage.until(&opened.journey_id, refused) => {}
        }
        assert_eq!(stage.replay.asked(&path), 1, "{name}");
    }
}
