//! FetchData: a page is a run of encoded entries of a snapshot; several runs, if a filter chooses among them.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    FetchChoice, Service,
    complete::{self, Demand},
    page, page_token,
    reading::{Reading, fetch_of_token},
    select::select,
};
use crate::{
    access::TenantId,
    cache::{CachedRows, Origin, RowsKey},
    data::{Provenance, Rows, filter::Filter, view},
    journey::{
        error::{Failure, JourneyError, Violation},
        model::{Fetch, Journey},
    },
    pb::View,
    providers::provider::Call,
    store::KeptSnapshot,
};

/// A valid FetchData.
#[derive(Debug, Clone)]
pub struct DataQuery {
    /// Which fetch.
    pub choice: FetchChoice,
    /// What is demanded of the completeness.
    pub demand: Demand,
    /// The view, never UNSPECIFIED.
    pub view: View,
    /// Which rows of it.
    pub filter: Filter,
    /// Most bytes of entries.
    pub page_bytes: usize,
    /// The token of the page before; empty for the first.
    pub page_token: String,
}

/// A page.
#[derive(Debug, Clone)]
pub struct DataPage {
    /// Encoded entries, fields 1 and 2 of FetchDataResponse: slices of the kept bytes.
    pub entries: Vec<Bytes>,
    /// The token of the next page; empty on the last.
    pub next_page_token: String,
    /// The fetch.
    pub fetch: Fetch,
    /// Its consent's id.
    pub consent_id: String,
    /// Ids of all fetches whose rows it may hold: several of an attempt that is served as a whole.
    pub fetches: Vec<String>,
    /// Where the rows come from.
    pub provenance: Arc<Provenance>,
    /// Whether they were in memory.
    pub origin: Origin,
    /// Which bytes of which rows it is, where it is one run of them without a choice among them: such a page is asked for again.
    pub run: Option<Run>,
}

/// A run of a fetch's encoded rows.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whose rows, in which view.
    pub rows: RowsKey,
    /// From where to where.
    pub range: (u32, u32),
    /// Until when they may be served.
    pub until: Timestamp,
}

