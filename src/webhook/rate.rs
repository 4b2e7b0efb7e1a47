//! A token bucket: so many at once, so many a second for long.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// See the module.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    level: Mutex<(f64, Timestamp)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u32, most: u32, now: Timestamp) -> Self {
        let most = f64::from(most);
        Self { per_second: f64::from(per_second), most, level: Mutex::new((most, now)) }
    }

    /// Takes one, if there is one.
    pub fn take(&self, now: Timestamp) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *level;
        // A clock that was set back fills nothing.
        let passed = now.duration_since(since).as_secs_f64().max(0.0);
        let left = (left + passed * self.per_second).min(self.most);
        let taken = left >= 1.0;
        *level = (if taken { left - 1.0 } else { left }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let bucket = Bucket::new(10, 3, at(0));
        assert_eq!([0; 4].map(|_| bucket.take(at(0))), [true, true, true, false]);
        assert!(!bucket.take(at(50)));
        assert!(bucket.take(at(150)));
        assert!(!bucket.take(at(150)));
        // However long nobody came, no more than the burst is there.
        assert_eq!([0; 4].map(|_| bucket.take(at(60_000))), [true, true, true, false]);
        assert!(!bucket.take(at(1_000)));
    }
}
