//! The end of what is kept: by its date, or before it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::pb::{KeptKind, PurgeReason};

/// How late something may be removed before it counts as overdue: the sweeper runs once a minute.
pub const GRACE: SignedDuration = SignedDuration::from_mins(1);
/// Most overdue items that are named.
pub const MOST_OVERDUE: u32 = 1_000;

/// Why and when something is removed, and until when that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purging {
    /// Why.
    pub reason: PurgeReason,
    /// When.
    pub at: Timestamp,
    /// Until when the receipt is kept.
    pub receipt_until: Timestamp,
}

/// That something was removed. Holds nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReceipt {
    /// The journey; empty if it was not known any more.
    pub journey_id: String,
    /// The fetch; empty for a whole journey.
    pub fetch_id: String,
    /// Why.
    pub reason: PurgeReason,
    /// When.
    pub at: Timestamp,
    /// How many snapshots.
    pub snapshots: u32,
    /// How many bodies of evidence.
    pub evidence: u32,
    /// How many documents.
    pub documents: u32,
}

impl KeptReceipt {
    /// How many items it is for, the journey itself apart.
    pub fn items(&self) -> u64 {
        u64::from(self.snapshots) + u64::from(self.evidence) + u64::from(self.documents)
    }
}

/// Something that should not be there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueItem {
    /// What.
    pub kind: KeptKind,
    /// Its journey; may be empty.
    pub journey_id: String,
    /// Its fetch; may be empty.
    pub fetch_id: String,
    /// When it should have been removed.
    pub purge_at: Timestamp,
}

/// What is overdue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overdue {
    /// The longest overdue, at most [`MOST_OVERDUE`].
    pub items: Vec<OverdueItem>,
    /// How many in all.
    pub total: u64,
}

/// Until when a receipt of a tenant is kept that is written now.
pub type ReceiptLife = dyn Fn(&str) -> Timestamp + Send + Sync;

/// See the module.
#[async_trait]
pub trait PurgeStore: Send + Sync {
    /// Removes everything that a fetch brought, its keys first, and remembers that: nothing is ever kept of the fetch again, so a pick-up
    /// that is still under way brings nothing back. Doing it again changes nothing and answers the first receipt.
    async fn drop_fetch(
        &self,
        tenant: &str,
        journey_id: &str,
        fetch_id: &str,
        purging: Purging,
    ) -> Result<KeptReceipt, StoreError>;
    /// Removes what is past its purge date, whosever it is: what fetches brought, journeys with their references and requests, old
    /// requests, old receipts. `receipt_until` says how long a tenant's receipts are kept. Answers how many.
    async fn purge(&self, now: Timestamp, receipt_until: &ReceiptLife) -> Result<u64, StoreError> {
        self.purge_with(now, receipt_until, &mut Vec::new()).await
    }
    /// The same; adds each receipt that was written, with its tenant, also where it fails in the middle.
    async fn purge_with(
        &self,
        now: Timestamp,
        receipt_until: &ReceiptLife,
        receipts: &mut Vec<(String, KeptReceipt)>,
    ) -> Result<u64, StoreError>;
    /// What of a tenant is past its purge date by more than [`GRACE`] and still there.
    async fn overdue(&self, tenant: &str, now: Timestamp) -> Result<Overdue, StoreError>;
    /// The receipts of a tenant, of one journey or of all, oldest first.
    async fn receipts(&self, tenant: &str, journey_id: Option<&str>) -> Result<Vec<KeptReceipt>, StoreError>;
}

/// Reasons stand in columns by name.
pub(super) fn reason_of(name: &str) -> Result<PurgeReason, StoreError> {
    PurgeReason::from_str_name(name).ok_or(StoreError::Unreadable("an unknown reason"))
}

/// Kinds stand in answers of queries by name.
pub(super) fn kind_of(name: &str) -> Result<KeptKind, StoreError> {
    KeptKind::from_str_name(name).ok_or(StoreError::Unreadable("an unknown kind"))
}
