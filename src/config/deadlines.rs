//! How long a call may take.

use std::time::Duration;

use serde::Deserialize;

use super::Faults;

/// The section `deadlines`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// Milliseconds for a call whose caller gives no deadline.
    pub default_ms: u64,
    /// Most milliseconds, whatever the caller asks for.
    pub max_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { default_ms: 30_000, max_ms: 120_000 }
    }
}

impl Deadlines {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("deadlines.default_ms", self.default_ms);
        if self.max_ms < self.default_ms {
            faults.add("deadlines.max_ms", "must not be below `deadlines.default_ms`");
        }
    }

    /// The time of a call, from what its caller asked for.
    pub fn allowed(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or(Duration::from_millis(self.default_ms)).min(Duration::from_millis(self.max_ms))
    }
}
