//! What the background reads while it looks after a journey: a hostile answer moves nothing, and a good one afterwards goes on.

use sangam::pb::JourneyState;

use super::{assert_clean, capture};
use crate::{
    hostile_server::{broken, silent, unusable},
    replay::{AGGREGATOR, ANALYSER, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, STRICT, Stage, Way},
};

/// Looks that are not far apart.
const OFTEN: u64 = 20;

async fn nothing_moves(stage: &Stage, way: Way, path: &str, still: &[JourneyState], cases: Vec<crate::hostile_server::Case>) {
    for case in cases {
        stage.replay.set(path, case.answer.clone());
        let asked = stage.replay.asked(path);
        let opened = stage.open(way).await.unwrap();
        // A read is tried twice, so the fifth is of the third look: two were read to their end.
        stage.replay.until_asked(path, asked + 5).await;
        let journey = stage.until(&opened.journey_id, |_| true).await;
        assert!(still.contains(&journey.state()), "{}: {:?}", case.name, journey.state());
        assert_clean(&case.name, &format!("{journey:?}"));
        stage.replay.heal(path);
        stage.until(&opened.journey_id, |journey| journey.state() == JourneyState::Ready).await;
    }
}

async fn every_look_is_survived(way: Way, path: &str, still: &[JourneyState]) {
    capture::watch();
    let stage = Stage::start(PATIENT, OFTEN).await;
    let cases = unusable(path).into_iter().chain(broken(path)).collect();
    nothing_moves(&stage, way, path, still, cases).await;
    assert_eq!(stage.replay.asked("/stolen"), 0, "a redirect was followed");
    stage.assert_serving().await;
    capture::assert_clean_with("provider call failed");
}

const WAITING: &[JourneyState] = &[JourneyState::AwaitingCustomer];

#[tokio::test]
async fn a_list_of_consents_that_is_none_moves_nothing() {
    every_look_is_survived(CONSENT_WAY, &format!("{CONSENT}/v2/getconsentslist"), WAITING).await;
}

#[tokio::test]
async fn the_state_of_a_session_that_is_none_moves_nothing() {
    let still = [JourneyState::AwaitingCustomer, JourneyState::Consented, JourneyState::Fetching];
    every_look_is_survived(CONSENT_WAY, &format!("{CONSENT}/consent/firequest/status"), &still).await;
}

#[tokio::test]
async fn the_state_of_a_transaction_that_is_none_moves_nothing() {
    every_look_is_survived(ORCHESTRATION_WAY, &format!("{ORCHESTRATION}/transaction/status"), WAITING).await;
}

#[tokio::test]
async fn a_report_that_is_none_moves_nothing() {
    // A body without data and a 403 are documented as "collecting": approval is implied.
    let still = [JourneyState::AwaitingCustomer, JourneyState::Consented, JourneyState::Fetching];
    every_look_is_survived(AGGREGATOR_WAY, &format!("{AGGREGATOR}/fetch-json-report"), &still).await;
}

#[tokio::test]
async fn the_state_of_an_analysed_session_that_is_none_moves_nothing() {
    every_look_is_survived(ANALYSER_WAY, &format!("{ANALYSER}/status"), WAITING).await;
}

#[tokio::test]
async fn a_silent_provider_moves_nothing() {
    let path = format!("{CONSENT}/v2/getconsentslist");
    let stage = Stage::start(STRICT, OFTEN).await;
    nothing_moves(&stage, CONSENT_WAY, &path, WAITING, silent()).await;
    stage.assert_serving().await;
}
