//! How much the callers of one tenant may do, so that they do not slow those of another.

use serde::Deserialize;

use super::Faults;

/// The section `tenant.limits`. Whatever is left out is bounded by the process's own limits alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantLimits {
    /// Calls a second for long.
    pub calls_per_second: Option<u32>,
    /// Calls that may come at once beyond that; as many as come in a second if it is left out.
    pub burst: Option<u32>,
    /// Most calls in progress, watches apart.
    pub concurrent_calls: Option<u32>,
    /// Most streams of changes.
    pub watch_streams: Option<u32>,
    /// Share of the background's polls in relation to other tenants; 1 if it is left out.
    pub poll_weight: Option<u32>,
}

impl TenantLimits {
    pub(super) fn validate(&self, path: &str, faults: &mut Faults) {
        let at_least_one = [
            ("calls_per_second", self.calls_per_second),
            ("burst", self.burst),
            ("concurrent_calls", self.concurrent_calls),
            ("poll_weight", self.poll_weight),
        ];
        for (name, limit) in at_least_one {
            if limit == Some(0) {
                faults.add(format!("{path}.limits.{name}"), "must be at least 1");
            }
        }
        if self.burst.is_some() && self.calls_per_second.is_none() {
            faults.add(format!("{path}.limits.burst"), "means nothing without `calls_per_second`");
        }
    }
}
