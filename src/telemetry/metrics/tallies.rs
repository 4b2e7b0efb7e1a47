//! Plain numbers that the parts of the service count in; they are read when somebody asks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::words::{Applied, DeliveryWord, Heard, Pairs, ProviderWord, Received, Tally, Word};

/// See the module.
#[derive(Debug, Default)]
pub struct Tallies {
    /// Requests to the webhook listener.
    pub webhooks: Pairs<ProviderWord, Received>,
    /// Messages that were tried.
    pub applied: Tally<Applied>,
    /// What providers were told of withdrawals.
    pub deliveries: Pairs<DeliveryWord, Heard>,
    /// What was removed because its date had come.
    pub purged: AtomicU64,
    /// Looks that are under way.
    pub looks: AtomicU64,
    /// Seconds for which the most overdue poll of a provider has been due.
    pub poll_delay: Tally<ProviderWord>,
}

impl Tallies {
    /// Notes how late the first due poll of each lane is. A provider without one is not late.
    pub fn note_delays(&self, delays: &[(ProviderWord, Duration)]) {
        for word in ProviderWord::ALL {
            let longest =
                delays.iter().filter(|(provider, _)| provider.place() == word.place()).map(|(_, delay)| delay.as_secs());
            self.poll_delay.set(*word, longest.max().unwrap_or_default());
        }
    }

    /// Counts a look until the value is gone.
    pub fn look(&self) -> Look<'_> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Look(&self.looks)
    }
}

/// A look that is under way.
#[derive(Debug)]
pub struct Look<'a>(&'a AtomicU64);

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
