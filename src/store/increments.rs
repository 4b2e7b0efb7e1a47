//! What a provider called the latest data of a consent, until its data's end: the provider does not give it again.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    StoreError,
    columns::millis,
    items::{Found, Item, SealedItem},
    vault::{Vault, hex},
};

/// One such answer.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptIncrement {
    /// The journey.
    pub journey_id: String,
    /// The consent.
    pub consent_id: String,
    /// The answer as the provider sent it; none if there was nothing new.
    pub body: Option<Bytes>,
    /// The provider call that brought it, by the adapter's name for it.
    pub endpoint: String,
    /// When it came.
    pub received_at: Timestamp,
    /// When it is deleted.
    pub purge_at: Timestamp,
}

/// Without what it holds.
impl std::fmt::Debug for KeptIncrement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptIncrement").field("bytes", &self.body.as_ref().map(Bytes::len)).finish_non_exhaustive()
    }
}

/// See the module.
#[async_trait]
pub trait IncrementStore: Send + Sync {
    /// Keeps what was asked for under a request id. What is kept under it already stays.
    async fn put_increment(&self, tenant: &str, request_id: &str, increment: &KeptIncrement) -> Result<(), StoreError>;
    /// What was asked for under a request id, if it is kept.
    async fn increment(&self, tenant: &str, request_id: &str) -> Result<Option<KeptIncrement>, StoreError>;
    /// Removes everything of a consent, at once: it was withdrawn. What is past its purge date goes with `purge` of the snapshots.
    async fn drop_increments(&self, tenant: &str, consent_id: &str) -> Result<(), StoreError>;
}

impl Vault {
    pub(super) fn seal_increment(
        &self,
        tenant: &str,
        request_id: &str,
        increment: &KeptIncrement,
    ) -> Result<SealedItem, StoreError> {
        let received_at = millis(increment.received_at).to_string();
        let body = increment.body.as_deref().unwrap_or_default();
        let part = self.increment_part(tenant, request_id);
        let item = Item::increment(tenant, &increment.consent_id, &part);
        item.seal(&self.sealer, &place(tenant, request_id, increment, &received_at), body)
    }

    /// What its key is found by, beside its consent.
    pub(super) fn increment_part(&self, tenant: &str, request_id: &str) -> String {
        hex(&self.lookup(tenant, "increment", request_id))
    }

    /// Opens what was sealed beside these facts; `facts` has no body yet.
    pub(super) fn open_increment(
        &self,
        tenant: &str,
        request_id: &str,
        facts: KeptIncrement,
        kept: Found<'_>,
    ) -> Result<Option<KeptIncrement>, StoreError> {
        let received_at = millis(facts.received_at).to_string();
        let part = self.increment_part(tenant, request_id);
        let item = Item::increment(tenant, &facts.consent_id, &part);
        let opened = item.open(&self.sealer, &place(tenant, request_id, &facts, &received_at), kept)?;
        let Some(body) = opened.map(Bytes::from) else { return Ok(None) };
        Ok(Some(KeptIncrement { body: Some(body).filter(|body| !body.is_empty()), ..facts }))
    }
}

/// The place of the seal: a fact that was changed opens nothing.
fn place<'a>(tenant: &'a str, request_id: &'a str, facts: &'a KeptIncrement, received_at: &'a str) -> [&'a str; 7] {
    ["increment", tenant, request_id, &facts.journey_id, &facts.consent_id, &facts.endpoint, received_at]
}
