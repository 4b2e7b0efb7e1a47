//! Events: what each change of a journey left behind, for watchers. One row is written with each change, in the same transaction as the
//! tree, so there is no change without its event and no event without its change.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::data::personal::Personal;
use crate::journey::{
    derive,
    model::{Customer, Journey, JourneyState},
};

/// A place in the feed of all changes. The order of places is the order in which changes can be read: whoever has read up to one never
/// finds anything new before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition {
    /// The transaction that wrote it, where transactions can end in another order than they began; else 0.
    pub transaction: i64,
    /// The row.
    pub row: i64,
}

/// One change of one journey, with the tree.
#[derive(Debug, Clone)]
pub struct Event {
    /// The journey's sequence after it.
    pub sequence: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The tree after it, without what identifies the customer.
    pub journey: Journey,
}

/// One change in the feed, without the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Where it stands.
    pub position: FeedPosition,
    /// The journey.
    pub journey_id: String,
    /// The journey's sequence after it.
    pub sequence: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The state after it.
    pub state: JourneyState,
    /// What else the feed tells.
    pub note: FeedNote,
}

/// What the feed tells of a change beside its columns; kept sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedNote {
    /// The caller's reference of the journey.
    pub client_reference: Option<String>,
    /// Whether nothing was open and nothing awaited.
    pub settled: bool,
}

impl FeedNote {
    /// The note of a tree.
    pub fn of(journey: &Journey) -> Self {
        Self { client_reference: journey.ask.client_reference.clone(), settled: derive::settled(journey) }
    }
}

/// A part of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// The changes, in order.
    pub events: Vec<FeedEvent>,
    /// Some changes after the place that was asked for are not kept any more.
    pub trimmed: bool,
    /// More is written that cannot be read yet, since an earlier transaction has not ended. Nobody will tell when it has.
    pub held_back: bool,
}

/// See the module.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// The kept changes of a journey after a sequence, oldest first. What is missing between is not kept any more.
    async fn events_of(&self, tenant: &str, journey_id: &str, after: i64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The tenant's changes after a place.
    async fn feed(&self, tenant: &str, after: FeedPosition, limit: u32) -> Result<FeedPage, StoreError>;
    /// The place after everything that can be read now.
    async fn feed_end(&self, tenant: &str) -> Result<FeedPosition, StoreError>;
    /// Removes what is older than `before`, and of each journey all but the newest `keep`; answers how many went.
    async fn trim_events(&self, keep: u32, before: Timestamp) -> Result<u64, StoreError>;
}

/// The state that a row names.
pub(super) fn state(name: &str) -> Result<JourneyState, StoreError> {
    JourneyState::from_str_name(name).ok_or(StoreError::Unreadable("an event's state"))
}

/// A tree as the history keeps it: nobody who reads an older tree needs to know who was asked.
pub(super) fn kept(journey: &Journey) -> Journey {
    let mut kept = journey.clone();
    let customer_reference = kept.ask.customer.customer_reference.take();
    kept.ask.customer = Customer { customer_reference, ..Customer::default() };
    kept.ask.redirect_url = None;
    for attempt in &mut kept.attempts {
        attempt.webhook_token = Personal::default();
    }
    kept
}
