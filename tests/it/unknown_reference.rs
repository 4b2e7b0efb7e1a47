//! A provider that answers "unknown reference" about an attempt that awaits its customer: one such answer ends nothing, and what ended is reopened
//! by the provider's own word.

use jiff::SignedDuration;
use sangam::pb::{AttemptState, JourneyState};

use crate::{
    replay::{AGGREGATOR, ANALYSER, Answer, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

/// Polls that are not far apart.
const OFTEN: u64 = 20;

/// Each way whose polls can meet the documented word, with the path and the word.
fn ways() -> [(Way, String, &'static str); 3] {
    [
        (
            ORCHESTRATION_WAY,
            format!("{ORCHESTRATION}/transaction/status"),
            r#"{"ver":"1.21.0","errorCode":"RECORD_NOT_FOUND","errorMsg":"x"}"#,
        ),
        (
            AGGREGATOR_WAY,
            format!("{AGGREGATOR}/fetch-json-report"),
            r#"{"status_code":404,"success":false,"message":"Client Not Found","message_code":"client_not_found"}"#,
        ),
        (
            ANALYSER_WAY,
            format!("{ANALYSER}/status"),
            r#"{"success":false,"message":"Session not found","error_code":"SESSION_NOT_FOUND"}"#,
        ),
    ]
}

/// Opens a journey that the provider does not know, and waits for some polls of it.
async fn unknown(stage: &Stage, way: Way, path: &str, word: &str) -> String {
    stage.replay.set(path, Answer::status(404, word.to_owned()));
    let asked = stage.replay.asked(path);
    let journey_id = stage.open(way).await.unwrap().journey_id;
    stage.replay.until_asked(path, asked + 5).await;
    journey_id
}

#[tokio::test]
async fn an_unknown_reference_ends_nothing_within_minutes() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    for (way, path, word) in ways() {
        let journey_id = unknown(&stage, way, &path, word).await;
        let journey = stage.until(&journey_id, |_| true).await;
        assert_eq!(journey.state(), JourneyState::AwaitingCustomer, "{path}");
        stage.replay.heal(&path);
        stage.until(&journey_id, |journey| journey.state() == JourneyState::Ready).await;
    }
    stage.assert_serving().await;
}

#[tokio::test]
async fn a_word_that_lasts_ends_and_a_fact_reopens() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    for (way, path, word) in ways() {
        let journey_id = unknown(&stage, way, &path, word).await;
        stage.clock.turn(SignedDuration::from_mins(6));
        let journey = stage.until(&journey_id, |journey| journey.state() == JourneyState::Failed).await;
        let attempt = &journey.attempts[0];
        assert_eq!((attempt.state(), attempt.failure_reason.as_str()), (AttemptState::Failed, "PROVIDER_REFUSED"), "{path}");
        stage.replay.heal(&path);
        // As a message of the provider does.
        stage.gateway.service().nudge(&journey_id).await.unwrap();
        let journey = stage.until(&journey_id, |journey| journey.state() == JourneyState::Ready).await;
        assert_eq!(journey.attempts[0].failure_reason, "", "{path}");
    }
    stage.assert_serving().await;
}
