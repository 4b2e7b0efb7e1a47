//! Many calls whose time ends at the same moment before a silent provider: each is answered at its time, and not after the work of the others.
//! A raw connection is the client, for a client of gRPC ends calls by a timer of its own.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tonic::Code;

use super::{full, size};
use crate::{
    deadlines::call,
    replay::{Answer, CONSENT},
    stage::{CONSENT_WAY, Stage},
};

/// A provider that is waited for longer than the callers wait.
const SLOWER: &str = "read_ms = 5000, attempt_ms = 5000, total_ms = 9000, retry_pause_ms = 1, breaker_failures = 0";
const TIME: Duration = Duration::from_millis(300);
/// How late an answer may be in a large run.
const LATE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_end_at_once_are_answered_at_their_time() {
    let stage = Stage::start(SLOWER, 600_000).await;
    stage.replay.set(&format!("{CONSENT}/v3/requestconsent"), Answer::Held);
    for calls in [1, size(50, 10)] {
        let timed = async || {
            let request = CONSENT_WAY.request();
            let begin = Instant::now();
            let status = call(&stage, "StartJourney", &request, "300m").await;
            (status, begin.elapsed())
        };
        let answers = join_all((0..calls).map(|_| timed())).await;
        let late = answers.iter().map(|(_, took)| took.saturating_sub(TIME)).max().unwrap_or_default();
        println!("{calls} calls of {TIME:?} at once: the last answer came {late:?} after its time");
        for (status, _) in &answers {
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        }
        assert!(!full() || late <= LATE, "{late:?} late");
    }
}
