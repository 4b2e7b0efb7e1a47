//! How old a connection may get. Without a limit a client that was there first keeps to its replica for ever, and new ones stay idle.

use std::{fmt, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::random::{SharedRandom, fraction};

/// See the module.
#[derive(Clone)]
pub struct ConnectionAge {
    /// The age at which a client is asked to go, give or take a tenth, so that not all who came together come back together.
    pub most: Duration,
    /// How long its calls may go on after that.
    pub grace: Duration,
    /// Chance.
    pub random: SharedRandom,
}

impl fmt::Debug for ConnectionAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionAge({:?}, {:?})", self.most, self.grace)
    }
}

impl ConnectionAge {
    /// The age of one connection.
    pub fn draw(&self) -> Duration {
        self.most.mul_f64(0.9 + 0.2 * fraction(self.random.as_ref()))
    }
}

/// Stands beside each request: its connection is to go, so a stream without an end of its own should end. Shared as a whole: cloning a
/// token takes its lock, and this happens for every call.
#[derive(Debug, Clone, Default)]
pub struct Leaving(pub Arc<CancellationToken>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, SystemRandom};

    struct Always(u8);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn ages_lie_within_a_tenth_of_the_limit_and_differ() {
        let age = |random: SharedRandom| ConnectionAge { most: Duration::from_secs(300), grace: Duration::ZERO, random };
        let (least, most) = (age(Arc::new(Always(0))).draw(), age(Arc::new(Always(255))).draw());
        assert_eq!(least, Duration::from_secs(270));
        assert!(most > Duration::from_secs(329) && most <= Duration::from_secs(330), "{most:?}");
        let drawn = age(Arc::new(SystemRandom));
        assert_ne!(drawn.draw(), drawn.draw());
    }
}
