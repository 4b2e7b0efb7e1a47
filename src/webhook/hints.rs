//! Limits the polls that unproved messages cause. Anyone who has seen an attempt's address can send any number of messages there, and a provider
//! may send one for every change; each journey is polled at most once in an interval for all of them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The longest interval, where the poller itself is set to be slower: news must not wait as long as a poll without news.
pub const LONGEST: Duration = Duration::from_secs(2);
/// Journeys that are remembered; the memory is emptied of what is past beyond this.
const MANY: usize = 4_096;

/// When unproved messages last woke each journey.
#[derive(Debug)]
pub struct Hints {
    interval: SignedDuration,
    woken: Mutex<HashMap<String, Timestamp>>,
}

/// What an unproved message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It wakes the journey.
    Now,
    /// A poll that began after it came has its news already.
    Done,
    /// It waits until then.
    At(Timestamp),
}

impl Hints {
    /// A memory in which a journey is woken at most once in `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval: SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX), woken: Mutex::default() }
    }

    /// Decides about a message that came at `received_at`, and remembers that it wakes the journey if it does.
    pub fn wake(&self, journey_id: &str, received_at: Timestamp, now: Timestamp) -> Wake {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = woken.get(journey_id).copied() {
            let next = last.checked_add(self.interval).unwrap_or(now);
            // A clock that was set back must not put anything off.
            if last <= now && next > now {
                return if received_at < last { Wake::Done } else { Wake::At(next) };
            }
        }
        if woken.len() >= MANY {
            woken.retain(|_, last| *last <= now && last.checked_add(self.interval).is_ok_and(|next| next > now));
        }
        woken.insert(journey_id.to_owned(), now);
        Wake::Now
    }

    /// Forgets that a journey was woken.
    pub fn forget(&self, journey_id: &str) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).remove(journey_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// How many polls messages cause that come every `pause` milliseconds, each decided about as it comes and again when it is due.
    fn polls(count: i64, pause: i64) -> usize {
        let hints = Hints::new(Duration::from_secs(2));
        let mut due: Vec<(i64, i64)> = (0..count).map(|number| (number * pause, number * pause)).collect();
        let mut polls = 0;
        while !due.is_empty() {
            due.sort();
            let (now, received) = due.remove(0);
            match hints.wake("jrn_1", at(received), at(now)) {
                Wake::Now => polls += 1,
                Wake::Done => {}
                Wake::At(next) => due.push((next.as_millisecond(), received)),
            }
        }
        polls
    }

    #[test]
    fn many_messages_of_one_journey_cause_one_poll_an_interval() {
        // All at once: the first, and one for what came after that.
        assert_eq!(polls(300, 0), 2);
        // Over six seconds: at 0, 2, 4 and 6 s, and one for the last.
        assert!((4..=5).contains(&polls(300, 20)), "{}", polls(300, 20));
        assert_eq!(polls(3, 10_000), 3);
    }

    #[test]
    fn journeys_do_not_wait_for_each_other() {
        let hints = Hints::new(Duration::from_secs(2));
        assert_eq!(hints.wake("jrn_1", at(0), at(0)), Wake::Now);
        assert_eq!(hints.wake("jrn_2", at(0), at(0)), Wake::Now);
        assert_eq!(hints.wake("jrn_1", at(1), at(1)), Wake::At(at(2_000)));
    }

    #[test]
    fn the_memory_is_bounded_and_a_clock_rollback_puts_nothing_off() {
        let hints = Hints::new(Duration::from_secs(2));
        for number in 0..10_000_i64 {
            assert_eq!(hints.wake(&format!("jrn_{number}"), at(number * 10), at(number * 10)), Wake::Now);
        }
        assert!(hints.woken.lock().unwrap().len() <= MANY);
        assert_eq!(hints.wake("jrn_9999", at(50), at(50)), Wake::Now);
    }
}
