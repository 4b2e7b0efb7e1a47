//! FetchChanges: the difference of two snapshots of one consent, compared once and served in pages.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{Timestamp, civil::Date};

use super::{FetchChoice, Service, page, page_token, select::select};
use crate::{
    access::TenantId,
    cache::{Cached, Origin},
    data::{
        Entry,
        changes::{Changes, Days, Side, compare},
        filter::Filter,
        time::Day,
    },
    journey::{
        error::{Failure, JourneyError, Violation},
        model::{Consent, DayRange, Fetch, Journey},
    },
    pb::{ChangeCounts, View},
    providers::provider::Call,
};

/// A valid FetchChanges.
#[derive(Debug, Clone)]
pub struct ChangesQuery {
    /// The consent; empty takes that of the earlier fetch.
    pub consent_id: String,
    /// The earlier fetch.
    pub since_fetch_id: String,
    /// The newer fetch; empty takes the newest.
    pub fetch_id: String,
    /// The view, never UNSPECIFIED.
    pub view: View,
    /// Most bytes of entries.
    pub page_bytes: usize,
    /// The token of the page before; empty for the first.
    pub page_token: String,
}

/// A page of changes.
#[derive(Debug, Clone)]
pub struct ChangesPage {
    /// Encoded entries: fields 1 and 2 of FetchChangesResponse.
    pub entries: Vec<Bytes>,
    /// The token of the next page; empty on the last.
    pub next_page_token: String,
    /// The earlier fetch.
    pub since: Fetch,
    /// The newer fetch.
    pub fetch: Fetch,
    /// Their consent's id.
    pub consent_id: String,
    /// How much has changed in all.
    pub counts: ChangeCounts,
    /// Where the comparison comes from.
    pub origin: Origin,
}

/// Whose difference, in which view: tenant, earlier fetch, newer fetch.
pub(super) type DifferenceKey = (TenantId, String, String, View);

/// A comparison that was made.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    changes: Arc<Changes>,
    /// The normalisers of both, added up: it rises if either is made anew.
    version: u32,
    until: Timestamp,
}

impl Cached for Difference {
    fn weight(&self) -> usize {
        self.changes.rows.bytes.len() + self.changes.rows.entries.len() * size_of::<Entry>()
    }
    fn until(&self) -> Timestamp {
        self.until
    }
}

impl Service {
    /// A page of what lies between two fetches.
    pub async fn differences(&self, call: Call, journey: &Journey, query: ChangesQuery) -> Result<ChangesPage, Failure> {
        self.difference_page(call, journey, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn difference_page(&self, call: Call, journey: &Journey, mut query: ChangesQuery) -> Result<ChangesPage, JourneyError> {
        let page_bytes = query.page_bytes.to_string();
        let bound = [
            "changes",
            &journey.tenant,
            &journey.id,
            &query.consent_id,
            &query.since_fetch_id,
            query.view.as_str_name(),
            &page_bytes,
        ];
        let (mut begin, mut read_by) = (0, None);
        if !query.page_token.is_empty() {
            let position =
                page_token::read(&self.parts.tokens, &bound, &query.page_token).ok_or(JourneyError::PageTokenMismatch)?;
            query.fetch_id = position.fetch_id;
            begin = usize::try_from(position.entry).unwrap_or(usize::MAX);
            read_by = Some(position.normaliser_version);
        }
        let since = FetchChoice { fetch_id: query.since_fetch_id.clone(), ..FetchChoice::default() };
        let gathered = self.gathered(call, journey, &since).await?;
        let journey = gathered.as_ref().unwrap_or(journey);
        let (consent, since, fetch) = self.both(journey, &query)?;
        let (difference, origin) = self.difference(call, journey, consent, (since, fetch), query.view).await?;
        if read_by.is_some_and(|read_by| read_by != difference.version) {
            return Err(JourneyError::PageTokenMismatch);
        }
        let page = page::cut(&difference.changes.rows, &Filter::default(), begin, query.page_bytes)
            .ok_or(JourneyError::PageTokenMismatch)?;
        Ok(ChangesPage {
            next_page_token: page_token::next(&self.parts.tokens, &bound, &fetch.id, difference.version, page.next)?,
            entries: page.entries,
            since: since.clone(),
            fetch: fetch.clone(),
            consent_id: consent.id.clone(),
            counts: difference.changes.counts,
            origin,
        })
    }

    /// The consent and both fetches, if all may be served now.
    fn both<'a>(&self, journey: &'a Journey, query: &ChangesQuery) -> Result<(&'a Consent, &'a Fetch, &'a Fetch), JourneyError> {
        let now = self.parts.clock.now();
        let choose = |consent_id: &str, fetch_id: &str| {
            let choice =
                FetchChoice { consent_id: consent_id.to_owned(), fetch_id: fetch_id.to_owned(), ..FetchChoice::default() };
            select(journey, &choice, now, self.parts.pace.first)
        };
        let (consent, since) = choose(&query.consent_id, &query.since_fetch_id)?;
        let (_, fetch) = choose(&consent.id, &query.fetch_id)?;
        if age(consent, fetch) < age(consent, since) {
            let violation = Violation::new("fetch_id", "must not be older than since_fetch_id");
            return Err(JourneyError::InvalidFields(vec![violation]));
        }
        Ok((consent, since, fetch))
    }

    async fn difference(
        &self,
        call: Call,
        journey: &Journey,
        consent: &Consent,
        (since, fetch): (&Fetch, &Fetch),
        view: View,
    ) -> Result<(Difference, Origin), JourneyError> {
        let key = (self.parts.tenant.id.clone(), since.id.clone(), fetch.id.clone(), view);
        let this = self.clone();
        let (tenant, journey_id) = (journey.tenant.clone(), journey.id.clone());
        let side = |fetch: &Fetch| (self.reading(journey, consent, fetch, false), days(fetch.requested_range));
        let (since, fetch) = (side(since), side(fetch));
        let load = move || async move {
            let bytes = this.bytes_of(call, &journey_id, &since.0).await?;
            let bytes = bytes.saturating_add(this.bytes_of(call, &journey_id, &fetch.0).await?);
            let _room = this.room_for(call, bytes).await?;
            let (before, before_by) = this.read(call, &tenant, &journey_id, &since.0).await?;
            let (after, after_by) = this.read(call, &tenant, &journey_id, &fetch.0).await?;
            let version = before_by.normaliser_version.wrapping_add(after_by.normaliser_version);
            let compared = tokio::task::spawn_blocking(move || {
                let before = Side { rows: &before, asked: since.1 };
                compare(before, Side { rows: &after, asked: fetch.1 }, view)
                    .map_err(|_| JourneyError::Internal("snapshots cannot be compared"))
            });
            let changes = compared.await.map_err(|_| JourneyError::Internal("a comparison ended without an answer"))??;
            Ok(Difference { changes: Arc::new(changes), version, until: this.rows_until()? })
        };
        self.parts.differences.get(key, self.parts.clock.now(), |_| true, load).await
    }
}

/// Where a fetch stands among those of its consent, oldest first.
fn age(consent: &Consent, fetch: &Fetch) -> (Timestamp, Option<usize>) {
    (fetch.requested_at, consent.fetches.iter().position(|other| other.id == fetch.id))
}

fn days(range: DayRange) -> Days {
    let day = |date: Date| Day::new(date.year().try_into().ok()?, date.month().try_into().ok()?, date.day().try_into().ok()?);
    (range.from.and_then(day), range.to.and_then(day))
}
