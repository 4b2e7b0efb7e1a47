//! Spreads refusals that are known beforehand over time. A refusal costs far less than the call that it stands for, so callers who come again at
//! once, whatever the RetryInfo says, could make so many of them that no time is left for calls to a provider that answers.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Time between two refusals of a tenant after the burst.
const GAP: Duration = Duration::from_millis(20);
/// Refusals that a tenant gets without a wait. Callers that do not retry at once stay within it.
const BURST: u32 = 64;
/// The longest wait, and its divisor of the call's remaining time: a refusal waits for at most half of that.
const WAIT: (Duration, u32) = (Duration::from_secs(4), 2);

/// The pace of one tenant's refusals.
#[derive(Debug)]
pub struct RefusalPace {
    /// When the next refusal would be due, if none came at once.
    next: Mutex<Instant>,
}

impl Default for RefusalPace {
    fn default() -> Self {
        Self { next: Mutex::new(Instant::now()) }
    }
}

impl RefusalPace {
    /// Waits until the next refusal may be answered, and never beyond a half of the call's time.
    pub async fn turn(&self, deadline: Instant) {
        let now = Instant::now();
        let longest = WAIT.0.min(deadline.saturating_duration_since(now) / WAIT.1);
        let at = self.reserve(now).min(now + longest);
        if at > now {
            sleep_until(at).await;
        }
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = (*next).max(now);
        let at = due.checked_sub(GAP * BURST).unwrap_or(now).max(now);
        // A refusal at the longest wait reserves nothing, so later waits do not grow without limit.
        if at < now + WAIT.0 {
            *next = due + GAP;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of some refusals that come together is answered.
    async fn answered(pace: &RefusalPace, count: usize, time: Duration) -> Vec<Duration> {
        let begin = Instant::now();
        let turns = (0..count).map(|_| async {
            pace.turn(begin + time).await;
            begin.elapsed()
        });
        futures_util::future::join_all(turns).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_refusals_are_answered_at_once() {
        let pace = RefusalPace::default();
        let waits = answered(&pace, BURST as usize, Duration::from_secs(60)).await;
        assert!(waits.iter().all(Duration::is_zero), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn further_refusals_come_at_the_pace() {
        let pace = RefusalPace::default();
        answered(&pace, BURST as usize, Duration::from_secs(60)).await;
        let waits = answered(&pace, 100, Duration::from_secs(60)).await;
        let expected: Vec<Duration> = (0..100).map(|number| GAP * (number + 1)).collect();
        let off = waits.iter().zip(&expected).map(|(wait, expected)| wait.abs_diff(*expected)).max().unwrap();
        assert!(off <= GAP * 2, "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_refusal_waits_longer_than_a_part_of_its_time() {
        let pace = RefusalPace::default();
        let waits = answered(&pace, 5_000, Duration::from_secs(60)).await;
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(4_002)), "{:?}", waits.iter().max());
        let waits = answered(&pace, 100, Duration::from_millis(400)).await;
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(202)), "{:?}", waits.iter().max());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_at_once_again_after_a_quiet_time() {
        let pace = RefusalPace::default();
        answered(&pace, 5_000, Duration::from_secs(60)).await;
        tokio::time::advance(Duration::from_secs(10)).await;
        let waits = answered(&pace, BURST as usize, Duration::from_secs(60)).await;
        assert!(waits.iter().all(Duration::is_zero), "{waits:?}");
    }
}
