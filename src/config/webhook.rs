//! How providers reach the gateway.

use serde::Deserialize;
use url::Url;

use super::Faults;

/// The section `webhook`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// The address under which providers reach the webhook listener; a path prefix is allowed. Without it no webhook address is
    /// given to providers, and the poller alone moves journeys on.
    pub public_base_url: Option<String>,
}

impl Webhook {
    pub(super) fn validate(&self, faults: &mut Faults) {
        if let Some(text) = &self.public_base_url {
            check_url("webhook.public_base_url", text, faults);
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
