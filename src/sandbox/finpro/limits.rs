//! Who calls, and how often.

use http::HeaderMap;
use jiff::{Timestamp, ToSpan};

use super::envelope::Failure;
use crate::sandbox::credentials::{FINPRO, FinProCredential};

/// Which organisation calls, by all four headers.
pub(super) fn organisation(headers: &HeaderMap) -> Result<&'static FinProCredential, Failure> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let all = (header("client_id"), header("client_secret"), header("organisationId"), header("appIdentifier"));
    let (Some(id), Some(secret), Some(organisation), Some(app)) = all else {
        return Err(Failure::unauthorized("Invalid headers"));
    };
    let known = FINPRO.iter().find(|known| known.client_id == id && known.client_secret == secret);
    let known = known.ok_or(Failure::unauthorized("Invalid credentials"))?;
    if known.organisation_id != organisation {
        return Err(Failure::unauthorized("Invalid organizationId."));
    }
    if known.app_identifier != app {
        return Err(Failure::unauthorized("Invalid headers"));
    }
    Ok(known)
}

/// A fixed window of a minute, one counter over all endpoints.
#[derive(Debug, Default)]
pub(super) struct Window {
    began: Option<Timestamp>,
    used: u32,
}

/// Where the caller stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Unix seconds.
    pub(super) reset: i64,
    pub(super) exceeded: bool,
}

impl Window {
    /// Counts one call. Windows follow each other without gaps from the first call on.
    pub(super) fn count(&mut self, now: Timestamp, limit: u32) -> Standing {
        let began = self.began.unwrap_or(now);
        let passed = now.as_second().saturating_sub(began.as_second()).max(0) / 60;
        let current = began.checked_add((passed * 60).seconds()).unwrap_or(now);
        if self.began != Some(current) {
            self.used = 0;
        }
        self.began = Some(current);
        self.used = self.used.saturating_add(1);
        Standing {
            limit,
            remaining: limit.saturating_sub(self.used),
            reset: current.as_second() + 60,
            exceeded: self.used > limit,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_window_lasts_a_minute_and_then_starts_anew() {
        let start: Timestamp = "2026-11-20T10:00:55Z".parse().unwrap();
        let mut window = Window::default();
        assert_eq!(window.count(start, 2).remaining, 1);
        assert!(!window.count(start + 30.seconds(), 2).exceeded);
        let third = window.count(start + 59.seconds(), 2);
        assert!(third.exceeded);
        assert_eq!(third.reset, start.as_second() + 60);
        let next = window.count(start + 130.seconds(), 2);
        assert!(!next.exceeded);
        assert_eq!(next.reset, start.as_second() + 180);
    }
}
