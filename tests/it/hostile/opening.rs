//! Opening a journey.

use super::{all_cases, assert_told, capture};
use crate::{
    hostile_server::silent,
    replay::{AGGREGATOR, ANALYSER, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, STRICT, Stage, Way},
};

/// The poller's longest pause where its looks are not what is tested: it soon leaves a journey alone.
const RARELY: u64 = 600_000;

async fn every_answer_is_an_error(way: Way, prefix: &str, last: &str) {
    capture::watch();
    let path = format!("{prefix}{last}");
    let stage = Stage::start(PATIENT, RARELY).await;
    for case in all_cases(&path) {
        stage.replay.set(&path, case.answer.clone());
        let asked = stage.replay.asked(&path);
        let status = stage.open(way).await.expect_err(&case.name);
        assert_told(&case, &status);
        assert_eq!(stage.replay.asked(&path), asked + 1, "{}: a write is sent once", case.name);
        stage.replay.heal(&path);
        stage.open(way).await.unwrap_or_else(|status| panic!("after {}: {status:?}", case.name));
    }
    assert_eq!(stage.replay.asked("/stolen"), 0, "a redirect was followed");
    stage.assert_serving().await;
    capture::assert_clean_with("provider call failed");
}

#[tokio::test]
async fn a_consent_request_survives_every_answer() {
    every_answer_is_an_error(CONSENT_WAY, CONSENT, "/v3/requestconsent").await;
}

#[tokio::test]
async fn a_transaction_survives_every_answer() {
    every_answer_is_an_error(ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent").await;
}

#[tokio::test]
async fn an_aggregator_session_survives_every_answer() {
    every_answer_is_an_error(AGGREGATOR_WAY, AGGREGATOR, "/init").await;
}

#[tokio::test]
async fn an_analysed_session_survives_every_answer() {
    every_answer_is_an_error(ANALYSER_WAY, ANALYSER, "/init").await;
}

#[tokio::test]
async fn a_silent_provider_is_given_up_and_asked_once() {
    let path = format!("{CONSENT}/v3/requestconsent");
    let stage = Stage::start(STRICT, RARELY).await;
    for case in silent() {
        stage.replay.set(&path, case.answer.clone());
        let asked = stage.replay.asked(&path);
        assert_told(&case, &stage.open(CONSENT_WAY).await.expect_err(&case.name));
        assert_eq!(stage.replay.asked(&path), asked + 1, "{}", case.name);
        stage.replay.heal(&path);
        stage.open(CONSENT_WAY).await.unwrap();
    }
    stage.assert_serving().await;
}
