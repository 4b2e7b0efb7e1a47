//! The audit log: rows in chains, one for each tenant and writer, and one chain of checkpoints. The store keeps them as they are given;
//! what chains them is in [`crate::access::audit`].

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::access::audit::{AuditRow, Hash, Head};

/// Which chains are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chains<'a> {
    /// Those of a writer.
    Of(&'a str),
    /// Those that have a row of this time or later.
    Since(Timestamp),
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Its number.
    pub number: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The whole of it as one line of JSON.
    pub line: String,
}

/// The rows of one chain that are past their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    /// The last of them.
    pub last: Head,
    /// The place of the first.
    pub first: i64,
    /// How many there are.
    pub count: i64,
}

/// What is removed together with a checkpoint that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trim {
    /// The last row of each chain that goes, with all before it.
    pub rows: Vec<Head>,
    /// The number of the last checkpoint that goes, with all before it; 0 if none goes.
    pub checkpoint: i64,
}

/// See the module.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Keeps rows, all or none of them, on disk before it answers. A row whose place is taken is refused with all others.
    async fn append_audit(&self, rows: &[AuditRow]) -> Result<(), StoreError>;
    /// The newest row of each chain, with its time in milliseconds.
    async fn audit_heads(&self, chains: Chains<'_>) -> Result<Vec<(Head, i64)>, StoreError>;
    /// The rows of a tenant, or of all, behind a place (writer, tenant, seq), in the order of writers, tenants and places. What cannot be read
    /// of a row is answered as something that cannot be true.
    async fn audit_rows(&self, tenant: Option<&str>, after: (&str, &str, i64), limit: u32) -> Result<Vec<AuditRow>, StoreError>;
    /// What is older than `before`, by chain.
    async fn aged_audit(&self, before: Timestamp) -> Result<Vec<Aged>, StoreError>;
    /// The checkpoints after a number, in order.
    async fn checkpoints(&self, after: i64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError>;
    /// The newest checkpoint.
    async fn last_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError>;
    /// The number of the first checkpoint of this time or later.
    async fn checkpoint_since(&self, at: Timestamp) -> Result<Option<i64>, StoreError>;
    /// Keeps a checkpoint and removes what it says is removed, unless its number is taken: then nothing is done, and the answer is false. So
    /// checkpoints are one chain, however many processes make them.
    async fn append_checkpoint(&self, checkpoint: &KeptCheckpoint, trim: &Trim) -> Result<bool, StoreError>;
}

/// The columns of a row, in order.
pub(super) const COLUMNS: &str = "writer, tenant, seq, at, caller, act, result, journey_id, attempt_id, consent_ids, fetch_ids,
    purposes, view, source, reason, call_id, previous, hash";

/// A hash as it stands in a column; what is none is no hash of anything.
pub(super) fn hash(kept: Option<Vec<u8>>) -> Hash {
    kept.and_then(|bytes| bytes.try_into().ok()).unwrap_or([0xff; 32])
}

/// A text as it stands in a column; what is none is a text that is never written.
pub(super) fn text(kept: Option<String>) -> String {
    kept.unwrap_or_else(|| "\u{fffd}".to_owned())
}
