//! How much the caches hold, and for how long.

use serde::Deserialize;

use super::Faults;

/// The section `cache`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Most bytes of status trees.
    pub status_max_bytes: u64,
    /// Milliseconds for which a status is answered without looking again. 0 turns the cache off.
    pub status_ttl_ms: u64,
    /// Most bytes of encoded rows.
    pub rows_max_bytes: u64,
    /// Milliseconds for which rows stay in memory; a snapshot itself never changes.
    pub rows_ttl_ms: u64,
    /// Most bytes of compressed pages.
    pub frames_max_bytes: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            status_max_bytes: 32 * 1024 * 1024,
            status_ttl_ms: 2_000,
            rows_max_bytes: 256 * 1024 * 1024,
            rows_ttl_ms: 900_000,
            frames_max_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Cache {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("cache.status_max_bytes", self.status_max_bytes);
        faults.at_least_one("cache.rows_max_bytes", self.rows_max_bytes);
        faults.at_least_one("cache.frames_max_bytes", self.frames_max_bytes);
    }
}
