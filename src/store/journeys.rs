//! Journeys: one sealed tree a row, and when the background looks at each.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::{access::TenantId, journey::model::Journey};

/// A tree as read, with the version that a write of it must find.
#[derive(Debug, Clone)]
pub struct Versioned {
    /// The tree.
    pub journey: Journey,
    /// Its version.
    pub version: i64,
}

/// When looks begin and by when they have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Now.
    pub now: Timestamp,
    /// Later than any look takes.
    pub until: Timestamp,
}

/// See the module.
#[async_trait]
pub trait JourneyStore: Send + Sync {
    /// Writes a new journey.
    async fn insert_journey(&self, journey: &Journey, due_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError>;
    /// Writes a changed tree if its version is still the one that was read; `false` means that another writer came first.
    async fn save_journey(
        &self,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Reads a tree.
    async fn journey(&self, tenant: &str, id: &str) -> Result<Option<Versioned>, StoreError>;
    /// The look at a journey has ended: it may be looked at again as soon as it is due.
    async fn end_look(&self, tenant: &str, id: &str) -> Result<(), StoreError>;
    /// When the next journey of `tenants` is due that nobody looks at.
    async fn next_due(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError>;
    /// The other tenants that have journeys which are due.
    async fn due_elsewhere(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<String>, StoreError>;
    /// The clock has fallen back by so much: whatever is due after `now`, messages too, is due that much sooner, or it would wait for the
    /// clock to get there once more.
    async fn bring_forward(&self, now: Timestamp, by: SignedDuration) -> Result<(), StoreError>;
    /// Makes a journey due, without touching its tree. A look that is under way does not undo it: there is news that it has not seen.
    async fn wake_journey(&self, tenant: &str, id: &str, now: Timestamp) -> Result<(), StoreError>;
    /// The journeys that a reference of a provider, or an id or token of ours, is about. `kind` keeps them apart.
    async fn journeys_by_ref(&self, tenant: &str, kind: &str, value: &str) -> Result<Vec<String>, StoreError>;
    /// The same for whichever of `tenants` it is, each journey with its tenant.
    async fn any_by_ref(&self, tenants: &[TenantId], kind: &str, value: &str) -> Result<Vec<(String, String)>, StoreError>;
}
