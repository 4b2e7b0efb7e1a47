//! How far a reader is behind.

/// Counts the changes that come while a stream waits for its reader. What the reader asks for from the past does not count, nor what
/// comes while the store is read: only who has once caught up and falls behind then is slow.
#[derive(Debug, Default)]
pub(super) struct Lag {
    behind: u64,
    caught_up: bool,
}

impl Lag {
    /// So many changes were told while the reader was waited for.
    pub(super) fn told(&mut self, changes: u32) {
        self.behind = self.behind.saturating_add(u64::from(changes));
    }

    /// The store was read; `all` if it has no more.
    pub(super) fn read(&mut self, all: bool) {
        if all {
            // Exact again: news comes twice at times.
            self.behind = 0;
            self.caught_up = true;
        }
    }

    /// One went to the reader.
    pub(super) fn sent(&mut self) {
        self.behind = self.behind.saturating_sub(1);
    }

    /// Whether more wait than may.
    pub(super) fn exceeds(&self, buffer: u32) -> bool {
        self.caught_up && self.behind > u64::from(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_the_past_is_not_slow() {
        let mut lag = Lag::default();
        lag.told(1_000);
        assert!(!lag.exceeds(10));
        lag.read(false);
        assert!(!lag.exceeds(10));
        lag.read(true);
        assert!(!lag.exceeds(10));
    }

    #[test]
    fn who_falls_behind_is() {
        let mut lag = Lag::default();
        lag.read(true);
        lag.told(10);
        assert!(!lag.exceeds(10));
        lag.told(1);
        assert!(lag.exceeds(10));
        lag.sent();
        assert!(!lag.exceeds(10));
        // A read that does not bring all leaves the rest waiting.
        lag.told(5);
        lag.read(false);
        assert!(lag.exceeds(10));
        lag.read(true);
        assert!(!lag.exceeds(10));
    }

    #[test]
    fn who_takes_as_many_as_come_is_not_slow() {
        let mut lag = Lag::default();
        lag.read(true);
        for _ in 0..1_000 {
            lag.told(2);
            lag.sent();
            lag.sent();
            assert!(!lag.exceeds(2));
        }
    }
}
