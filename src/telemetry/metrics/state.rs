//! Numbers that are read from where they stand: caches, streams, looks, the store.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use opentelemetry::{KeyValue, metrics::Histogram};
use tokio_util::sync::CancellationToken;

use super::{
    Metrics, histogram, observe, table,
    words::{CacheName, CacheResult, ConnectionState, Pairs, Waiting, Word},
};
use crate::{
    cache::Caches,
    clock::SharedClock,
    journey::service::Tenants,
    memory::BodyBudget,
    store::{Census, Store},
};

/// Numbers with their labels.
type Numbers = Vec<(Vec<KeyValue>, u64)>;

/// What the store said last.
#[derive(Default)]
struct Counted {
    census: Census,
    overdue: u64,
}

/// Measures the store.
#[derive(Clone)]
pub struct StoreMeter {
    ping: Histogram<f64>,
    up: Arc<AtomicU64>,
}

impl StoreMeter {
    /// A question was answered, or was not.
    pub fn pinged(&self, took: Duration, answered: bool) {
        self.up.store(u64::from(answered), Ordering::Relaxed);
        if answered {
            self.ping.record(took.as_secs_f64(), &[]);
        }
    }
}

impl Metrics {
    /// Tells of the store from now on.
    pub fn store(&self, store: &Store) -> StoreMeter {
        let up = Arc::new(AtomicU64::new(0));
        let (seen, store, most) = (up.clone(), store.clone(), store.clone());
        observe(&self.meter, table::STORE_UP, move || [(Vec::new(), seen.load(Ordering::Relaxed))]);
        observe(&self.meter, table::STORE_CONNECTIONS, move || {
            let connections = store.connections();
            let both = [(ConnectionState::Idle, connections.idle), (ConnectionState::Used, connections.used)];
            both.map(|(state, count)| (vec![KeyValue::new("state", state.word())], u64::from(count)))
        });
        observe(&self.meter, table::STORE_CONNECTIONS_MAX, move || [(Vec::new(), u64::from(most.connections().most))]);
        StoreMeter { ping: histogram(&self.meter, table::STORE_PING), up }
    }

    /// Tells of the caches from now on.
    pub fn caches(&self, caches: &Caches) {
        let counted = caches.clone();
        observe(&self.meter, table::CACHE_REQUESTS, move || {
            let of = |name: CacheName, [hits, misses]: [u64; 2]| {
                [(CacheResult::Hit, hits), (CacheResult::Miss, misses)].map(|(result, count)| {
                    (vec![KeyValue::new("cache", name.word()), KeyValue::new("result", result.word())], count)
                })
            };
            [
                of(CacheName::Status, counted.status.asked()),
                of(CacheName::Rows, counted.rows.asked()),
                of(CacheName::Frames, counted.frames.asked()),
            ]
            .into_iter()
            .flatten()
        });
        let held = caches.clone();
        observe(&self.meter, table::CACHE_SIZE, move || {
            let sizes = [
                (CacheName::Status, held.status.bytes()),
                (CacheName::Rows, held.rows.bytes()),
                (CacheName::Frames, held.frames.bytes()),
            ];
            sizes.map(|(name, bytes)| (vec![KeyValue::new("cache", name.word())], bytes))
        });
    }

    /// Tells of the memory for bodies in flight from now on.
    pub fn bodies(&self, bodies: &BodyBudget) {
        let of = bodies.clone();
        observe(&self.meter, table::BODIES_RESERVED, move || [(Vec::new(), of.in_use())]);
        let of = bodies.clone();
        observe(&self.meter, table::BODIES_PEAK, move || [(Vec::new(), of.peak())]);
        let of = bodies.clone();
        observe(&self.meter, table::BODIES_MAX, move || [(Vec::new(), of.size())]);
        let of = bodies.clone();
        observe(&self.meter, table::BODIES_WAITING, move || [(Vec::new(), of.waiting())]);
    }

    /// Tells of what the services do from now on.
    pub fn services(&self, tenants: &Tenants) {
        let of = tenants.shared().clone();
        observe(&self.meter, table::WATCH_STREAMS, move || [(Vec::new(), of.watches().open())]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::WATCH_STREAMS_MAX, move || [(Vec::new(), of.watches().settings().streams as u64)]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::AUDIT_WAITING, move || [(Vec::new(), of.audit.waiting())]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::AUDIT_LOST, move || [(Vec::new(), of.audit.lost())]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::LOOKS_ACTIVE, move || [(Vec::new(), of.tallies.looks.load(Ordering::Relaxed))]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::POLL_DELAY, move || {
            let delays = of.tallies.poll_delay.iter();
            delays.map(|(word, seconds)| (vec![KeyValue::new("provider", word.word())], seconds)).collect::<Vec<_>>()
        });
        let of = tenants.shared().clone();
        observe(&self.meter, table::PURGED, move || [(Vec::new(), of.tallies.purged.load(Ordering::Relaxed))]);
        let of = tenants.shared().clone();
        observe(&self.meter, table::WEBHOOKS, move || sum("provider", "outcome", &of.tallies.webhooks));
        let of = tenants.shared().clone();
        observe(&self.meter, table::DELIVERIES, move || sum("kind", "outcome", &of.tallies.deliveries));
        let of = tenants.shared().clone();
        observe(&self.meter, table::WEBHOOKS_APPLIED, move || {
            let mut counts = Vec::new();
            for (word, count) in of.tallies.applied.iter() {
                add(&mut counts, vec![KeyValue::new("outcome", word.word())], count);
            }
            counts
        });
    }

