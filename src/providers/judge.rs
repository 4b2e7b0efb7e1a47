//! What both adapters need to judge an answer: where it came from, and when to ask again.

use std::{borrow::Cow, time::Duration};

use http::{StatusCode, header};
use jiff::Timestamp;

use super::{
    error::{Effect, ErrorKind, Exchange, ProviderError, Shape},
    http::{CallKind, OutboundResponse},
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
    /// The HTTP call; none for bytes that were kept earlier.
    pub exchange: Option<Exchange>,
}

impl Origin {
    /// An error of this call without effect.
    pub fn error(&self, kind: ErrorKind) -> ProviderError {
        let error = ProviderError::new(kind, self.provider, self.stage);
        match self.exchange {
            Some(exchange) => error.with_exchange(exchange),
            None => error,
        }
    }

    /// The answer says that it worked and cannot be used: for a write the effect stands.
    pub fn unusable(&self, detail: impl Into<Cow<'static, str>>) -> ProviderError {
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

/// The longest time to wait that a caller is given, where a provider states more.
const LONGEST: Duration = Duration::from_secs(900);
/// A stated time below this is no pause, and `Retry-After: 0` states none.
const SHORTEST: Duration = Duration::from_millis(100);

/// When to ask again, for callers: the time that the answer states, within a bound.
pub fn retry_after(response: &OutboundResponse, now: Timestamp) -> Option<Duration> {
    stated_pause(response, now).map(|pause| pause.min(LONGEST))
}

/// The pause that an answer states, unbounded: by `Retry-After` (seconds, with a fraction or without, or a date), and after 429 by
/// `X-RateLimit-Reset` too. `None` where neither is usable: absent, zero, negative, past, or no time at all.
pub fn stated_pause(response: &OutboundResponse, now: Timestamp) -> Option<Duration> {
    let after = text(response, header::RETRY_AFTER.as_str());
    let stated = after.and_then(|value| seconds(value).or_else(|| until(date(value)?, now)));
    // A provider may send the end of its window with every answer: only a refusal for the number of calls makes it a time to wait for.
    let reset = || (response.status == StatusCode::TOO_MANY_REQUESTS).then(|| window_end(response, now)).flatten();
    stated.filter(|pause| *pause >= SHORTEST).or_else(reset)
}

/// How long the provider's window still lasts in which it takes no further call: by `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
pub fn used_up(response: &OutboundResponse, now: Timestamp) -> Option<Duration> {
    let remaining: i64 = text(response, "x-ratelimit-remaining")?.parse().ok()?;
    (remaining <= 0).then(|| window_end(response, now)).flatten()
}

/// Until `X-RateLimit-Reset`, in unix seconds.
fn window_end(response: &OutboundResponse, now: Timestamp) -> Option<Duration> {
    let reset: i64 = text(response, "x-ratelimit-reset")?.parse().ok()?;
    until(Timestamp::from_second(reset).ok()?, now)
}

fn text<'a>(response: &'a OutboundResponse, name: &str) -> Option<&'a str> {
    response.headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits with at most one point among them. More seconds than a duration holds are the longest duration.
fn seconds(text: &str) -> Option<Duration> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| plain)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

/// Whole seconds until an instant, if it is still to come. They are rounded up, because the instant has whole seconds and may be rounded.
fn until(instant: Timestamp, now: Timestamp) -> Option<Duration> {
    let seconds = instant.as_second().saturating_sub(now.as_second());
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The shape of an answer.
pub fn shape(response: &OutboundResponse) -> Shape {
    let body = &response.body;
    let form = match body.trim_ascii_start().first() {
        None => "EMPTY",
        Some(b'{') => "JSON_OBJECT",
        Some(b'[') => "JSON_LIST",
        Some(b'<') if is_html(body) => "WEB_PAGE",
        Some(b'<') => "XML",
        Some(_) => "OTHER",
    };
    Shape { http_status: response.status.as_u16(), bytes: body.len(), form }
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
    use bytes::Bytes;
    use http::HeaderName;

    use super::*;

    const NOW: &str = "2026-01-01T00:00:00.9Z";

    fn answer(status: StatusCode, headers: &[(&'static str, &str)]) -> OutboundResponse {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        OutboundResponse::new(status, headers.collect(), Bytes::new())
    }

    #[test]
    fn a_usable_retry_after_is_a_pause() {
        for (value, millis) in [
            ("7", Some(7_000)),
            ("1.5", Some(1_500)),
            (" 2 ", Some(2_000)),
            ("Thu, 01 Jan 2026 00:00:30 GMT", Some(30_000)),
            ("999999999", Some(900_000)),
            ("99999999999999999999999999", Some(900_000)),
            ("0", None),
            ("0.0", None),
            ("0.01", None),
            ("-5", None),
            ("+5", None),
            ("1e9", None),
            ("inf", None),
            ("NaN", None),
            (".", None),
            ("", None),
            ("soon", None),
            ("1, 2", None),
            ("Thu, 01 Jan 2015 00:00:30 GMT", None),
        ] {
            let now = NOW.parse().unwrap();
            for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
                let pause = retry_after(&answer(status, &[("retry-after", value)]), now);
                assert_eq!(pause, millis.map(Duration::from_millis), "{value}");
            }
        }
    }

    #[test]
    fn the_window_end_is_a_pause_after_a_429_only() {
        let now: Timestamp = NOW.parse().unwrap();
        let at = |seconds: i64| (now.as_second() + seconds).to_string();
        for (value, seconds) in
            [(at(42), Some(42)), (at(0), None), (at(-42), None), ("60".to_owned(), None), ("x".to_owned(), None)]
        {
            let headers = [("x-ratelimit-reset", value.as_str()), ("retry-after", "0")];
            let pause = stated_pause(&answer(StatusCode::TOO_MANY_REQUESTS, &headers), now);
            assert_eq!(pause, seconds.map(Duration::from_secs), "{value}");
            assert_eq!(stated_pause(&answer(StatusCode::SERVICE_UNAVAILABLE, &headers), now), None);
            assert_eq!(stated_pause(&answer(StatusCode::BAD_REQUEST, &headers), now), None);
        }
    }

    #[test]
    fn a_window_without_a_call_left_lasts_until_its_end() {
        let now: Timestamp = NOW.parse().unwrap();
        let reset = (now.as_second() + 9).to_string();
        for (remaining, seconds) in [("0", Some(9)), ("-1", Some(9)), ("1", None), ("", None)] {
            let headers = [("x-ratelimit-reset", reset.as_str()), ("x-ratelimit-remaining", remaining)];
            assert_eq!(used_up(&answer(StatusCode::OK, &headers), now), seconds.map(Duration::from_secs), "{remaining}");
        }
        assert_eq!(used_up(&answer(StatusCode::OK, &[("x-ratelimit-remaining", "0")]), now), None);
    }
}
