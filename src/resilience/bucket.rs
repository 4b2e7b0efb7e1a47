//! A token bucket: so many at once, so many a second for long.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// See the module. It goes by the machine's running time, which no clock that is set can move.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket that holds `burst` and gains `per_second`; neither is less than one.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let most = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second.max(1)), most, level: Mutex::new((most, Instant::now())) }
    }

    /// When there will be one, should nobody else take it; zero if there is one. Takes nothing.
    pub fn wait(&self) -> Duration {
        let (left, since) = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let left = left + Instant::now().saturating_duration_since(since).as_secs_f64() * self.per_second;
        Duration::from_secs_f64((1.0 - left).max(0.0) / self.per_second)
    }

    /// Takes one; or says when there will be one, should nobody else take it.
    pub fn take(&self) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (left, since) = *level;
        let left = (left + now.saturating_duration_since(since).as_secs_f64() * self.per_second).min(self.most);
        if left >= 1.0 {
            *level = (left - 1.0, now);
            return Ok(());
        }
        *level = (left, now);
        // Rounded up, so that whoever waits so long does not come a moment too soon.
        Err(Duration::from_secs_f64((1.0 - left) / self.per_second) + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let bucket = Bucket::new(10, 3);
        assert_eq!([0; 4].map(|_| bucket.take().is_ok()), [true, true, true, false]);
        let wait = bucket.take().unwrap_err();
        assert!((100..=102).contains(&wait.as_millis()), "{wait:?}");
        assert!(bucket.wait().abs_diff(wait) <= Duration::from_millis(2));
        advance(wait).await;
        assert_eq!(bucket.wait(), Duration::ZERO);
        assert_eq!([0; 2].map(|_| bucket.take().is_ok()), [true, false]);
        // However long nobody came, no more than the burst is there.
        advance(Duration::from_secs(3_600)).await;
        assert_eq!([0; 4].map(|_| bucket.take().is_ok()), [true, true, true, false]);
    }
}
