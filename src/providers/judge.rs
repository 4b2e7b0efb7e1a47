//! What both adapters need to judge an answer: where it came from, and when to ask again.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use super::{
    error::{Effect, ErrorKind, ProviderError},
    http::CallKind,
};

/// Which call an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The provider's id.
    pub provider: &'static str,
    /// The call's name.
    pub stage: &'static str,
    /// Read or write.
    pub kind: CallKind,
    /// When the answer came.
    pub now: Timestamp,
}

impl Origin {
    /// An error of this call without effect.
    pub fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, self.provider, self.stage)
    }

    /// The answer says that it worked and cannot be used: for a write the effect stands.
    pub fn unusable(&self, detail: &'static str) -> ProviderError {
        self.error(ErrorKind::ResponseInvalid).with_effect(self.effect_of_success()).with_detail(detail)
    }

    /// The answer cannot be understood at all, so it does not say whether the call worked.
    pub fn senseless(&self, detail: &'static str) -> ProviderError {
        self.error(ErrorKind::ResponseInvalid).with_effect(self.kind.effect_when_lost()).with_detail(detail)
    }

    /// What a call that succeeded has done.
    pub fn effect_of_success(&self) -> Effect {
        match self.kind {
            CallKind::Read => Effect::None,
            CallKind::Write => Effect::Applied,
        }
    }

    /// What a call answered with this HTTP status has done: a refusal (4xx) did nothing; after 5xx or an answer that nobody
    /// documents it cannot be told.
    pub fn effect_of(&self, status: StatusCode) -> Effect {
        if status.is_client_error() || status.is_success() { Effect::None } else { self.kind.effect_when_lost() }
    }
}

/// The longest pause that is believed; the longest documented window is a minute.
const LONGEST: Duration = Duration::from_secs(3600);

/// When to ask again: `Retry-After` (seconds or a date), or `X-RateLimit-Reset` in unix seconds.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let until = |instant: Timestamp| {
        let seconds = instant.as_second().saturating_sub(now.as_second()).max(1);
        Duration::from_secs(seconds.unsigned_abs())
    };
    let stated = text(header::RETRY_AFTER.as_str()).and_then(|value| match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => jiff::fmt::rfc2822::parse(value).ok().map(|date| until(date.timestamp())),
    });
    let reset = || {
        let seconds = text("x-ratelimit-reset")?.parse::<i64>().ok()?;
        Timestamp::from_second(seconds).ok().map(until)
    };
    stated.or_else(reset).map(|pause| pause.min(LONGEST))
}

/// Whether a body is a web page rather than an answer of the interface.
pub fn is_html(body: &[u8]) -> bool {
    let start: Vec<u8> = body.iter().copied().skip_while(u8::is_ascii_whitespace).take(14).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with(b"<!doctype html")
        || start.starts_with(b"<html")
        || start.starts_with(b"<head")
        || start.starts_with(b"<body")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_read_from_either_header() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let reset = (now.as_second() + 42).to_string();
        for (name, value, expected) in [
            ("retry-after", "7", Some(7)),
            ("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT", Some(30)),
            ("x-ratelimit-reset", reset.as_str(), Some(42)),
            ("x-ratelimit-reset", "5", Some(1)),
            ("x-ratelimit-reset", "99999999999999999", None),
            ("retry-after", "999999999", Some(3600)),
            ("retry-after", "soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(http::HeaderName::from_static(name), value.parse().unwrap());
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{name}: {value}");
        }
    }
}
