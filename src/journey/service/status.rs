//! GetStatus: the tree, from the cache where nothing has changed since.

use std::sync::Arc;

use bytes::Bytes;

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
    /// The tree and its encoded answer. `encode` makes the answer's bytes.
    pub async fn status(&self, journey_id: &str, encode: fn(&Journey) -> Bytes) -> Result<(Status, Origin), Failure> {
        if !is_id(journey_id, "jrn") {
            return Err(JourneyError::JourneyNotFound.into());
        }
        let key = StatusKey { tenant: self.parts.tenant.id.clone(), journey_id: journey_id.to_owned() };
        let caches = &self.parts.caches;
        let fresh = |status: &Status| caches.epochs.of(&status.journey.id) == status.epoch;
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
        let epoch = self.parts.caches.epochs.of(&key.journey_id);
        let journey = self.load(&key.tenant, &key.journey_id).await.map_err(|failure| failure.error)?;
        let until = self
            .parts
            .clock
            .now()
            .checked_add(self.parts.caches.settings.status_life)
            .map_err(|_| JourneyError::Internal("the clock is out of range"))?;
        Ok(Status { encoded: encode(&journey), journey: Arc::new(journey), epoch, until })
    }

    /// The tree from the store.
    pub(crate) async fn load(&self, tenant: &str, journey_id: &str) -> Result<Journey, Failure> {
        match self.parts.store.journey(tenant, journey_id).await? {
            Some(versioned) => Ok(versioned.journey),
            None => Err(JourneyError::JourneyNotFound.into()),
        }
    }
}
