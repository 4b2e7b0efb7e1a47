//! How providers reach the gateway.

use serde::Deserialize;
use url::Url;

use super::Faults;

/// The section `webhook`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// The address under which providers reach the webhook listener; a path prefix is allowed. Without it no webhook address is
    /// given to providers, and the poller alone moves journeys on.
    pub public_base_url: Option<String>,
    /// Most bytes of a message. Some hold the data of several accounts.
    pub max_body_bytes: usize,
    /// Messages a second that the listener takes for long, of each credential and of all unknown addresses together; further ones are
    /// answered with 429.
    pub per_second: u32,
    /// Messages that may come at once, counted likewise.
    pub burst: u32,
    /// Milliseconds of a whole request, from its head to its answer.
    pub request_ms: u64,
    /// Days for which messages are kept, sealed. A signed message that is older is refused: it could be a replay.
    pub keep_days: u32,
    /// Hours for which a message may wait for a journey that is not known yet.
    pub park_hours: u32,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            public_base_url: None,
            max_body_bytes: 16 * 1024 * 1024,
            per_second: 2_000,
            burst: 10_000,
            request_ms: 10_000,
            keep_days: 7,
            park_hours: 24,
        }
    }
}

impl Webhook {
    pub(super) fn validate(&self, faults: &mut Faults) {
        if let Some(text) = &self.public_base_url {
            check_url("webhook.public_base_url", text, faults);
        }
        if !(1024..=256 * 1024 * 1024).contains(&self.max_body_bytes) {
            faults.add("webhook.max_body_bytes", "must be 1 KiB to 256 MiB");
        }
        faults.at_least_one("webhook.per_second", u64::from(self.per_second));
        faults.at_least_one("webhook.burst", u64::from(self.burst));
        if !(100..=60_000).contains(&self.request_ms) {
            faults.add("webhook.request_ms", "must be 100 to 60000");
        }
        if !(1..=90).contains(&self.keep_days) {
            faults.add("webhook.keep_days", "must be 1 to 90");
        }
        if self.park_hours == 0 || u64::from(self.park_hours) > u64::from(self.keep_days) * 24 {
            faults.add("webhook.park_hours", "must be at least 1, and not longer than `webhook.keep_days`");
        }
    }

    /// The address as a URL.
    pub fn base_url(&self) -> Option<Url> {
        self.public_base_url.as_deref().and_then(|text| Url::parse(text).ok())
    }
}

/// Notes a fault unless the text is a plain https URL; http is well for loopback.
pub(super) fn check_url(path: &str, text: &str, faults: &mut Faults) {
    let Ok(url) = Url::parse(text) else {
        return faults.add(path, "is no URL");
    };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        faults.add(path, "must begin with https:// (http:// only for loopback)");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        faults.add(path, "must hold no user, password, query or fragment");
    }
}
