//! The inbox: what providers sent by themselves, sealed, from its acknowledgement until its purge date.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::StoreError;
use crate::access::TenantId;

/// A message that is to be kept.
#[derive(Clone)]
pub struct NewMessage {
    /// `msg_...`.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The provider.
    pub provider: String,
    /// The tenant's credential at it.
    pub credential: String,
    /// The attempt whose own address it came to, with its journey; none for an address that belongs to a credential.
    pub attempt: Option<Addressee>,
    /// Whether its signature was right. Any other message is a hint.
    pub verified: bool,
    /// The secret part of the address. Only its hash is kept.
    pub token: String,
    /// The exact bytes.
    pub body: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// When it is deleted.
    pub purge_at: Timestamp,
}

/// The attempt to which an address belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// `jrn_...`.
    pub journey_id: String,
    /// `att_...`.
    pub attempt_id: String,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// To be applied.
    New,
    /// Applied: every journey that it concerns was woken.
    Applied,
    /// It concerns something that is not known yet.
    Parked,
    /// It cannot be read, or stayed without a subject until its age limit.
    Quarantined,
}

impl MessageState {
    /// The word in the store and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Applied => "APPLIED",
            Self::Parked => "PARKED",
            Self::Quarantined => "QUARANTINED",
        }
    }

    /// The state behind a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::New, Self::Applied, Self::Parked, Self::Quarantined].into_iter().find(|state| state.word() == word)
    }
}

/// A kept message without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `msg_...`.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The provider.
    pub provider: String,
    /// The credential.
    pub credential: String,
    /// The attempt whose own address it came to.
    pub attempt: Option<Addressee>,
    /// Whether its signature was right.
    pub verified: bool,
    /// When it came.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub tries: u32,
    /// When it is deleted.
    pub purge_at: Timestamp,
}

/// What becomes of a message that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Whose it is.
    pub tenant: String,
    /// The message.
    pub id: String,
    /// Its new state.
    pub state: MessageState,
    /// When it is tried again; none for never.
    pub next_at: Option<Timestamp>,
    /// The journeys that are woken together with this, or neither is.
    pub wakes: Vec<String>,
    /// What a parked message waits for: references by kind, as [`super::JourneyStore::journeys_by_ref`] takes them. A journey that learns
    /// one makes the message due at once.
    pub waits_for: Vec<(String, String)>,
    /// A new purge date, for a message that holds financial data.
    pub purge_at: Option<Timestamp>,
    /// The journey whose data the message holds, so that both go together.
    pub data_of: Option<String>,
}

impl Settled {
    /// A message in a state, with nothing else to do.
    pub fn new(message: &Message, state: MessageState) -> Self {
        Self {
            tenant: message.tenant.clone(),
            id: message.id.clone(),
            state,
            next_at: None,
            wakes: Vec::new(),
            waits_for: Vec::new(),
            purge_at: None,
            data_of: None,
        }
    }
}

/// Which messages are tried anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay<'a> {
    /// Every one in quarantine.
    Quarantined,
    /// This one, whatever its state.
    One(&'a str),
}

/// See the module.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Keeps a message; when this answers, it is on disk. `false` means that the same bytes came to the same address before.
    async fn keep_message(&self, message: NewMessage) -> Result<bool, StoreError>;
    /// The messages of `tenants` that are due, longest waiting first.
    async fn due_messages(&self, tenants: &[TenantId], now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError>;
    /// When the next message of `tenants` is due.
    async fn next_message(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError>;
    /// The bytes of a message; none if they are not kept any more.
    async fn message_body(&self, message: &Message) -> Result<Option<Bytes>, StoreError>;
    /// Writes down what became of messages that were tried, and wakes their journeys: all of it or nothing.
    async fn settle_messages(&self, settled: &[Settled], now: Timestamp) -> Result<(), StoreError>;
    /// A tenant's messages, newest first, of one state or of all.
    async fn messages(&self, tenant: &str, state: Option<MessageState>, limit: u32) -> Result<Vec<Message>, StoreError>;
    /// Makes messages due as if they had just come; answers how many.
    async fn replay_messages(&self, tenant: &str, which: Replay<'_>, now: Timestamp) -> Result<u64, StoreError>;
    /// Removes the bytes of the messages that hold data of a journey, at once. That they came is still remembered.
    async fn drop_pushed_data(&self, tenant: &str, journey_id: &str) -> Result<(), StoreError>;
}
