//! What a signed message holds that no other call of its provider returns. A message still only wakes its journey: states come from
//! polls. What stands here adds to a journey and never moves a state.

use jiff::Timestamp;

use super::provider::Body;
use crate::journey::model::{FetchedAccount, UploadedStatement};

/// The content of one message. All parts may be empty.
#[derive(Debug, Clone, Default)]
pub struct MessageContent {
    /// Statements that the customer uploaded.
    pub statements: Vec<UploadedStatement>,
    /// Account rows of consents, by consent.
    pub accounts: Vec<ConsentAccounts>,
    /// Financial data that came inside the message.
    pub pushed: Option<PushedData>,
}

/// The names of a consent in a message. At least one is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentName {
    /// The consent handle.
    pub handle: Option<String>,
    /// The provider's consent id.
    pub consent_ref: Option<String>,
}

/// The account rows of one consent.
#[derive(Debug, Clone)]
pub struct ConsentAccounts {
    /// Which consent.
    pub consent: ConsentName,
    /// Its rows, each with the source WEBHOOK.
    pub accounts: Vec<FetchedAccount>,
}

/// Financial data that the provider sent without being asked.
#[derive(Debug, Clone)]
pub struct PushedData {
    /// Whose data they are.
    pub consent: ConsentName,
    /// The provider's session id, if the message names one.
    pub session: Option<String>,
    /// The account rows of the message.
    pub accounts: Vec<FetchedAccount>,
    /// Until when the data may be kept, by the provider's word.
    pub data_expires_at: Option<Timestamp>,
    /// The data, in the form that the adapter's `read_data` takes.
    pub body: Body,
}

impl MessageContent {
    /// Whether the message holds nothing beside the news that it wakes its journey for.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.accounts.is_empty() && self.pushed.is_none()
    }
}

impl ConsentName {
    /// Whether the message names a consent at all.
    pub fn is_known(&self) -> bool {
        self.handle.is_some() || self.consent_ref.is_some()
    }
}
