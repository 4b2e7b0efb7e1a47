//! What the latest writes say about the store. A read proves nothing about a full disk, so health is derived from writes: from the callers'
//! own, and from a small one where there were none.

use std::sync::{Mutex, PoisonError};

use super::StoreError;

/// Checks without any write after which the store writes something itself. At one check a second this bounds both the cost of an idle
/// gateway and the time for which it reports an old result.
const UNPROVEN_AFTER: u32 = 10;

/// The outcomes of writes since the last check.
#[derive(Debug)]
pub(super) struct WriteOutcomes(Mutex<State>);

#[derive(Debug)]
struct State {
    committed: bool,
    failure: Option<StoreError>,
    /// Checks in a row that saw no write.
    idle: u32,
}

/// What a check concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WriteHealth {
    /// A write failed since the last check.
    Failing(StoreError),
    /// A write was committed lately, and none failed.
    Proven,
    /// Nothing is known: a write has to show it.
    Unproven,
}

impl Default for WriteOutcomes {
    fn default() -> Self {
        Self(Mutex::new(State { committed: false, failure: None, idle: UNPROVEN_AFTER }))
    }
}

impl WriteOutcomes {
    /// Notes a write that was committed.
    pub(super) fn committed(&self) {
        self.state().committed = true;
    }

    /// Notes a write that the database could not do.
    pub(super) fn failed(&self, error: StoreError) {
        self.state().failure = Some(error);
    }

    /// Concludes from what was noted since the last check. A failure counts once: the check after it asks for a proof.
    pub(super) fn check(&self) -> WriteHealth {
        let mut state = self.state();
        let committed = std::mem::take(&mut state.committed);
        if let Some(error) = state.failure.take() {
            state.idle = UNPROVEN_AFTER;
            return WriteHealth::Failing(error);
        }
        state.idle = if committed { 0 } else { state.idle.saturating_add(1) };
        if state.idle > UNPROVEN_AFTER { WriteHealth::Unproven } else { WriteHealth::Proven }
    }

    /// Notes how a write ended that was made as a proof. Its failure is reported by the check that made it, so the next one tries again at once.
    pub(super) fn proof(&self, result: &Result<(), StoreError>) {
        let mut state = self.state();
        state.failure = None;
        state.idle = if result.is_ok() { 0 } else { UNPROVEN_AFTER };
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a statement that is a write by itself.
pub(super) trait Noted<T> {
    /// Notes how the write ended.
    fn noted(self, outcomes: &WriteOutcomes) -> Result<T, StoreError>;
}

impl<T> Noted<T> for Result<T, sqlx::Error> {
    fn noted(self, outcomes: &WriteOutcomes) -> Result<T, StoreError> {
        match &self {
            Ok(_) => outcomes.committed(),
            Err(error) if StoreError::concerns_database(error) => outcomes.failed(StoreError::of(error)),
            Err(_) => {}
        }
        self.map_err(StoreError::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> StoreError {
        StoreError::Full("code 13".to_owned())
    }

    #[test]
    fn a_start_proves_nothing() {
        assert_eq!(WriteOutcomes::default().check(), WriteHealth::Unproven);
    }

    #[test]
    fn one_failure_among_commits_is_reported_once() {
        let outcomes = WriteOutcomes::default();
        outcomes.committed();
        outcomes.failed(full());
        outcomes.committed();
        assert_eq!(outcomes.check(), WriteHealth::Failing(full()));
        assert_eq!(outcomes.check(), WriteHealth::Unproven);
    }

    #[test]
    fn an_idle_store_is_proven_again_after_a_while() {
        let outcomes = WriteOutcomes::default();
        outcomes.proof(&Ok(()));
        let checks: Vec<_> = (0..=UNPROVEN_AFTER).map(|_| outcomes.check()).collect();
        assert_eq!(checks.iter().filter(|check| **check == WriteHealth::Unproven).count(), 1);
        assert_eq!(checks.last(), Some(&WriteHealth::Unproven));
    }

    #[test]
    fn a_failed_proof_is_tried_again_at_once() {
        let outcomes = WriteOutcomes::default();
        outcomes.failed(full());
        outcomes.proof(&Err(full()));
        assert_eq!(outcomes.check(), WriteHealth::Unproven);
    }
}
