//! Looking for journeys: by the caller's references, and whether one is open already.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::journey::model::{Journey, JourneyState};

/// What journeys must fit; what is `None` or empty fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The caller's reference.
    pub client_reference: Option<String>,
    /// The caller's reference of the customer.
    pub customer_reference: Option<String>,
    /// The states.
    pub states: Vec<JourneyState>,
    /// The provider.
    pub provider: Option<String>,
    /// A consent that is in force ends before.
    pub expires_before: Option<Timestamp>,
}

/// Where a page begins: behind this journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// When it was opened.
    pub created_at: Timestamp,
    /// Its id.
    pub journey_id: String,
}

/// See the module.
#[async_trait]
pub trait FindStore: Send + Sync {
    /// Journeys that fit, newest first, from behind a place on.
    async fn find_journeys(
        &self,
        tenant: &str,
        wanted: &Wanted,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<Journey>, StoreError>;
}

/// The states in which a journey is open.
pub(super) const OPEN: [JourneyState; 3] = [JourneyState::Created, JourneyState::AwaitingCustomer, JourneyState::OutcomeUnknown];

/// The states as one text in which each is found between commas.
pub(super) fn listed(states: &[JourneyState]) -> String {
    states.iter().fold(",".to_owned(), |text, state| text + state.as_str_name() + ",")
}
