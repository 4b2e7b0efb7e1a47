//! How far a reader is behind.

/// Counts the changes that wait for a reader. What it asks for from the past does not count: only who has once caught up and falls
/// behind then is slow.
#[derive(Debug, Default)]
pub(super) struct Lag {
    behind: u64,
    caught_up: bool,
}

impl Lag {
    /// So many changes were told.
    pub(super) fn told(&mut self, changes: u32) {
        self.behind = self.behind.saturating_add(u64::from(changes));
    }

    /// So many were read from the store; `all` if no more are there.
    pub(super) fn read(&mut self, changes: usize, all: bool) {
        if all {
            // Exact again: news comes twice at times, and not at all at others.
            self.behind = changes as u64;
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
        lag.read(8, true);
        assert!(!lag.exceeds(10));
    }

    #[test]
    fn who_falls_behind_is() {
        let mut lag = Lag::default();
        lag.read(0, true);
        lag.told(10);
        assert!(!lag.exceeds(10));
        lag.told(1);
        assert!(lag.exceeds(10));
        lag.sent();
        assert!(!lag.exceeds(10));
        // A read that does not bring all leaves the rest waiting.
        lag.told(5);
        lag.read(3, false);
        assert!(lag.exceeds(10));
        lag.read(3, true);
        assert!(!lag.exceeds(10));
    }
}
