//! The normalised rows of fetches, until their purge date.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{KeptEvidence, Outdated, StoreError};
use crate::data::Provenance;

/// The normalised rows of a fetch, kept until its data's end.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSnapshot {
    /// The rows in their kept form.
    pub rows: Vec<u8>,
    /// Where they come from.
    pub provenance: Provenance,
}

/// Without what it holds.
impl std::fmt::Debug for KeptSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptSnapshot").field("bytes", &self.rows.len()).finish_non_exhaustive()
    }
}

/// See the module.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Keeps a fetch's rows, and beside them what they were made from, if that is to be retained: both or neither. A second pick-up of the
    /// same fetch changes nothing, so that pages stay as they are; a fetch that was purged stays so: `false`.
    async fn put_snapshot(
        &self,
        tenant: &str,
        fetch_id: &str,
        journey_id: &str,
        purge_at: Timestamp,
        snapshot: &KeptSnapshot,
        evidence: Option<&KeptEvidence>,
    ) -> Result<bool, StoreError>;
    /// Moves the end of all that is kept under a fetch's id (rows, the provider's bytes, documents) to an earlier date. A later date changes
    /// nothing.
    async fn shorten(&self, tenant: &str, kept_under: &str, purge_at: Timestamp) -> Result<(), StoreError>;
    /// A fetch's rows, if they are kept.
    async fn snapshot(&self, tenant: &str, fetch_id: &str) -> Result<Option<KeptSnapshot>, StoreError>;
    /// Puts rows that a newer normaliser made in the place of `outdated` ones; `false` if those are not there any more.
    async fn replace_rows(
        &self,
        tenant: &str,
        outdated: &Outdated,
        normaliser_version: u32,
        rows: &[u8],
    ) -> Result<bool, StoreError>;
}
