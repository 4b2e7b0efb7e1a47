//! What snapshots were made from, as the provider sent it.

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use jiff::Timestamp;

use super::StoreError;

/// What a fetch's rows were made from, as the provider sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptEvidence {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub media_type: String,
    /// The provider call that brought it, by the adapter's name for it.
    pub endpoint: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// Without what it holds.
impl std::fmt::Debug for KeptEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptEvidence").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl KeptEvidence {
    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &self.bytes).as_ref());
        sha256
    }
}

/// Evidence as it is found, with what belongs to its snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedFetch {
    /// The body.
    pub evidence: KeptEvidence,
    /// Which normaliser made the rows that are kept of it.
    pub normaliser_version: u32,
    /// When both are deleted.
    pub purge_at: Timestamp,
}

/// A snapshot that an older normaliser made and that can be made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// The journey.
    pub journey_id: String,
    /// The fetch.
    pub fetch_id: String,
    /// Which normaliser made it.
    pub normaliser_version: u32,
}

/// See the module.
#[async_trait]
pub trait EvidenceStore: Send + Sync {
    /// What a fetch's rows were made from, if it is kept.
    async fn evidence(&self, tenant: &str, fetch_id: &str) -> Result<Option<RetainedFetch>, StoreError>;
    /// The snapshots that a normaliser older than `version` made from what is still kept, of one journey or of all.
    async fn outdated(
        &self,
        tenant: &str,
        journey_id: Option<&str>,
        version: u32,
        now: Timestamp,
    ) -> Result<Vec<Outdated>, StoreError>;
}
