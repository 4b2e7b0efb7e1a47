//! Collects the ids of the calls that a piece of work makes at its provider, so that a journey can keep them for the provider's support.

use std::{cell::RefCell, future::Future};

use jiff::Timestamp;
use uuid::Uuid;

/// A call that was sent, or was about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallNote {
    /// The call's name, such as `requestconsent`.
    pub stage: &'static str,
    /// The id that went along as `x-request-id`.
    pub x_request_id: Uuid,
    /// When it began.
    pub at: Timestamp,
}

tokio::task_local! {
    static NOTES: RefCell<Vec<CallNote>>;
}

/// Runs `work` and returns its result with the calls that it made, oldest first. Calls of tasks that it spawns are not among them.
pub async fn collect<T>(work: impl Future<Output = T>) -> (T, Vec<CallNote>) {
    NOTES
        .scope(RefCell::default(), async {
            let result = work.await;
            (result, NOTES.with(RefCell::take))
        })
        .await
}

/// Notes a call, if its notes are collected.
pub(super) fn note(stage: &'static str, x_request_id: Uuid, at: Timestamp) {
    let _ = NOTES.try_with(|notes| notes.borrow_mut().push(CallNote { stage, x_request_id, at }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_calls_of_the_work_itself_are_collected() {
        let at = Timestamp::UNIX_EPOCH;
        note("before", Uuid::nil(), at);
        let ((), notes) = collect(async {
            note("first", Uuid::nil(), at);
            tokio::task::yield_now().await;
            note("second", Uuid::max(), at);
        })
        .await;
        assert_eq!(notes.iter().map(|note| note.stage).collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!(collect(async {}).await.1, []);
    }
}
