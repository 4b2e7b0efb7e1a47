//! What the configuration of every provider has in common.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::{Host, Url};

use super::http::Limits;
use crate::config::Faults;

/// How long and how large the calls of one credential may be. Whatever is left out keeps the default of [`Limits`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Most milliseconds to connect, TLS included.
    pub connect_ms: Option<u64>,
    /// Most milliseconds between two reads of a body.
    pub read_ms: Option<u64>,
    /// Most milliseconds of one attempt.
    pub attempt_ms: Option<u64>,
    /// Most milliseconds of a call with its attempts.
    pub total_ms: Option<u64>,
    /// Most milliseconds of pause before a read is tried again.
    pub retry_pause_ms: Option<u64>,
    /// Most bytes of an answer, after decompression.
    pub max_response_bytes: Option<usize>,
    /// Most calls at once.
    pub concurrency: Option<usize>,
    /// Most calls a second; unbounded if it is left out.
    pub per_second: Option<u32>,
    /// Most milliseconds of pause after the provider refused calls for their number, whatever it states; up to a day, 0 for none.
    pub max_pause_ms: Option<u64>,
    /// Failures in a row after which calls end at once for a while; 0 for never.
    pub breaker_failures: Option<u32>,
}

impl LimitsConfig {
    /// The limits, with the faults noted under `path`.
    pub fn check(&self, path: &str, faults: &mut Faults) -> Limits {
        let default = Limits::default();
        let mut within = |name: &str, value: Option<u64>, default: Duration, least: u64, most: u64| match value {
            Some(value) if value < least || value > most => {
                faults.add(format!("{path}.{name}"), format!("must be {least} to {most} milliseconds"));
                default
            }
            Some(value) => Duration::from_millis(value),
            None => default,
        };
        let max_pause = within("max_pause_ms", self.max_pause_ms, default.max_pause, 0, 86_400_000);
        let mut time = |name: &str, value, default, least| within(name, value, default, least, 600_000);
        let limits = Limits {
            max_pause,
            connect: time("connect_ms", self.connect_ms, default.connect, 1),
            read: time("read_ms", self.read_ms, default.read, 1),
            attempt: time("attempt_ms", self.attempt_ms, default.attempt, 1),
            total: time("total_ms", self.total_ms, default.total, 1),
            retry_pause: time("retry_pause_ms", self.retry_pause_ms, default.retry_pause, 0),
            max_response_bytes: self.max_response_bytes.unwrap_or(default.max_response_bytes),
            concurrency: self.concurrency.unwrap_or(default.concurrency),
            per_second: self.per_second,
            breaker_failures: self.breaker_failures.unwrap_or(default.breaker_failures),
        };
        if !(1024..=1024 * 1024 * 1024).contains(&limits.max_response_bytes) {
            faults.add(format!("{path}.max_response_bytes"), "must be 1 KiB to 1 GiB");
        }
        if !(1..=10_000).contains(&limits.concurrency) {
            faults.add(format!("{path}.concurrency"), "must be 1 to 10000");
        }
        if limits.per_second.is_some_and(|rate| !(1..=10_000).contains(&rate)) {
            faults.add(format!("{path}.per_second"), "must be 1 to 10000");
        }
        limits
    }
}

/// A provider's base URL: https, or http on a loopback address; a path prefix is kept, anything after the path is refused.
pub fn base_url(text: &str, path: &str, faults: &mut Faults) -> Option<Url> {
    let fault = match Url::parse(text.trim()) {
        Err(_) => "is no URL; give one such as https://tenant.example/prefix",
        Ok(url) if !matches!(url.scheme(), "https" | "http") || url.host().is_none() => "must be an https URL",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "must hold no user name or password",
        Ok(url) if url.query().is_some() || url.fragment().is_some() => "must hold no query and no fragment",
        Ok(url) if url.scheme() == "http" && !is_loopback(&url) => "must be https; http is allowed on loopback only",
        Ok(url) => return Some(url),
    };
    faults.add(path, fault);
    None
}

/// Whether the URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Puts a credential into a header that never shows itself in logs.
pub fn secret_header(headers: &mut HeaderMap, name: &'static str, value: &str, path: &str, faults: &mut Faults) {
    match HeaderValue::from_str(value) {
        Ok(mut value) if !value.is_empty() => {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        _ => faults.add(path, "must be plain printable text and not empty"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_loopback_base_urls_pass() {
        let good = [
            "https://a.example",
            "https://a.example/lender_uat",
            "http://127.0.0.1:4000/x",
            "http://localhost:1",
            "http://[::1]:9",
        ];
        for text in good {
            let mut faults = Faults::default();
            assert!(base_url(text, "p", &mut faults).is_some() && faults.is_empty(), "{text}");
        }
        let bad = [
            "",
            "a.example",
            "ftp://a.example",
            "http://a.example",
            "http://10.0.0.1",
            "https://u:p@a.example",
            "https://a.example?x=1",
            "https://a.example#f",
            "http://localhost.evil.example",
            "file:///etc/passwd",
        ];
        for text in bad {
            let mut faults = Faults::default();
            assert!(base_url(text, "p", &mut faults).is_none() && !faults.is_empty(), "{text}");
        }
    }

    #[test]
    fn every_wrong_limit_is_named_at_once() {
        let mut faults = Faults::default();
        let config = LimitsConfig {
            connect_ms: Some(0),
            total_ms: Some(u64::MAX),
            max_response_bytes: Some(1),
            concurrency: Some(0),
            per_second: Some(0),
            max_pause_ms: Some(86_400_001),
            ..LimitsConfig::default()
        };
        config.check("tenant.x.limits", &mut faults);
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        let names = ["max_pause_ms", "connect_ms", "total_ms", "max_response_bytes", "concurrency", "per_second"];
        assert_eq!(paths, names.map(|name| format!("tenant.x.limits.{name}")));
    }
}
