//! How the background looks after open journeys.

use serde::Deserialize;

use super::Faults;

/// The section `poller`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Poller {
    /// Milliseconds until the first look at a journey that has changed. Each further look waits twice as long.
    pub first_ms: u64,
    /// Most milliseconds between two looks.
    pub max_ms: u64,
    /// Journeys that are polled at once. Half of it is divided among the credentials of all tenants, by the tenants' weights, so that each
    /// has a share of its own, of one journey at least; the other half is lent to those that have journeys due.
    pub concurrency: usize,
    /// Hours after which a customer who has not finished is given up. A late approval reopens the attempt.
    pub abandon_after_hours: u32,
    /// Minutes after which an opening whose answer was lost counts as failed.
    pub outcome_unknown_minutes: u32,
}

impl Default for Poller {
    fn default() -> Self {
        Self { first_ms: 2_000, max_ms: 300_000, concurrency: 16, abandon_after_hours: 72, outcome_unknown_minutes: 60 }
    }
}

impl Poller {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("poller.first_ms", self.first_ms);
        faults.at_least_one("poller.concurrency", self.concurrency as u64);
        faults.at_least_one("poller.abandon_after_hours", u64::from(self.abandon_after_hours));
        faults.at_least_one("poller.outcome_unknown_minutes", u64::from(self.outcome_unknown_minutes));
        if self.max_ms < self.first_ms {
            faults.add("poller.max_ms", "must not be below `poller.first_ms`");
        }
    }
}
