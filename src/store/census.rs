//! How much of what there is, for whoever looks after the gateway. Only what is still being worked on is counted, by the index of what is
//! due, so that the count stays cheap however much is kept.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::{access::TenantId, journey::model::JourneyState};

/// Journeys in one state that the background looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InState {
    /// The state.
    pub state: JourneyState,
    /// How many.
    pub count: u64,
    /// When the oldest was opened.
    pub oldest: Timestamp,
}

/// Messages that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// When the oldest came.
    pub oldest: Option<Timestamp>,
}

/// What was counted, over all tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Journeys that the background looks after; a state in which there is none is left out.
    pub journeys: Vec<InState>,
    /// When the next journey is due, or was.
    pub next_due: Option<Timestamp>,
    /// Messages to be applied.
    pub new_messages: Waiting,
    /// Messages that wait for what is not known yet.
    pub parked_messages: Waiting,
}

/// Connections to the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Without work.
    pub idle: u32,
    /// At work.
    pub used: u32,
    /// Most there may be.
    pub most: u32,
}

/// See the module.
#[async_trait]
pub trait CensusStore: Send + Sync {
    /// Counts. The next journey is looked for among those of `tenants`.
    async fn census(&self, tenants: &[TenantId]) -> Result<Census, StoreError>;
    /// What connections there are.
    fn connections(&self) -> Connections;
}

/// Puts the rows together: state, count and oldest of journeys, and of messages.
pub(super) fn gathered(
    journeys: impl Iterator<Item = (String, i64, i64)>,
    messages: impl Iterator<Item = (String, i64, i64)>,
    next_due: Option<Timestamp>,
) -> Result<Census, StoreError> {
    let mut census = Census { next_due, ..Census::default() };
    for (state, count, oldest) in journeys {
        let state = JourneyState::from_str_name(&state).ok_or(StoreError::Unreadable("an unknown state"))?;
        let oldest = super::columns::instant(oldest)?;
        census.journeys.push(InState { state, count: u64::try_from(count).unwrap_or_default(), oldest });
    }
    for (state, count, oldest) in messages {
        let waiting = Waiting { count: u64::try_from(count).unwrap_or_default(), oldest: Some(super::columns::instant(oldest)?) };
        match super::MessageState::of(&state) {
            Some(super::MessageState::New) => census.new_messages = waiting,
            Some(super::MessageState::Parked) => census.parked_messages = waiting,
            _ => {}
        }
    }
    Ok(census)
}
