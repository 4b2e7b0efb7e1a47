//! What all tenants of a process share. Whatever lies in it under a key lies there under a key that holds the tenant.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use super::{Change, ReportAnswer, changes, latest_page, others, pick_up};
use crate::{
    access::{TenantId, audit::Auditor},
    cache::{Caches, Loading},
    clock::SharedClock,
    journey::{arrivals::Arrivals, policy::Pace, watch},
    memory::BodyBudget,
    pb::ReportFormat,
    providers::provider::Analysis,
    random::SharedRandom,
    seal::KeyedHash,
    store::Store,
    telemetry::{links::Links, metrics::Tallies},
};

/// What [`Shared`] is made of.
pub struct Means {
    /// The store.
    pub store: Store,
    /// The caches.
    pub caches: Caches,
    /// The clock.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
    /// Keyed hash, from which each tenant's own are derived.
    pub hash: KeyedHash,
    /// How the background looks after journeys.
    pub pace: Pace,
    /// How journeys are watched.
    pub watch: watch::Settings,
    /// What is done goes on record here.
    pub audit: Auditor,
    /// The bytes that bodies in flight may take.
    pub bodies: BodyBudget,
}

/// See the module.
pub struct Shared {
    /// The store.
    pub store: Store,
    /// The caches.
    pub caches: Caches,
    /// The clock.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
    /// Keyed hash, from which each tenant's own are derived.
    pub hash: KeyedHash,
    /// How the background looks after journeys.
    pub pace: Pace,
    /// Pick-ups under way or done lately, by tenant and fetch.
    pub(super) pick_ups: Loading<(TenantId, String), pick_up::PickedUp>,
    /// Analyses under way or answered lately, by tenant and fetch.
    pub(super) analyses: Loading<(TenantId, String), Analysis>,
    /// Documents under way or answered lately.
    pub(super) reports: Loading<(TenantId, String, ReportFormat), ReportAnswer>,
    /// Differences of two fetches that were asked for lately.
    pub(super) differences: Loading<changes::DifferenceKey, changes::Difference>,
    /// What providers called the latest, read lately.
    pub(super) reported: Loading<latest_page::ReportedKey, latest_page::Reported>,
    pub(super) changes: broadcast::Sender<Change>,
    /// Tells streams of changes.
    pub(super) watches: Arc<watch::Hub>,
    /// Wakes the background.
    pub(super) wake: Arc<Notify>,
    /// Wakes whoever applies messages.
    pub(super) inbox: Notify,
    /// What is done goes on record here.
    pub audit: Auditor,
    /// What is counted.
    pub tallies: Tallies,
    /// What has caused what is done later, for traces.
    pub links: Links,
    /// Which credentials get signed messages.
    pub arrivals: Arrivals,
    /// The bytes that bodies in flight may take.
    pub bodies: BodyBudget,
}

impl Shared {
    /// What a process's tenants share from now on.
    pub fn new(means: Means) -> Arc<Self> {
        let Means { store, caches, clock, random, hash, pace, watch, audit, bodies } = means;
        let beside = caches.settings.beside_bytes;
        let changes = broadcast::channel(1_024).0;
        let wake = Arc::new(Notify::new());
        // Half of the connections: the others are for calls.
        let reads = usize::try_from(store.connections().most / 2).unwrap_or(usize::MAX);
        store.hear(others::ear(&caches, changes.clone(), wake.clone()));
        Arc::new(Self {
            store,
            caches,
            clock,
            random,
            hash,
            pace,
            pick_ups: Loading::new(10_000),
            analyses: Loading::new(beside / 4),
            reports: Loading::new(beside),
            differences: Loading::new(beside),
            reported: Loading::new(beside),
            changes,
            watches: Arc::new(watch::Hub::new(watch, reads)),
            wake,
            inbox: Notify::new(),
            audit,
            tallies: Tallies::default(),
            links: Links::default(),
            arrivals: Arrivals::default(),
            bodies,
        })
    }

    /// Writes what is left of the audit log, and closes the store.
    pub async fn close(&self) {
        self.audit.close().await;
        self.store.close().await;
    }

    /// The changes from now on, of every tenant. A slow listener misses the oldest ones and is told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The hub of the streams of changes.
    pub fn watches(&self) -> &Arc<watch::Hub> {
        &self.watches
    }

    /// Tells the background that a journey may be due.
    pub fn wake_background(&self) {
        self.wake.notify_one();
    }

    /// Ends when the background has something new to look at.
    pub(in crate::journey) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Tells whoever applies messages that one may be due.
    pub fn tell_inbox(&self) {
        self.inbox.notify_one();
    }

    /// Ends when a message may be due.
    pub async fn inbox_told(&self) {
        self.inbox.notified().await;
    }
}
