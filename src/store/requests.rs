//! Request ids of writes, so that a repeated one is answered and never done twice.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// How long a request id is remembered.
pub const REQUEST_LIFE: SignedDuration = SignedDuration::from_hours(72);

/// What begins when a write's request id is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The first time: go on.
    New,
    /// It came before with the same body and was freed: go on, with the journey of that time, whose opening was never sent.
    Again(String),
    /// It was answered before; the sealed answer, opened.
    Answered(Vec<u8>),
    /// It came before with another body.
    Reused,
    /// It began before and has no answer, and whoever began it is gone, or has left it, or is this very process. It is this process's now.
    /// The journey that it opens or concerns.
    InFlight(String),
    /// Another process that lives is at it.
    Elsewhere,
}

/// See the module.
#[async_trait]
pub trait RequestStore: Send + Sync {
    /// Writes a request id down, or tells what became of it. `body_hash` is of the canonical request; `journey_id` is the journey that
    /// the request opens or concerns.
    async fn begin_request(
        &self,
        tenant: &str,
        request_id: &str,
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError>;
    /// Whether a request id is on record, answered or not, and not freed. Writes nothing.
    async fn knows_request(&self, tenant: &str, request_id: &str, now: Timestamp) -> Result<bool, StoreError>;
    /// Keeps the answer of a request, unless it has one, or another process is at it: that one's answer counts.
    async fn finish_request(&self, tenant: &str, request_id: &str, answer: &[u8]) -> Result<(), StoreError>;
    /// Leaves a request of this process without an answer: whoever comes with it next is answered from the journey.
    async fn leave_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError>;
    /// Frees a request id of this process, under which nothing happened. It may be used again, also with another body; only the same body
    /// gets the earlier journey id.
    async fn free_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError>;
}
