//! The hub: one task that hears of every change and tells the streams that it concerns.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast};
use tokio_util::sync::CancellationToken;

use super::Settings;
use crate::{
    access::TenantId,
    journey::{error::JourneyError, service::Change},
};

/// What a stream listens to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// One journey of a tenant.
    Journey(TenantId, String),
    /// Every journey of a tenant.
    Tenant(TenantId),
}

/// See the module.
pub struct Hub {
    settings: Settings,
    slots: Arc<Semaphore>,
    /// Streams that read the store at the same time.
    turns: Semaphore,
    ears: Mutex<HashMap<Subject, Vec<Arc<Told>>>>,
    stopping: CancellationToken,
}

/// What a stream was told and has not asked for yet.
#[derive(Debug, Default)]
struct Told {
    changes: AtomicU32,
    wake: Notify,
}

impl Told {
    fn tell(&self, changes: u32) {
        self.changes.fetch_add(changes, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

impl Hub {
    /// A hub without streams, of which at most `reads` read the store at the same time. All of them read at once when changes may have been missed,
    /// and calls must still get connections then.
    pub fn new(settings: Settings, reads: usize) -> Self {
        let slots = Arc::new(Semaphore::new(settings.streams.min(Semaphore::MAX_PERMITS)));
        let turns = Semaphore::new(reads.clamp(1, Semaphore::MAX_PERMITS));
        Self { settings, slots, turns, ears: Mutex::default(), stopping: CancellationToken::new() }
    }

    /// How journeys are watched.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many streams are open.
    pub fn open(&self) -> u64 {
        let most = self.settings.streams.min(Semaphore::MAX_PERMITS);
        u64::try_from(most.saturating_sub(self.slots.available_permits())).unwrap_or(u64::MAX)
    }

    /// Tells the streams of every change until `stop`; then every stream ends, and none begins any more.
    pub async fn run(&self, mut changes: broadcast::Receiver<Change>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                change = changes.recv() => match change {
                    // Told by another process's messenger: something was missed.
                    Ok(change) if change.journey_id.is_empty() => self.tell_all(),
                    Ok(change) => self.tell(change),
                    // Nobody knows whom the lost ones concerned: each stream looks for itself.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.tell_all(),
                    Err(broadcast::error::RecvError::Closed) => break,
                },
            }
        }
        self.stopping.cancel();
    }

    fn tell(&self, change: Change) {
        let ears = self.ears();
        for subject in [Subject::Journey(change.tenant.clone(), change.journey_id), Subject::Tenant(change.tenant)] {
            for told in ears.get(&subject).into_iter().flatten() {
                told.tell(1);
            }
        }
    }

    /// Makes every stream read on: news may have been lost.
    pub fn tell_all(&self) {
        for told in self.ears().values().flatten() {
            told.tell(0);
        }
    }

    /// Waits until a stream may read the store, and lasts while it does. Never `None`: the turns are not closed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Ends with the process.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// An ear for a subject. Whoever reads the store after this misses nothing.
    pub(super) fn listen(self: &Arc<Self>, subject: Subject) -> Result<Ear, JourneyError> {
        if self.stopping.is_cancelled() {
            return Err(JourneyError::ShuttingDown);
        }
        let slot = self.slots.clone().try_acquire_owned().map_err(|_| JourneyError::WatchLimit)?;
        let told = Arc::new(Told::default());
        self.ears().entry(subject.clone()).or_default().push(told.clone());
        Ok(Ear { hub: self.clone(), subject, told, _slot: slot })
    }

    fn ears(&self) -> MutexGuard<'_, HashMap<Subject, Vec<Arc<Told>>>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ear of one stream; gone with it.
pub(super) struct Ear {
    hub: Arc<Hub>,
    subject: Subject,
    told: Arc<Told>,
    _slot: OwnedSemaphorePermit,
}

impl Ear {
    /// Ends when something was told since it last ended.
    pub(super) async fn told(&self) {
        self.told.wake.notified().await;
    }

    /// How many changes were told since the last time; it does not make up for an end of [`Ear::told`].
    pub(super) fn take(&self) -> u32 {
        self.told.changes.swap(0, Ordering::AcqRel)
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The hub, for longer than the ear is borrowed.
    pub(super) fn shared_hub(&self) -> Arc<Hub> {
        self.hub.clone()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut ears = self.hub.ears();
        if let Some(listening) = ears.get_mut(&self.subject) {
            listening.retain(|told| !Arc::ptr_eq(told, &self.told));
            if listening.is_empty() {
                ears.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(journey_id: &str) -> Change {
        Change { tenant: "t".into(), journey_id: journey_id.to_owned(), sequence: 1 }
    }

    fn hub(streams: usize) -> Arc<Hub> {
        Arc::new(Hub::new(Settings { streams, ..Settings::default() }, 2))
    }

    #[tokio::test]
    async fn a_change_is_told_to_those_whom_it_concerns() {
        let hub = hub(10);
        let listen = |subject| hub.listen(subject).ok().unwrap();
        let (one, other) =
            (listen(Subject::Journey("t".into(), "jrn_1".to_owned())), listen(Subject::Journey("t".into(), "jrn_2".to_owned())));
        let (feed, strange) = (listen(Subject::Tenant("t".into())), listen(Subject::Tenant("jrn_1".into())));
        for _ in 0..3 {
            hub.tell(change("jrn_1"));
        }
        one.told().await;
        feed.told().await;
        assert_eq!([&one, &other, &feed, &strange].map(Ear::take), [3, 0, 3, 0]);
        hub.tell_all();
        for ear in [&one, &other, &feed, &strange] {
            ear.told().await;
            assert_eq!(ear.take(), 0);
        }
    }

    #[tokio::test]
    async fn streams_that_all_read_at_once_take_turns() {
        let hub = hub(10);
        let (first, _second) = (hub.turn().await, hub.turn().await);
        let mut third = std::pin::pin!(hub.turn());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        assert!(futures_util::poll!(&mut third).is_ready());
    }

    #[test]
    fn ears_are_counted_and_forgotten() {
        let hub = hub(2);
        let subject = || Subject::Journey("t".into(), "jrn_1".to_owned());
        let ears = [hub.listen(subject()).ok().unwrap(), hub.listen(subject()).ok().unwrap()];
        assert_eq!(hub.listen(subject()).err(), Some(JourneyError::WatchLimit));
        drop(ears);
        assert!(hub.ears().is_empty());
        assert!(hub.listen(subject()).is_ok());
    }

    #[tokio::test]
    async fn after_the_stop_nobody_listens() {
        let hub = hub(2);
        let (sender, changes) = broadcast::channel(1);
        let stop = CancellationToken::new();
        stop.cancel();
        hub.run(changes, stop).await;
        assert_eq!(hub.listen(Subject::Tenant("t".into())).err(), Some(JourneyError::ShuttingDown));
        drop(sender);
    }
}
