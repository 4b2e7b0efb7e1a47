//! A cache whose misses are loaded once for all who wait, by a task that no caller owns: a caller who leaves takes nothing down.

use std::{
    future::Future,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use moka::future::Cache;
use tracing::Instrument;

use crate::journey::error::JourneyError;

/// What can be cached.
pub trait Cached: Clone + Send + Sync + 'static {
    /// How many bytes it takes.
    fn weight(&self) -> usize;
    /// Until when it may be served. Checked with our clock, which tests and the sandbox can turn.
    fn until(&self) -> Timestamp;
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Hit,
    /// It was loaded, by this caller or by another one who asked at the same time.
    Miss,
    /// It was there once, and cannot be loaded anew now.
    Stale,
}

impl Origin {
    /// The word in the response's metadata.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// A value of so many bytes makes the cache keep its bound at once.
const LARGE: usize = 1024 * 1024;

/// See the module.
#[derive(Clone)]
pub struct Loading<K, V> {
    cache: Cache<K, V>,
    /// Hits and misses.
    asked: Arc<[AtomicU64; 2]>,
}

impl<K, V> Loading<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Cached,
{
    /// An empty cache of at most `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &K, value: &V| u32::try_from(value.weight()).unwrap_or(u32::MAX))
            .build();
        Self { cache, asked: Arc::default() }
    }

    /// The value, if it is there and `fresh` agrees.
    pub async fn peek(&self, key: &K, now: Timestamp, fresh: impl Fn(&V) -> bool) -> Option<V> {
        // What is not there is asked for once more, to be loaded, and counted then.
        let found = self.cache.get(key).await.filter(|value| now < value.until() && fresh(value));
        self.count(0, u64::from(found.is_some()));
        found
    }

    /// How often something was there, and how often it was not.
    pub fn asked(&self) -> [u64; 2] {
        self.asked.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Does what waits for the next call into the cache: without one it does not even know what it weighs.
    pub async fn settle(&self) {
        self.cache.run_pending_tasks().await;
    }

    /// How many bytes it holds, about: as of the last call into the cache.
    pub fn bytes(&self) -> u64 {
        self.cache.weighted_size()
    }

    fn count(&self, which: usize, count: u64) {
        if let Some(counter) = self.asked.get(which) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// The value, loaded by `load` where it is missing, outdated or not `fresh`. Errors are never kept.
    pub async fn get<F, L>(
        &self,
        key: K,
        now: Timestamp,
        fresh: impl Fn(&V) -> bool,
        load: L,
    ) -> Result<(V, Origin), JourneyError>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<V, JourneyError>> + Send + 'static,
    {
        if let Some(value) = self.cache.get(&key).await {
            if now < value.until() && fresh(&value) {
                self.count(0, 1);
                return Ok((value, Origin::Hit));
            }
            self.cache.invalidate(&key).await;
        }
        self.count(1, 1);
        let cache = self.cache.clone();
        // A child of the span of whoever asked first; who waits beside him has a span of his own that ends with the same answer.
        let load = move || load().instrument(tracing::info_span!("cache.load"));
        let task = tokio::spawn(async move { cache.try_get_with(key, async { load().await }).await }.in_current_span());
        match task.await {
            Ok(Ok(value)) => {
                // The cache drops what is beyond its bound in batches, which are far beyond it where values are large.
                if value.weight() > LARGE {
                    self.settle().await;
                }
                Ok((value, Origin::Miss))
            }
            Ok(Err(error)) => Err(JourneyError::clone(&error)),
            Err(_) => Err(JourneyError::Internal("a load ended without an answer")),
        }
    }

    /// Forgets every value whose key fits.
    pub async fn forget_where(&self, fits: impl Fn(&K) -> bool) {
        let keys: Vec<K> = self.cache.iter().filter(|(key, _)| fits(key)).map(|(key, _)| K::clone(&key)).collect();
        for key in keys {
            self.cache.invalidate(&key).await;
        }
    }

    /// Forgets a value.
    pub async fn forget(&self, key: &K) {
        self.cache.invalidate(key).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::sync::{Notify, Semaphore};

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Value(u32);

    impl Cached for Value {
        fn weight(&self) -> usize {
            1
        }
        fn until(&self) -> Timestamp {
            Timestamp::from_second(100).unwrap()
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1).unwrap()
    }

    #[tokio::test]
    async fn a_hundred_misses_are_one_load_even_if_the_first_caller_leaves() {
        let rounds = if std::env::var("SANGAM_TORTURE").is_ok_and(|size| size == "full") { 1_000 } else { 20 };
        for round in 0..rounds {
            a_hundred_misses(round).await;
        }
        println!("{rounds} times 100 equal misses, the first caller gone at some moment: 99 answers and 1 load each");
    }

    /// The first caller leaves before it begins, at once, or while the others wait.
    async fn a_hundred_misses(round: usize) {
        let cache: Loading<u8, Value> = Loading::new(100);
        let loads = Arc::new(AtomicU32::new(0));
        let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let call = || {
            let (cache, loads, begun, gate) = (cache.clone(), loads.clone(), begun.clone(), gate.clone());
            tokio::spawn(async move {
                let load = move || async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    begun.notify_one();
                    let _ = gate.acquire().await;
                    Ok(Value(7))
                };
                cache.get(1, now(), |_| true, load).await
            })
        };
        let first = call();
        for _ in 0..round % 7 {
            tokio::task::yield_now().await;
        }
        let mut rest: Vec<_> = (0..round % 50).map(|_| call()).collect();
        if round.is_multiple_of(2) {
            begun.notified().await;
        }
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        rest.extend((rest.len()..99).map(|_| call()));
        gate.add_permits(1);
        for caller in rest {
            assert_eq!(caller.await.unwrap().unwrap().0, Value(7));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn errors_and_panics_are_not_kept() {
        let cache: Loading<u8, Value> = Loading::new(100);
        let failed = cache.get(1, now(), |_| true, || async { Err(JourneyError::Store) }).await;
        assert_eq!(failed.unwrap_err(), JourneyError::Store);
        let panicked = cache.get(1, now(), |_| true, || async { panic!("a fault of a load") }).await;
        assert!(matches!(panicked, Err(JourneyError::Internal(_))), "{panicked:?}");
        let value = cache.get(1, now(), |_| true, || async { Ok(Value(1)) }).await.unwrap();
        assert_eq!(value, (Value(1), Origin::Miss));
        assert_eq!(cache.get(1, now(), |_| true, || async { Ok(Value(2)) }).await.unwrap(), (Value(1), Origin::Hit));
    }

    #[tokio::test]
    async fn what_is_outdated_or_not_fresh_is_loaded_anew() {
        let cache: Loading<u8, Value> = Loading::new(100);
        let load = |value| move || async move { Ok(Value(value)) };
        cache.get(1, now(), |_| true, load(1)).await.unwrap();
        assert_eq!(cache.get(1, now(), |_| false, load(2)).await.unwrap().0, Value(2));
        let late = Timestamp::from_second(100).unwrap();
        assert_eq!(cache.get(1, late, |_| true, load(3)).await.unwrap().0, Value(3));
        assert!(cache.peek(&1, late, |_| true).await.is_none());
    }
}
