//! The caches: status trees, encoded rows of fetches, and pages of them as compressed frames. All are bounded by bytes; all load a miss
//! once for all who wait.

mod epochs;
mod frames;
mod loading;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use moka::future::Cache;

pub use epochs::Epochs;
pub use frames::{Compression, Frame, FrameKey};
pub use loading::{Cached, Loading, Origin};

use crate::{
    access::TenantId,
    data::{Provenance, Rows},
    journey::model::Journey,
    pb::View,
};

/// How large the caches may be.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Most bytes of status trees.
    pub status_bytes: u64,
    /// How long a status tree is served without asking the store, should nothing change it.
    pub status_life: SignedDuration,
    /// Most bytes of rows.
    pub rows_bytes: u64,
    /// How long rows are served without asking the store.
    pub rows_life: SignedDuration,
    /// Most bytes of compressed pages.
    pub frames_bytes: u64,
    /// Most bytes of each of the caches of documents, differences and latest data; that of analyses has a quarter.
    pub beside_bytes: u64,
    /// Where other processes write to the same store: how old a tree may be that decides whether data is served.
    pub lease: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            status_bytes: 32 * 1024 * 1024,
            status_life: SignedDuration::from_secs(30),
            rows_bytes: 256 * 1024 * 1024,
            rows_life: SignedDuration::from_mins(10),
            frames_bytes: 64 * 1024 * 1024,
            beside_bytes: 64 * 1024 * 1024,
            lease: Duration::from_secs(1),
        }
    }
}

impl CacheSettings {
    /// The same caches, all smaller by the same factor where they are more than `most` bytes together.
    #[must_use]
    pub fn within(self, most: u64) -> Self {
        let [status, rows, frames, beside] = [self.status_bytes, self.rows_bytes, self.frames_bytes, self.beside_bytes];
        // Three caches of the one size, and one of a quarter.
        let all =
            [status, rows, frames, beside, beside, beside, beside / 4].iter().fold(0, |sum: u64, one| sum.saturating_add(*one));
        if all <= most {
            return self;
        }
        let part = |bytes: u64| u64::try_from(u128::from(bytes) * u128::from(most) / u128::from(all)).unwrap_or(bytes).max(1);
        Self {
            status_bytes: part(status),
            rows_bytes: part(rows),
            frames_bytes: part(frames),
            beside_bytes: part(beside),
            ..self
        }
    }
}

/// Whose status tree. The tenant is part of every key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatusKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The journey.
    pub journey_id: String,
    /// Whether the encoded answer is for operators, whose answers hold more.
    pub ops: bool,
}

/// A status tree, as the service needs it and as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Status {
    /// The tree.
    pub journey: Arc<Journey>,
    /// The encoded `GetStatusResponse`.
    pub encoded: Bytes,
    /// The journey's epoch, read before the store was.
    pub epoch: u64,
    /// When the store was asked for it.
    pub asked_at: Instant,
    /// Until when it may be served.
    pub until: Timestamp,
}

impl Cached for Status {
    fn weight(&self) -> usize {
        // The tree in memory is about three times its encoding.
        self.encoded.len() * 4 + 256
    }
    fn until(&self) -> Timestamp {
        self.until
    }
}

/// Whose rows, in which view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowsKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The fetch.
    pub fetch_id: String,
    /// The view.
    pub view: View,
}

/// Rows of a fetch in one view.
#[derive(Debug, Clone)]
pub struct CachedRows {
    /// The rows.
    pub rows: Arc<Rows>,
    /// Where they come from.
    pub provenance: Arc<Provenance>,
    /// Until when they may be served.
    pub until: Timestamp,
}

impl Cached for CachedRows {
    fn weight(&self) -> usize {
        self.rows.bytes.len() + self.rows.entries.len() * size_of::<crate::data::Entry>()
    }
    fn until(&self) -> Timestamp {
        self.until
    }
}

/// All caches.
#[derive(Clone)]
pub struct Caches {
    /// Status trees.
    pub status: Loading<StatusKey, Status>,
    /// The same trees, for as long as there is room, however old: for when the store cannot be asked. What is in both is held once.
    pub last_status: Cache<StatusKey, Status>,
    /// Rows.
    pub rows: Loading<RowsKey, CachedRows>,
    /// Compressed pages.
    pub frames: Loading<FrameKey, Frame>,
    /// Tells a stale tree.
    pub epochs: Arc<Epochs>,
    /// The settings.
    pub settings: CacheSettings,
}

impl Caches {
    /// Empty caches.
    pub fn new(settings: CacheSettings) -> Self {
        Self {
            status: Loading::new(settings.status_bytes),
            last_status: Cache::builder()
                .max_capacity(settings.status_bytes)
                .weigher(|_, status: &Status| u32::try_from(status.weight()).unwrap_or(u32::MAX))
                .build(),
            rows: Loading::new(settings.rows_bytes),
            frames: Loading::new(settings.frames_bytes),
            epochs: Arc::new(Epochs::default()),
            settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caches_shrink_alike_to_their_share_of_the_memory() {
        let whole = CacheSettings::default();
        assert_eq!(whole.within(1 << 40).rows_bytes, whole.rows_bytes);
        let small = whole.within(100 * 1024 * 1024);
        let of = |cache: &CacheSettings| cache.status_bytes + cache.rows_bytes + cache.frames_bytes + cache.beside_bytes * 13 / 4;
        assert!(of(&small) <= 100 * 1024 * 1024 && of(&small) > 99 * 1024 * 1024, "{small:?}");
        assert_eq!(small.rows_bytes / small.frames_bytes, 4);
    }
}
