//! When a credential may call again after the provider refused calls for their number.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The first and the longest pause after a refusal that states no usable time; each further one is twice as long. A minute is the
/// longest documented window in which a provider counts calls.
const STEPS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

#[derive(Debug, Default)]
struct State {
    /// The end of the pause.
    until: Option<Instant>,
    /// Refusals without a usable time since the last answer that was no refusal.
    steps: u32,
    /// After such a refusal one call is sent to see whether the limit is over. The others wait for its answer until this time.
    probe: Option<Instant>,
}

impl State {
    fn left(&self) -> Option<Duration> {
        let until = self.until.max(self.probe)?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

/// The pauses of one credential. It goes by the machine's running time, which setting a clock does not move.
#[derive(Debug)]
pub struct Pauses {
    state: Mutex<State>,
    longest: Duration,
}

impl Pauses {
    /// No pause yet. None will be longer than `longest`, whatever a provider states; zero turns pauses off.
    pub fn new(longest: Duration) -> Self {
        Self { state: Mutex::default(), longest }
    }

    /// What is left of the pause.
    pub fn left(&self) -> Option<Duration> {
        self.lock().left()
    }

    /// Lets a call begin, or returns what is left of the pause.
    pub fn admit(&self) -> Result<(), Duration> {
        let mut state = self.lock();
        if let Some(left) = state.left() {
            return Err(left);
        }
        if state.steps > 0 {
            // The probe's answer may never come: then the next call is one.
            state.probe = Some(Instant::now() + step(state.steps).min(self.longest));
        }
        Ok(())
    }

    /// Begins a pause of the stated length. A shorter one does not end a longer one. Returns the length that counts.
    pub fn begin(&self, stated: Duration) -> Duration {
        let pause = stated.min(self.longest);
        let mut state = self.lock();
        state.until = state.until.max(Some(Instant::now() + pause));
        pause
    }

    /// Begins the next longer pause, for a refusal without a usable time of a call that began at `began`. Returns its length.
    pub fn grow(&self, began: Instant) -> Duration {
        let steps = {
            let mut state = self.lock();
            // A call from before the last pause says nothing about the time after it.
            if state.steps == 0 || state.until.is_none_or(|until| began >= until) {
                state.steps = state.steps.saturating_add(1);
            }
            state.probe = None;
            state.steps
        };
        self.begin(step(steps))
    }

    /// Notes an answer that was no refusal: the next pause without a stated time is a short one again.
    pub fn answered(&self) {
        let mut state = self.lock();
        (state.steps, state.probe) = (0, None);
    }

    /// Ends every pause, on an operator's word. Returns whether there was one.
    pub fn resume(&self) -> bool {
        std::mem::take(&mut *self.lock()).left().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step(steps: u32) -> Duration {
    STEPS.0.saturating_mul(1_u32.checked_shl(steps.saturating_sub(1)).unwrap_or(u32::MAX)).min(STEPS.1)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(900);

    #[tokio::test(start_paused = true)]
    async fn a_shorter_pause_does_not_end_a_longer_one() {
        let pauses = Pauses::new(LONGEST);
        pauses.begin(Duration::from_secs(60));
        pauses.begin(Duration::from_secs(5));
        assert_eq!(pauses.left(), Some(Duration::from_secs(60)));
        advance(Duration::from_secs(60)).await;
        assert_eq!(pauses.left(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stated_pause_ends_at_the_bound() {
        let pauses = Pauses::new(LONGEST);
        assert_eq!(pauses.begin(Duration::MAX), LONGEST);
        advance(LONGEST).await;
        assert_eq!(pauses.admit(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_without_a_stated_time_double_until_an_answer() {
        let pauses = Pauses::new(LONGEST);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(pauses.admit(), Ok(()));
            assert_eq!(pauses.grow(Instant::now()).as_secs(), seconds);
            advance(Duration::from_secs(seconds)).await;
        }
        pauses.answered();
        assert_eq!(pauses.grow(Instant::now()).as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_calls_that_ran_together_are_one_step() {
        let (pauses, began) = (Pauses::new(LONGEST), Instant::now());
        for _ in 0..64 {
            assert_eq!(pauses.grow(began).as_secs(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_at_a_time_is_sent_until_one_is_answered() {
        let pauses = Pauses::new(LONGEST);
        pauses.grow(Instant::now());
        advance(Duration::from_secs(1)).await;
        assert_eq!([0; 3].map(|_| pauses.admit().is_ok()), [true, false, false]);
        // The first one is lost.
        advance(Duration::from_secs(1)).await;
        assert!(pauses.admit().is_ok());
        pauses.answered();
        assert_eq!([0; 3].map(|_| pauses.admit().is_ok()), [true; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_ends_a_pause() {
        let pauses = Pauses::new(LONGEST);
        pauses.begin(Duration::MAX);
        pauses.grow(Instant::now());
        assert_eq!([0; 2].map(|_| pauses.resume()), [true, false]);
        assert_eq!([0; 2].map(|_| pauses.admit().is_ok()), [true; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_that_are_turned_off_keep_no_call_back() {
        let pauses = Pauses::new(Duration::ZERO);
        for _ in 0..9 {
            pauses.grow(Instant::now());
            pauses.begin(LONGEST);
            assert_eq!([0; 2].map(|_| pauses.admit().is_ok()), [true; 2]);
        }
    }
}
