//! Notices a clock that falls back: what stands in the store as due by it would otherwise wait until it has come so far again.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Less than this is the usual correction of a clock, and no more than any journey may wait.
const USUAL: SignedDuration = SignedDuration::from_secs(20);

/// What the clock must show at least, from what it has shown and how long ago that was.
#[derive(Debug)]
pub(super) struct Fall {
    shown: Timestamp,
    at: Option<Instant>,
}

impl Fall {
    /// From a first look at the clock on.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { shown: now, at: None }
    }

    /// By how much the clock has fallen back, if it has; told until [`Self::told`] says that it is known.
    pub(super) fn at(&mut self, now: Timestamp, at: Instant) -> Option<SignedDuration> {
        let passed = self.at.map(|before| at.saturating_duration_since(before)).unwrap_or_default();
        let expected = self.shown.saturating_add(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX)).ok()?;
        let fallen = expected.duration_since(now);
        if fallen > USUAL {
            return Some(fallen);
        }
        (self.shown, self.at) = (now, Some(at));
        None
    }

    /// The fall is known and counts no more.
    pub(super) fn told(&mut self, by: SignedDuration) {
        self.shown = self.shown.saturating_sub(by).unwrap_or(Timestamp::MIN);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fall_is_told_until_it_is_known_and_a_rise_or_a_correction_is_none() {
        let (begin, second) = (Timestamp::from_second(100_000).unwrap(), SignedDuration::from_secs(1));
        let hour = second * 3_600;
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut fall = Fall::new(begin);
        assert_eq!(fall.at(begin, start), None);
        assert_eq!(fall.at(begin + second * 5, after(5)), None);
        assert_eq!(fall.at(begin + second * 5 - second * 10, after(10)), None, "a correction");
        assert_eq!(fall.at(begin + hour, after(11)), None, "it jumps forward");
        assert_eq!(fall.at(begin + second, after(12)), Some(hour));
        assert_eq!(fall.at(begin + second * 2, after(13)), Some(hour), "the store was not there");
        fall.told(hour);
        assert_eq!(fall.at(begin + second * 3, after(14)), None);
        assert_eq!(fall.at(begin + second * 4 - hour, after(15)), Some(hour));
    }
}
