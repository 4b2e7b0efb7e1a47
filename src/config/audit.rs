//! The audit log.

use serde::Deserialize;

use super::Faults;

/// The section `audit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Days for which rows are kept.
    pub keep_days: u32,
    /// Milliseconds that a call waits for its row to be on disk.
    pub timeout_ms: u64,
    /// Seconds between two checkpoints.
    pub checkpoint_seconds: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep_days: 2_557, timeout_ms: 2_000, checkpoint_seconds: 60 }
    }
}

impl Audit {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("audit.keep_days", u64::from(self.keep_days));
        faults.at_least_one("audit.timeout_ms", self.timeout_ms);
        faults.at_least_one("audit.checkpoint_seconds", u64::from(self.checkpoint_seconds));
    }
}
