//! How many second tries a credential may make. A provider that fails for everybody must not get twice the calls because of it.

use std::sync::{Mutex, PoisonError};

/// What one call adds: one second try for ten calls.
const SHARE: f64 = 0.1;
/// The most that is saved up, so that a credential with few calls has second tries too, and a long healthy time does not allow a storm.
const RESERVE: f64 = 5.0;

/// The second tries that are left, for one credential.
#[derive(Debug)]
pub struct RetryBudget(Mutex<f64>);

impl Default for RetryBudget {
    /// A budget with its full reserve.
    fn default() -> Self {
        Self(Mutex::new(RESERVE))
    }
}

impl RetryBudget {
    /// Adds the share of one call.
    pub fn deposit(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + SHARE).min(RESERVE);
    }

    /// Takes one second try. Returns false if none is left.
    pub fn withdraw(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *left >= 1.0;
        if enough {
            *left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failing_calls_get_a_tenth_more() {
        let budget = RetryBudget::default();
        let mut tries = 0;
        for _ in 0..1_000 {
            budget.deposit();
            tries += u32::from(budget.withdraw());
        }
        assert!((100..=106).contains(&tries), "{tries}");
    }

    #[test]
    fn a_healthy_time_saves_no_more_than_the_reserve() {
        let budget = RetryBudget::default();
        (0..10_000).for_each(|_| budget.deposit());
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 5);
    }
}
