//! FetchChanges in mode PROVIDER: what the provider calls the latest data of a consent. It gives that once, so its answer is kept as it came
//! before anybody is given a part of it, and every page is read from what is kept.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    Service,
    page,
    page_token::{self, Position},
    pick_up::Asking,
    select::keeps_nothing,
};
use crate::{
    cache::{Cached, Origin},
    data::{
        Entry, Provenance, Rows, RowsBuilder,
        changes::{Changes, reported},
        filter::Filter,
    },
    journey::{
        error::{Failure, JourneyError, Violation},
        machine::fetch_usable,
        model::{Consent, ConsentMode, ConsentState, Journey},
    },
    pb::{ChangeCounts, View},
    providers::{
        error::Effect,
        provider::{Call, Latest, Target},
    },
    store::KeptIncrement,
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
pub(super) type ReportedKey = (String, String, View);

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
    /// The consent whose latest data may be asked for, or given again, now.
    pub fn latest_consent(&self, journey: &Journey, query: &LatestQuery) -> Result<String, Failure> {
        let consent = self.allow(query.view).and_then(|()| self.periodic_consent(journey, &query.consent_id));
        consent.map(|consent| consent.id.clone()).map_err(|error| Failure::from(error).of(&journey.id))
    }

    fn periodic_consent<'a>(&self, journey: &'a Journey, consent_id: &str) -> Result<&'a Consent, JourneyError> {
        if !self.product_of(journey)?.is_some_and(|product| product.latest_changes) {
            let violation = Violation::new("mode", "the provider's product cannot be asked for what is new; DIFF compares fetches");
            return Err(JourneyError::CapabilityMissing(vec![violation]));
        }
        let consent = choose(journey, consent_id)?;
        match consent.state {
            ConsentState::Revoked => return Err(JourneyError::ConsentRevoked),
            ConsentState::Rejected | ConsentState::Failed => return Err(JourneyError::JourneyEnded(journey.state)),
            // Whether a paused or ended one still gives anything is for the provider to say; what is kept of it is given.
            ConsentState::Active | ConsentState::Paused | ConsentState::Expired => {}
            _ => return Err(JourneyError::DataNotReady(self.parts.pace.first)),
        }
        match consent.mode {
            _ if keeps_nothing(consent) => Err(JourneyError::ViewOnly),
            // What it allows is not told yet.
            ConsentMode::Unspecified => Err(JourneyError::DataNotReady(self.parts.pace.first)),
            _ if !consent.periodic => Err(JourneyError::ConsentNotPeriodic),
            _ => Ok(consent),
        }
    }

    /// Whether the answer to a request is kept.
    pub async fn has_latest(&self, journey_id: &str, consent_id: &str, request_id: &str) -> Result<bool, Failure> {
        let kept = self.parts.store.increment(&self.parts.tenant.id, request_id).await?;
        match kept {
            None => Ok(false),
            Some(kept) if kept.journey_id == journey_id && kept.consent_id == consent_id => Ok(true),
            Some(_) => Err(JourneyError::RequestIdReused.into()),
        }
    }

    /// Asks the provider for the latest data of a consent, unless that was done for this request, and keeps the answer. Answers whether it
    /// was kept before. To be called once at a time for a request id.
    pub async fn ask_latest(&self, journey_id: &str, consent_id: &str, request_id: &str) -> Result<bool, Failure> {
        if self.has_latest(journey_id, consent_id, request_id).await? {
            return Ok(true);
        }
        let journey = self.load(&self.parts.tenant.id, journey_id).await?;
        let asked = self.ask_and_keep(&journey, consent_id, request_id).await;
        asked.map(|()| false).map_err(|error| Failure::from(error).of(journey_id))
    }

    async fn ask_and_keep(&self, journey: &Journey, consent_id: &str, request_id: &str) -> Result<(), JourneyError> {
        let consent = journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound)?;
        let attempt = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id);
        let attempt = attempt.ok_or(JourneyError::Internal("a consent without an attempt"))?;
        let provider = self.provider_of(&journey.routing)?;
        // Not the caller's time: an answer that comes too late for the caller is kept for the repeat.
        let call = Call { deadline: Instant::now() + self.parts.pace.look_limit };
        let latest = provider.latest(call, Target { journey, attempt, consent, fetch: None, accounts: &[] }).await?;
        let increment = self.increment_of(journey, consent, latest);
        let (tenant, store) = (&journey.tenant, &self.parts.store);
        if let Err(error) = store.put_increment(tenant, request_id, &increment).await {
            tracing::error!(%error, journey_id = %journey.id, consent_id, "an answer that is not given again is not kept");
            return Err(JourneyError::OutcomeUnknown);
        }
        // Withdrawn while the answer was on its way: the fence has passed before it was there.
        let now = self.load(tenant, &journey.id).await.map_err(|failure| failure.error)?;
        if now.consent(consent_id).is_none_or(|consent| consent.state == ConsentState::Revoked) {
            store.drop_increments(tenant, consent_id).await?;
            return Err(JourneyError::ConsentRevoked);
        }
        Ok(())
    }

    fn increment_of(&self, journey: &Journey, consent: &Consent, latest: Latest) -> KeptIncrement {
        let (body, endpoint, received_at) = match latest {
            Latest::Data(body) => (Some(body.bytes), body.endpoint, body.received_at),
            Latest::Nothing { endpoint, received_at } => (None, endpoint, received_at),
        };
        KeptIncrement {
            journey_id: journey.id.clone(),
            consent_id: consent.id.clone(),
            body,
            endpoint: endpoint.to_owned(),
            received_at,
            purge_at: self.increment_end(consent),
        }
    }

    /// As long as the data of the consent's newest fetch. If that is over, the provider has a newer one that is not seen yet: a day, as for
    /// data whose end is not known.
    fn increment_end(&self, consent: &Consent) -> Timestamp {
        let now = self.parts.clock.now();
        let newest = consent.fetches.iter().filter(|fetch| fetch_usable(fetch.state)).max_by_key(|fetch| fetch.requested_at);
        let end = newest.map(|fetch| self.purge_date(fetch)).filter(|end| *end > now);
        end.unwrap_or_else(|| now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now))
    }

    /// A page of what is kept for a request.
    pub async fn latest(&self, journey: &Journey, consent_id: &str, query: LatestQuery) -> Result<LatestPage, Failure> {
        self.latest_page(journey, consent_id, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn latest_page(&self, journey: &Journey, consent_id: &str, query: LatestQuery) -> Result<LatestPage, JourneyError> {
        let page_bytes = query.page_bytes.to_string();
        let view = query.view.as_str_name();
        let bound = ["latest", &journey.tenant, &journey.id, consent_id, &query.request_id, view, &page_bytes];
        let position = match query.page_token.as_str() {
            "" => None,
            token => Some(page_token::read(&self.tokens, &bound, token).ok_or(JourneyError::PageTokenMismatch)?),
        };
        let (reported, origin) = self.reported(journey, consent_id, &query.request_id, query.view).await?;
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
            next_page_token: page_token::next(&self.tokens, &bound, &answer, version, page.next)?,
            entries: page.entries,
            counts: reported.changes.counts,
            provenance: reported.provenance,
            purge_at: reported.purge_at,
            origin,
        })
    }

    async fn reported(
        &self,
        journey: &Journey,
        consent_id: &str,
        request_id: &str,
        view: View,
    ) -> Result<(Reported, Origin), JourneyError> {
        let key = (journey.tenant.clone(), request_id.to_owned(), view);
        let (this, journey, consent_id) = (self.clone(), journey.clone(), consent_id.to_owned());
        let request_id = request_id.to_owned();
        let load = move || async move {
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
        self.reported.get(key, self.parts.clock.now(), |_| true, load).await
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

/// The named consent, or the only periodic one.
fn choose<'a>(journey: &'a Journey, consent_id: &str) -> Result<&'a Consent, JourneyError> {
    if !consent_id.is_empty() {
        return journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound);
    }
    let mut periodic = journey.consents.iter().filter(|consent| consent.periodic);
    match (periodic.next(), periodic.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            let violation = Violation::new("consent_id", "is required: the journey has several periodic consents");
            Err(JourneyError::InvalidFields(vec![violation]))
        }
        // None is; the first one says why.
        (None, _) => journey.consents.first().ok_or(JourneyError::ConsentNotFound),
    }
}
