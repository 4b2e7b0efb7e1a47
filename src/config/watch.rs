//! How journeys are watched.

use serde::Deserialize;

use super::Faults;

/// The section `watch`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Changes of one journey that are kept for watchers that come back.
    pub history_events: u32,
    /// Hours for which a change is kept for them.
    pub history_hours: u32,
    /// Milliseconds without a change after which a stream gives a sign of life.
    pub heartbeat_ms: u64,
    /// Changes that may wait for the reader of one stream before it is cut.
    pub buffer_messages: u32,
    /// Most streams at once in this process.
    pub max_streams: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self { history_events: 200, history_hours: 72, heartbeat_ms: 15_000, buffer_messages: 256, max_streams: 10_000 }
    }
}

impl Watch {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("watch.history_events", u64::from(self.history_events));
        faults.at_least_one("watch.history_hours", u64::from(self.history_hours));
        faults.at_least_one("watch.heartbeat_ms", self.heartbeat_ms);
        faults.at_least_one("watch.buffer_messages", u64::from(self.buffer_messages));
    }
}