impl Service {
    /// A page of a journey's data.
    pub async fn data(&self, call: Call, journey: &Journey, query: DataQuery) -> Result<DataPage, Failure> {
        self.page(call, journey, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn page(&self, call: Call, journey: &Journey, mut query: DataQuery) -> Result<DataPage, JourneyError> {
        let bound = self.bound(journey, &query);
        let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
        let open = query.choice.is_open();
        let (mut begin, mut read_by, mut token) = (0, None, None);
        if !query.page_token.is_empty() {
            let position =
                page_token::read(&self.parts.tokens, &bound, &query.page_token).ok_or(JourneyError::PageTokenMismatch)?;
            query.choice.fetch_id = fetch_of_token(&position.fetch_id).to_owned();
            token = Some(position.fetch_id);
            begin = usize::try_from(position.entry).unwrap_or(usize::MAX);
            read_by = Some(position.normaliser_version);
        }
        let now = self.parts.clock.now();
        let gathered = self.gathered(call, journey, &query.choice).await?;
        let journey = gathered.as_ref().unwrap_or(journey);
        let (consent, fetch) = select(journey, &query.choice, now, self.parts.pace.first)?;
        let reading = self.reading(journey, consent, fetch, open);
        // Some of what the page before was cut from is not served any more.
        if token.is_some_and(|token| token != reading.token(fetch)) {
            return Err(JourneyError::PageTokenMismatch);
        }
        let (cached, origin) = self.rows(call, journey, &reading, query.view).await?;
        // The rows were made anew since the page before.
        let version = cached.provenance.normaliser_version;
        if read_by.is_some_and(|read_by| read_by != version) {
            return Err(JourneyError::PageTokenMismatch);
        }
        complete::meets(query.demand, &reading.fetches, &complete::others(journey, consent, open), &cached.rows)?;
        known_accounts(&query.filter, &cached.rows)?;
        let page = page::cut(&cached.rows, &query.filter, begin, query.page_bytes).ok_or(JourneyError::PageTokenMismatch)?;
        let next_page_token = page_token::next(&self.parts.tokens, &bound, &reading.token(fetch), version, page.next)?;
        let run = run_of(&self.parts.tenant.id, &reading.key, &query, &cached, begin, &page.entries);
        let (entries, provenance) = (page.entries, cached.provenance);
        let fetches = reading.fetches.iter().map(|fetch| fetch.id.clone()).collect();
        Ok(DataPage {
            entries,
            next_page_token,
            fetch: fetch.clone(),
            consent_id: consent.id.clone(),
            fetches,
            provenance,
            origin,
            run,
        })
    }

    /// Everything that the pages of one reading must agree on.
    fn bound(&self, journey: &Journey, query: &DataQuery) -> [String; 8] {
        [
            journey.tenant.clone(),
            journey.id.clone(),
            query.choice.consent_id.clone(),
            query.demand.require_complete.to_string(),
            query.demand.accept_assumed_range.to_string(),
            query.view.as_str_name().to_owned(),
            query.page_bytes.to_string(),
            query.filter.fingerprint(),
        ]
    }

    /// The rows of a read in a view: from the cache, the snapshots, or, where none is picked up yet, the provider.
    pub(super) async fn rows(
        &self,
        call: Call,
        journey: &Journey,
        reading: &Reading,
        view: View,
    ) -> Result<(CachedRows, Origin), JourneyError> {
        let key = RowsKey { tenant: self.parts.tenant.id.clone(), fetch_id: reading.key.clone(), view };
        let this = self.clone();
        let (tenant, journey_id, reading) = (journey.tenant.clone(), journey.id.clone(), reading.clone());
        let load = move || async move {
            let _room = this.room_for(call, this.bytes_of(call, &journey_id, &reading).await?).await?;
            let (rows, provenance) = this.read(call, &tenant, &journey_id, &reading).await?;
            this.shown(rows, provenance, view).await
        };
        self.parts.caches.rows.get(key, self.parts.clock.now(), |_| true, load).await
    }

    /// The rows in a view, as the cache holds them.
    pub(super) async fn shown(&self, rows: Rows, provenance: Provenance, view: View) -> Result<CachedRows, JourneyError> {
        let rows = tokio::task::spawn_blocking(move || shown(rows, view));
        let rows = rows.await.map_err(|_| JourneyError::Internal("showing a snapshot ended without an answer"))?;
        Ok(CachedRows { rows: Arc::new(rows), provenance: Arc::new(provenance), until: self.rows_until()? })
    }

    /// A fetch's snapshot, picked up from the provider where that has not been done yet.
    pub(super) async fn kept(
        &self,
        call: Call,
        tenant: &str,
        journey_id: &str,
        fetch_id: &str,
    ) -> Result<KeptSnapshot, JourneyError> {
        if let Some(kept) = self.parts.store.snapshot(tenant, fetch_id).await? {
            return Ok(kept);
        }
        self.pick_up(call, tenant, journey_id, fetch_id, None).await?;
        self.parts.store.snapshot(tenant, fetch_id).await?.ok_or(JourneyError::DataExpired)
    }

    /// Until when rows that are loaded now may be served without asking the store.
    pub(super) fn rows_until(&self) -> Result<Timestamp, JourneyError> {
        let until = self.parts.clock.now().checked_add(self.parts.caches.settings.rows_life);
        until.map_err(|_| JourneyError::Internal("the clock is out of range"))
    }
}

/// What an unfiltered page from entry `begin` is a run of.
fn run_of(
    tenant: &TenantId,
    fetch_id: &str,
    query: &DataQuery,
    cached: &CachedRows,
    begin: usize,
    entries: &[Bytes],
) -> Option<Run> {
    let ([page], true) = (entries, query.filter.is_empty()) else { return None };
    let start = cached.rows.entries.get(begin)?.offset;
    let stop = start.checked_add(u32::try_from(page.len()).ok()?)?;
    let rows = RowsKey { tenant: tenant.clone(), fetch_id: fetch_id.to_owned(), view: query.view };
    Some(Run { rows, range: (start, stop), until: cached.until })
}

/// The rows of a snapshot as a view shows them. The FULL view is the snapshot itself.
fn shown(rows: Rows, view: View) -> Rows {
    if view == View::Full { rows } else { view::apply(&rows, view) }
}

/// The rows of a snapshot.
pub(super) fn opened(kept: Vec<u8>) -> Result<Rows, JourneyError> {
    Rows::from_kept_bytes(kept).map_err(|_| JourneyError::Internal("a snapshot cannot be read"))
}

/// Refuses a filter that names an account which the fetch does not have: choosing nothing would hide a mistake.
pub(super) fn known_accounts(filter: &Filter, rows: &Rows) -> Result<(), JourneyError> {
    let violation = |place| Violation::new(format!("account_ids[{place}]"), "must be an account of the fetch");
    let strangers: Vec<Violation> = filter.strangers(rows).into_iter().map(violation).collect();
    if strangers.is_empty() { Ok(()) } else { Err(JourneyError::InvalidFields(strangers)) }
}
