//! What the operator decides about messages.

use jiff::SignedDuration;

use crate::config::Config;

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most bytes of a message.
    pub max_body: usize,
    /// Requests a second that are taken for long.
    pub per_second: u32,
    /// Requests that may come at once.
    pub burst: u32,
    /// How long a message is kept, and so how long a replay of it is known.
    pub keep: SignedDuration,
    /// How long a message may wait for something that is not known yet.
    pub park: SignedDuration,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let webhook = &config.webhook;
        Self {
            max_body: webhook.max_body_bytes,
            per_second: webhook.per_second,
            burst: webhook.burst,
            keep: SignedDuration::from_hours(i64::from(webhook.keep_days) * 24),
            park: SignedDuration::from_hours(i64::from(webhook.park_hours)),
        }
    }
}
