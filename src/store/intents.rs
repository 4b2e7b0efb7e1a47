//! Intents: what a write is about to do at a provider, written down before it is done. The request id that it is done for must still be
//! this process's at that moment: a process that was silent for so long that another one has begun the request anew must not send as well.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::journey::model::Journey;

/// On behalf of what request a tree is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The caller's request id.
    pub request_id: &'a str,
}

/// Which other journeys stand in the way of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard<'a> {
    /// None.
    Off,
    /// An open one of its client reference and with a purpose in common. Of two at once only one is written.
    UnlessOpen {
        /// This one does not count.
        except: Option<&'a str>,
    },
}

/// See the module. Each of these answers [`StoreError::Disowned`], and writes nothing, if the claimed request is not this process's any
/// more; whoever takes it over afterwards sees what was written.
#[async_trait]
pub trait IntentStore: Send + Sync {
    /// Writes a new journey, unless another one stands in its way; answers that one.
    async fn insert_intent(
        &self,
        claim: Option<Claim<'_>>,
        journey: &Journey,
        guard: Guard<'_>,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError>;
    /// Writes the tree of a repeated request over its earlier journey, whose opening was never sent. Returns the id of another open journey
    /// that prevents this. [`StoreError::Contended`] if the earlier tree is no longer at `version`.
    async fn reopen_intent(
        &self,
        claim: Claim<'_>,
        journey: &Journey,
        version: i64,
        guard: Guard<'_>,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError>;
    /// The journey of a request, as it is committed: read by the connection that writes, while the request is locked. `None` is the proof that no
    /// intent was written for the request, so that nothing was sent.
    async fn intent(&self, tenant: &str, claim: Claim<'_>, journey_id: &str) -> Result<Option<Journey>, StoreError>;
    /// Writes a changed tree, as `save_journey` does.
    async fn save_intent(
        &self,
        claim: Claim<'_>,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
