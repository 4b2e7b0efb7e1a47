//! Changes, told from process to process: what one commits, the others must not serve from memory any more.

use std::{sync::Arc, time::Duration};

/// A change that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The tenant.
    pub tenant: String,
    /// The journey.
    pub journey_id: String,
    /// Its sequence after the change.
    pub sequence: i64,
    /// Whether the sequence has risen with it: else it concerns nobody who watches.
    pub news: bool,
}

/// What is told of other processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// One of them has changed a journey.
    Changed(Changed),
    /// Changes may have been missed: whatever is in memory is to be read again.
    Reread,
    /// What a process that is gone was at work on is due now, and this process has freed it.
    Due,
}

/// Whoever is told. It is called on the way in, so it must be quick.
pub type Ear = Arc<dyn Fn(Told) + Send + Sync>;

/// See the module.
pub trait ChangeStore: Send + Sync {
    /// Tells the other processes of a change that is committed. Returns at once; it goes out together with others a few milliseconds later.
    fn tell(&self, change: Changed);
    /// From now on `ear` hears what other processes tell.
    fn hear(&self, ear: Ear);
    /// How long ago it was last certain that everything that others had told has been heard. `None`: there are no others.
    fn silence(&self) -> Option<Duration>;
}
