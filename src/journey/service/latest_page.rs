//! FetchChanges in mode PROVIDER: pages of a kept answer, read once for each view.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Service, page,
    page_token::{self, Position},
    pick_up::Asking,
};
use crate::{
    access::TenantId,
    cache::{Cached, Origin},
    data::{
        Entry, Provenance, Rows, RowsBuilder,
        changes::{Changes, reported},
        filter::Filter,
    },
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
    },
    pb::{ChangeCounts, View},
    providers::{error::Effect, provider::Call},
    store::{KeptIncrement, LargeValue},
};

/// A valid FetchChanges in mode PROVIDER.
#[derive(Debug, Clone)]
pub struct LatestQuery {
    /// The consent; empty takes the only periodic one.
    pub consent_id: String,
    /// The caller's request id.
    pub request_id: String,
    /// The view, never UNSPECIFIED.
    pub view: View,
    /// Most bytes of entries.
    pub page_bytes: usize,
    /// The token of the page before; empty for the first.
    pub page_token: String,
}

/// A page of what the provider gave.
#[derive(Debug, Clone)]
pub struct LatestPage {
    /// Encoded entries: fields 1 and 2 of FetchChangesResponse.
    pub entries: Vec<Bytes>,
    /// The token of the next page; empty on the last.
    pub next_page_token: String,
    /// How much was given in all.
    pub counts: ChangeCounts,
    /// Which call brought it, and when.
    pub provenance: Provenance,
    /// When it is deleted.
    pub purge_at: Timestamp,
    /// Whether it was in memory.
    pub origin: Origin,
}

/// Whose answer, in which view: tenant, request id, view.
pub(super) type ReportedKey = (TenantId, String, View);

/// An answer that was read.
#[derive(Debug, Clone)]
pub(super) struct Reported {
    changes: Arc<Changes>,
    journey_id: String,
    consent_id: String,
    provenance: Provenance,
    purge_at: Timestamp,
    until: Timestamp,
}

impl Cached for Reported {
    fn weight(&self) -> usize {
        self.changes.rows.bytes.len() + self.changes.rows.entries.len() * size_of::<Entry>() + 256
    }
    fn until(&self) -> Timestamp {
        self.until
    }
}

impl Service {
    /// A page of what is kept for a request.
    pub async fn latest(
        &self,
        call: Call,
        journey: &Journey,
        consent_id: &str,
        query: LatestQuery,
    ) -> Result<LatestPage, Failure> {
        self.latest_page(call, journey, consent_id, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn latest_page(
        &self,
        call: Call,
        journey: &Journey,
        consent_id: &str,
        query: LatestQuery,
    ) -> Result<LatestPage, JourneyError> {
        let page_bytes = query.page_bytes.to_string();
        let view = query.view.as_str_name();
        let bound = ["latest", &journey.tenant, &journey.id, consent_id, &query.request_id, view, &page_bytes];
        let position = match query.page_token.as_str() {
            "" => None,
            token => Some(page_token::read(&self.parts.tokens, &bound, token).ok_or(JourneyError::PageTokenMismatch)?),
        };
        let (reported, origin) = self.reported(call, journey, consent_id, &query.request_id, query.view).await?;
        if reported.journey_id != journey.id || reported.consent_id != consent_id {
            return Err(JourneyError::RequestIdReused);
        }
        // The same request id can only stand for another answer after the first one's end.
        let answer = reported.provenance.received_at.as_millisecond().to_string();
        let version = reported.provenance.normaliser_version;
        let fits = |at: &Position| at.fetch_id == answer && at.normaliser_version == version;
        if !position.as_ref().is_none_or(fits) {
            return Err(JourneyError::PageTokenMismatch);
        }
        let begin = position.map_or(0, |at| usize::try_from(at.entry).unwrap_or(usize::MAX));
        let page = page::cut(&reported.changes.rows, &Filter::default(), begin, query.page_bytes)
            .ok_or(JourneyError::PageTokenMismatch)?;
        Ok(LatestPage {
            next_page_token: page_token::next(&self.parts.tokens, &bound, &answer, version, page.next)?,
            entries: page.entries,
            counts: reported.changes.counts,
            provenance: reported.provenance,
            purge_at: reported.purge_at,
            origin,
        })
    }

    async fn reported(
        &self,
        call: Call,
        journey: &Journey,
        consent_id: &str,
        request_id: &str,
        view: View,
    ) -> Result<(Reported, Origin), JourneyError> {
        let key = (self.parts.tenant.id.clone(), request_id.to_owned(), view);
        let (this, journey, consent_id) = (self.clone(), journey.clone(), consent_id.to_owned());
        let request_id = request_id.to_owned();
        let load = move || async move {
            let _room = this.room_for_stored(call, LargeValue::Increment(&request_id)).await?;
            let kept = this.parts.store.increment(&journey.tenant, &request_id).await?;
            let now = this.parts.clock.now();
            let kept = kept.filter(|kept| kept.purge_at > now).ok_or(JourneyError::DataExpired)?;
            let rows = this.rows_of(&journey, &consent_id, &kept).await?;
            let changes = tokio::task::spawn_blocking(move || reported(&rows, view));
            let changes = changes.await.map_err(|_| JourneyError::Internal("showing an answer ended without an answer"))?;
            Ok(Reported {
                changes: Arc::new(changes.map_err(|_| JourneyError::Internal("an answer cannot be shown"))?),
                provenance: Provenance::read_now(&kept.endpoint, kept.received_at),
                until: this.rows_until()?.min(kept.purge_at),
                journey_id: kept.journey_id,
                consent_id: kept.consent_id,
                purge_at: kept.purge_at,
            })
        };
        self.parts.reported.get(key, self.parts.clock.now(), |_| true, load).await
    }

    /// The rows of a kept answer. One that cannot be read stays: a newer gateway may read it under the same request id.
    async fn rows_of(&self, journey: &Journey, consent_id: &str, kept: &KeptIncrement) -> Result<Rows, JourneyError> {
        let Some(body) = kept.body.clone() else {
            return RowsBuilder::with_capacity(0).finish().ok_or(JourneyError::Internal("no rows cannot be made"));
        };
        let consent = journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound)?;
        let provider = self.reader_of(journey)?;
        let rows = self.normalise(provider, journey, consent, Asking::default(), body, kept.received_at).await;
        rows.map_err(|error| error.with_effect(Effect::Applied).into())
    }
}
