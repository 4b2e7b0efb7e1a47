//! Fetching data and analyses.

use sangam::pb::{FetchState, Journey, View};
use tonic::Status;

use super::{all_cases, assert_clean, assert_told, capture};
use crate::{
    hostile_server::{Case, NOTHING, TWISTED, broken, silent, unusable},
    replay::{ANALYSER, Answer, CONSENT, ORCHESTRATION},
    stage::{ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, STRICT, Stage, Way},
};

const RARELY: u64 = 600_000;
/// The background may have begun to fetch just before the provider got well, and callers share its work.
const TRIES: usize = 3;

fn fetched(journey: &Journey) -> bool {
    journey.consents.iter().flat_map(|consent| &consent.fetches).any(|fetch| fetch.state() == FetchState::Ready)
}

async fn one_case(stage: &Stage, way: Way, path: &str, case: &Case) {
    stage.replay.set(path, case.answer.clone());
    let journey_id = stage.open(way).await.unwrap().journey_id;
    stage.until(&journey_id, fetched).await;
    match stage.data(&journey_id, View::Masked).await {
        Err(status) => assert_told(case, &status),
        // A body whose frame is right is read as far as it goes.
        Ok(_) => return assert!(!unusable(path).iter().any(|unusable| unusable.name == case.name), "{} was served", case.name),
    }
    stage.replay.heal(path);
    let mut last: Result<(), Status> = Ok(());
    for _ in 0..TRIES {
        match stage.data(&journey_id, View::Masked).await {
            Ok(page) => {
                assert_eq!(page.accounts.len(), 1, "after {}", case.name);
                return assert_clean(&case.name, &format!("{page:?}"));
            }
            Err(status) => last = Err(status),
        }
    }
    panic!("after {}: {last:?}", case.name);
}

async fn every_body_is_survived(way: Way, path: &str, limits: &str, cases: Vec<Case>) {
    capture::watch();
    let stage = Stage::start(limits, RARELY).await;
    for case in cases {
        one_case(&stage, way, path, &case).await;
        stage.replay.heal(path);
    }
    assert_eq!(stage.replay.asked("/stolen"), 0, "a redirect was followed");
    stage.assert_serving().await;
    capture::assert_clean_with("provider call failed");
}

#[tokio::test]
async fn data_of_a_consent_survives_every_answer() {
    let path = format!("{CONSENT}/getallfidata");
    every_body_is_survived(CONSENT_WAY, &path, PATIENT, all_cases(&path)).await;
}

#[tokio::test]
async fn data_of_a_transaction_survives_every_answer() {
    let path = format!("{ORCHESTRATION}/getallfidata");
    every_body_is_survived(ORCHESTRATION_WAY, &path, PATIENT, all_cases(&path)).await;
}

#[tokio::test]
async fn an_analysed_statement_survives_every_answer() {
    let path = format!("{ANALYSER}/statement-result");
    every_body_is_survived(ANALYSER_WAY, &path, PATIENT, all_cases(&path)).await;
}

#[tokio::test]
async fn r24_endless_bodies_lying_lengths_and_gzip_bombs_stop_at_the_bound() {
    for (way, path) in [
        (CONSENT_WAY, format!("{CONSENT}/getallfidata")),
        (ORCHESTRATION_WAY, format!("{ORCHESTRATION}/getallfidata")),
        (ANALYSER_WAY, format!("{ANALYSER}/statement-result")),
    ] {
        let cases: Vec<_> = broken(&path).into_iter().filter(|case| case.reasons == ["PROVIDER_RESPONSE_TOO_LARGE"]).collect();
        assert_eq!(cases.len(), 3);
        every_body_is_survived(way, &path, PATIENT, cases).await;
    }
}

#[tokio::test]
async fn silence_instead_of_data_is_a_timeout() {
    every_body_is_survived(CONSENT_WAY, &format!("{CONSENT}/getallfidata"), STRICT, silent()).await;
}

#[tokio::test]
async fn r24_the_default_bound_holds_against_more_than_it() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let flood = Answer::Flood(head.into(), 80 * 1024 * 1024);
    let case = Case { name: "80 MiB".to_owned(), answer: flood, reasons: &["PROVIDER_RESPONSE_TOO_LARGE"] };
    every_body_is_survived(CONSENT_WAY, &format!("{CONSENT}/getallfidata"), "retry_pause_ms = 1", vec![case]).await;
}

#[tokio::test]
async fn an_analysis_survives_every_answer() {
    capture::watch();
    for (way, path) in [
        (CONSENT_WAY, format!("{CONSENT}/analytics/json")),
        (ORCHESTRATION_WAY, format!("{ORCHESTRATION}/analytics/json")),
        (ANALYSER_WAY, format!("{ANALYSER}/analysis-json")),
    ] {
        let stage = Stage::start(PATIENT, RARELY).await;
        let mut journey_id = stage.ready(way).await;
        for case in all_cases(&path) {
            stage.replay.set(&path, case.answer.clone());
            let served = match stage.analytics(&journey_id).await {
                Err(status) => {
                    assert_told(&case, &status);
                    false
                }
                // The document's inside is the organisation's own: it is passed on, and figures that are none are left out.
                Ok(_) => true,
            };
            assert!(!served || [NOTHING, TWISTED].contains(&case.reasons), "{} was served", case.name);
            stage.replay.heal(&path);
            if served {
                journey_id = stage.ready(way).await;
            }
        }
        let analysis = stage.analytics(&journey_id).await.unwrap();
        assert_clean("the analysis", &format!("{analysis:?}"));
        assert!(analysis.core.unwrap().total_credits.is_some());
        stage.assert_serving().await;
    }
}