    /// Counts what is in the store and weighs the caches, now and then, until `stop`.
    pub async fn count(self, store: Store, tenants: Tenants, clock: SharedClock, every: Duration, stop: CancellationToken) {
        let counted = Arc::new(Mutex::new(None::<Counted>));
        self.told(&counted, &clock);
        while !stop.is_cancelled() {
            let now = clock.now();
            let caches = &tenants.shared().caches;
            tokio::join!(caches.status.settle(), caches.rows.settle(), caches.frames.settle());
            let counting = async {
                let mut overdue = 0;
                for tenant in tenants.iter() {
                    overdue += store.overdue(&tenant.tenant().id, now).await?.total;
                }
                Ok::<_, crate::store::StoreError>(Counted { census: store.census(tenants.ids()).await?, overdue })
            };
            let answer = counting.await;
            if let Err(error) = &answer {
                tracing::warn!(%error, "what is in the store cannot be counted");
            }
            // Old numbers would look like new ones.
            *counted.lock().unwrap_or_else(PoisonError::into_inner) = answer.ok();
            let _ = stop.run_until_cancelled(tokio::time::sleep(every)).await;
        }
    }

    fn told(&self, counted: &Arc<Mutex<Option<Counted>>>, clock: &SharedClock) {
        let read = |of: fn(&Counted, Timestamp) -> Numbers| {
            let (counted, clock) = (Arc::downgrade(counted), clock.clone());
            move || {
                let Some(counted) = counted.upgrade() else { return Vec::new() };
                let counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.as_ref().map(|counted| of(counted, clock.now())).unwrap_or_default()
            }
        };
        observe(
            &self.meter,
            table::JOURNEYS,
            read(|counted, _| {
                let rows = counted.census.journeys.iter();
                rows.map(|row| (of_state(table::state_word(row.state)), row.count)).collect()
            }),
        );
        observe(
            &self.meter,
            table::JOURNEYS_OLDEST,
            read(|counted, now| {
                let rows = counted.census.journeys.iter();
                rows.map(|row| (of_state(table::state_word(row.state)), seconds(row.oldest, now))).collect()
            }),
        );
        observe(
            &self.meter,
            table::JOURNEYS_LATE,
            read(|counted, now| vec![(Vec::new(), counted.census.next_due.map_or(0, |due| seconds(due, now)))]),
        );
        observe(
            &self.meter,
            table::INBOX,
            read(|counted, _| {
                let census = &counted.census;
                vec![
                    (of_state(Waiting::New.word()), census.new_messages.count),
                    (of_state(Waiting::Parked.word()), census.parked_messages.count),
                ]
            }),
        );
        observe(
            &self.meter,
            table::INBOX_OLDEST,
            read(|counted, now| {
                let census = &counted.census;
                let age = |oldest: Option<Timestamp>| oldest.map_or(0, |oldest| seconds(oldest, now));
                vec![
                    (of_state(Waiting::New.word()), age(census.new_messages.oldest)),
                    (of_state(Waiting::Parked.word()), age(census.parked_messages.oldest)),
                ]
            }),
        );
        observe(&self.meter, table::OVERDUE, read(|counted, _| vec![(Vec::new(), counted.overdue)]));
    }
}

fn of_state(state: &'static str) -> Vec<KeyValue> {
    vec![KeyValue::new("state", state)]
}

fn seconds(from: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(from).as_secs()).unwrap_or(0)
}

fn sum<A: Word, B: Word>(one: &'static str, other: &'static str, pairs: &Pairs<A, B>) -> Numbers {
    let mut counts = Vec::new();
    for (first, second, count) in pairs.iter() {
        add(&mut counts, vec![KeyValue::new(one, first.word()), KeyValue::new(other, second.word())], count);
    }
    counts
}

fn add(counts: &mut Numbers, labels: Vec<KeyValue>, count: u64) {
    match counts.iter_mut().find(|(known, _)| *known == labels) {
        Some((_, known)) => *known += count,
        None => counts.push((labels, count)),
    }
}
