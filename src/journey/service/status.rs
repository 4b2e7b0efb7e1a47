//! GetStatus: the tree, from the cache where nothing has changed since.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use tracing::Instrument;

use super::Service;
use crate::{
    cache::{Origin, Status, StatusKey},
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
    },
    random::is_id,
};

impl Service {
    /// The tree for whoever only wants to know: where the store cannot be asked, the last one that is known, which is `Stale` then. What is
    /// encoded for operators (`ops`) lies apart, so that nobody else is ever given it.
    pub async fn status_or_stale(
        &self,
        journey_id: &str,
        ops: bool,
        encode: fn(&Journey) -> Bytes,
    ) -> Result<(Status, Origin), Failure> {
        // Others may have written: what is in memory counts as long as all that they tell is heard.
        let caches = &self.parts.caches;
        let heard = self.parts.store.silence().is_none_or(|silence| silence <= caches.settings.lease);
        match self.status_of(journey_id, ops, encode, heard).await {
            Err(failure) if failure.error == JourneyError::Store => {
                let last = caches.last_status.get(&self.status_key(journey_id, ops)).await;
                last.map(|status| (status, Origin::Stale)).ok_or(failure)
            }
            other => other,
        }
    }

    /// The tree and its encoded answer, no older than the consent lease where others write to the store: for whoever decides by it what may
    /// be served or done. `encode` makes the answer's bytes.
    pub async fn status(&self, journey_id: &str, encode: fn(&Journey) -> Bytes) -> Result<(Status, Origin), Failure> {
        // A process that dies between a commit and telling of it tells nobody; so hearing everything is not enough here.
        self.status_of(journey_id, false, encode, self.parts.store.silence().is_none()).await
    }

    fn status_key(&self, journey_id: &str, ops: bool) -> StatusKey {
        StatusKey { tenant: self.parts.tenant.id.clone(), journey_id: journey_id.to_owned(), ops }
    }

    /// The tree, from memory if nothing is known to have changed it, and if it is `certain` that nothing has or the tree is young enough.
    async fn status_of(
        &self,
        journey_id: &str,
        ops: bool,
        encode: fn(&Journey) -> Bytes,
        certain: bool,
    ) -> Result<(Status, Origin), Failure> {
        if !is_id(journey_id, "jrn") {
            return Err(JourneyError::JourneyNotFound.into());
        }
        let key = self.status_key(journey_id, ops);
        let caches = &self.parts.caches;
        let fresh = |status: &Status| {
            caches.epochs.of(&status.journey.id) == status.epoch
                && (certain || status.asked_at.elapsed() <= caches.settings.lease)
        };
        let now = self.parts.clock.now();
        // Looked up apart from the load, so that a hit does not pay for what only a miss needs.
        if let Some(status) = caches.status.peek(&key, now, fresh).await {
            return Ok((status, Origin::Hit));
        }
        let (this, wanted) = (self.clone(), key.clone());
        let load = move || async move { this.load_status(wanted, encode).await };
        Ok(caches.status.get(key, now, fresh, load).await?)
    }

    async fn load_status(self, key: StatusKey, encode: fn(&Journey) -> Bytes) -> Result<Status, JourneyError> {
        // Before the store is read: a commit in between then outdates what is read.
        let caches = &self.parts.caches;
        let (epoch, asked_at) = (caches.epochs.of(&key.journey_id), Instant::now());
        let journey = match self.load(&key.tenant, &key.journey_id).await {
            Ok(journey) => journey,
            Err(failure) => {
                if failure.error == JourneyError::JourneyNotFound {
                    caches.last_status.invalidate(&key).await;
                }
                return Err(failure.error);
            }
        };
        let until = self
            .parts
            .clock
            .now()
            .checked_add(caches.settings.status_life)
            .map_err(|_| JourneyError::Internal("the clock is out of range"))?;
        let status = Status { encoded: encode(&journey), journey: Arc::new(journey), epoch, asked_at, until };
        caches.last_status.insert(key, status.clone()).await;
        Ok(status)
    }

    /// The tree from the store.
    pub(crate) async fn load(&self, tenant: &str, journey_id: &str) -> Result<Journey, Failure> {
        match self.parts.store.journey(tenant, journey_id).instrument(tracing::info_span!("store.read")).await? {
            Some(versioned) => Ok(versioned.journey),
            None => Err(JourneyError::JourneyNotFound.into()),
        }
    }
}
