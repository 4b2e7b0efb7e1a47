//! Epochs of journeys: a number that rises with every commit. A load that began before a commit carries the older epoch, so what it
//! brings late is a miss and not a stale hit; invalidating the entry alone would not stop such a load.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

const SLOTS: usize = 4_096;

/// Epochs in a fixed number of slots. Journeys that share one only cost each other a miss.
#[derive(Debug)]
pub struct Epochs {
    slots: Box<[AtomicU64]>,
    all: AtomicU64,
    hasher: RandomState,
}

impl Default for Epochs {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), all: AtomicU64::new(0), hasher: RandomState::new() }
    }
}

impl Epochs {
    /// The epoch of a journey.
    pub fn of(&self, journey_id: &str) -> u64 {
        // Neither part ever falls, so neither does the sum, and every raise is seen in it.
        self.slot(journey_id).load(Ordering::Acquire) + self.all.load(Ordering::Acquire)
    }

    /// Raises those of all journeys: any of them may have been changed.
    pub fn raise_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    /// Raises it: called after every commit.
    pub fn raise(&self, journey_id: &str) {
        self.slot(journey_id).fetch_add(1, Ordering::AcqRel);
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder by their number")]
    fn slot(&self, journey_id: &str) -> &AtomicU64 {
        let hash = self.hasher.hash_one(journey_id);
        &self.slots[usize::try_from(hash % (SLOTS as u64)).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_outdates_what_was_read_before_it() {
        let epochs = Epochs::default();
        let read = epochs.of("jrn_1");
        epochs.raise("jrn_1");
        assert_ne!(epochs.of("jrn_1"), read);
        let read = epochs.of("jrn_1");
        epochs.raise_all();
        assert_ne!(epochs.of("jrn_1"), read);
    }
}
