//! Lanes: the journeys of one credential at one provider. The background divides its polls by lane, so that a provider that does not answer
//! delays the journeys of no other credential and no other tenant.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Look, StoreError};
use crate::access::TenantId;

/// The journeys of one credential of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The tenant's id.
    pub tenant: String,
    /// The name that [`crate::journey::model::Routing::lane`] returns. Rows that an older release wrote hold the provider's id alone, or
    /// nothing, until their next write.
    pub name: String,
}

/// A lane with a journey that is due, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLane {
    /// The lane.
    pub lane: Lane,
    /// When the first of its journeys is due that is not being polled.
    pub due_at: Timestamp,
}

/// How many journeys of a lane to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The lane.
    pub lane: Lane,
    /// The most.
    pub limit: u32,
}

/// A journey that this process polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJourney {
    /// Its lane.
    pub lane: Lane,
    /// Its id.
    pub journey_id: String,
}

/// See the module.
#[async_trait]
pub trait LaneStore: Send + Sync {
    /// The lanes of `tenants` that have a date. The cost grows with the number of lanes and not with the number of journeys.
    async fn due_lanes(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<DueLane>, StoreError>;
    /// Claims due journeys of each share's lane for this process, soonest first. No other process polls them until the poll ends, `look.until`
    /// passes, or this process ends, even if they are woken or changed meanwhile. A journey whose poll changes nothing is due again at
    /// `look.until`.
    async fn claim_due(&self, shares: &[Share], look: Look) -> Result<Vec<ClaimedJourney>, StoreError>;
}
