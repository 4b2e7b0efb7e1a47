//! GetEvidence: what a fetch's rows were made from, behind the same fences as the rows.

use bytes::Bytes;
use jiff::Timestamp;

use super::{FetchChoice, Service, reading::snapshot_of, select::select};
use crate::{
    data::Provenance,
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
    },
    providers::provider::Call,
    store::{LargeValue, RetainedFetch},
};

/// A body as the provider sent it.
#[derive(Debug, Clone)]
pub struct EvidenceAnswer {
    /// The consent.
    pub consent_id: String,
    /// The fetch.
    pub fetch_id: String,
    /// The media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Where it comes from, and which normaliser made the rows that are served of it.
    pub provenance: Provenance,
    /// When it is deleted.
    pub purge_at: Timestamp,
}

impl Service {
    /// The body of a fetch, if it is kept.
    pub async fn evidence(&self, call: Call, journey: &Journey, choice: &FetchChoice) -> Result<EvidenceAnswer, Failure> {
        self.evidence_of(call, journey, choice).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn evidence_of(&self, call: Call, journey: &Journey, choice: &FetchChoice) -> Result<EvidenceAnswer, JourneyError> {
        let gathered = match self.parts.tenant.retain_evidence {
            true => self.gathered(call, journey, choice).await?,
            false => None,
        };
        let journey = gathered.as_ref().unwrap_or(journey);
        let (consent, fetch) = select(journey, choice, self.parts.clock.now(), self.parts.pace.first)?;
        if fetch.picked_up_at.is_none() && self.parts.tenant.retain_evidence {
            self.pick_up(call, &journey.tenant, &journey.id, &fetch.id, None).await?;
        }
        let room = self.room_for_stored(call, LargeValue::Evidence(snapshot_of(fetch))).await?;
        let kept = self.parts.store.evidence(&journey.tenant, snapshot_of(fetch)).await?;
        let RetainedFetch { evidence, normaliser_version, purge_at } = kept.ok_or(JourneyError::EvidenceNotKept)?;
        room.shrink_to(evidence.bytes.len() as u64);
        let bytes = room.bind(evidence.bytes);
        // Who asked stands in the audit log.
        tracing::info!(journey_id = %journey.id, fetch_id = %fetch.id, "evidence is handed out");
        Ok(EvidenceAnswer {
            consent_id: consent.id.clone(),
            fetch_id: fetch.id.clone(),
            media_type: evidence.media_type,
            bytes,
            provenance: Provenance { endpoint: evidence.endpoint, received_at: evidence.received_at, normaliser_version },
            purge_at,
        })
    }
}
