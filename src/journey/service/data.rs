//! FetchData: a page is a run of encoded entries of a snapshot.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    FetchChoice, Service,
    page_token::{self, Position},
    select::select,
};
use crate::{
    cache::{CachedRows, Origin, RowsKey},
    data::{Entry, Provenance, Rows, view},
    journey::{
        error::{Failure, JourneyError},
        model::{Fetch, Journey},
    },
    pb::View,
    providers::provider::Call,
};

/// A valid FetchData.
#[derive(Debug, Clone)]
pub struct DataQuery {
    /// Which fetch.
    pub choice: FetchChoice,
    /// The view, never UNSPECIFIED.
    pub view: View,
    /// Most bytes of entries.
    pub page_bytes: usize,
    /// The token of the page before; empty for the first.
    pub page_token: String,
}

/// A page.
#[derive(Debug, Clone)]
pub struct DataPage {
    /// Encoded entries: fields 1 and 2 of FetchDataResponse.
    pub entries: Bytes,
    /// The token of the next page; empty on the last.
    pub next_page_token: String,
    /// The fetch.
    pub fetch: Fetch,
    /// Its consent's id.
    pub consent_id: String,
    /// Where the rows come from.
    pub provenance: Arc<Provenance>,
    /// Whether they were in memory.
    pub origin: Origin,
}

impl Service {
    /// A page of a journey's data.
    pub async fn data(&self, call: Call, journey: &Journey, query: DataQuery) -> Result<DataPage, Failure> {
        self.page(call, journey, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn page(&self, call: Call, journey: &Journey, mut query: DataQuery) -> Result<DataPage, JourneyError> {
        if query.view == View::Full && !self.parts.tenant.full_view {
            return Err(JourneyError::ViewNotAllowed);
        }
        let bound = self.bound(journey, &query);
        let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
        let (mut begin, mut read_by) = (0, None);
        if !query.page_token.is_empty() {
            let position = page_token::read(&self.tokens, &bound, &query.page_token).ok_or(JourneyError::PageTokenMismatch)?;
            query.choice.fetch_id = position.fetch_id;
            begin = usize::try_from(position.entry).unwrap_or(usize::MAX);
            read_by = Some(position.normaliser_version);
        }
        let now = self.parts.clock.now();
        let (consent, fetch) = select(journey, &query.choice, now, self.parts.pace.first)?;
        let (cached, origin) = self.rows(call, journey, &fetch.id, query.view).await?;
        let normaliser_version = cached.provenance.normaliser_version;
        // The rows were made anew since the page before.
        if read_by.is_some_and(|version| version != normaliser_version) {
            return Err(JourneyError::PageTokenMismatch);
        }
        let (entries, end) = cut(&cached.rows, begin, query.page_bytes).ok_or(JourneyError::PageTokenMismatch)?;
        let next_page_token = if end < cached.rows.entries.len() {
            let entry = u32::try_from(end).map_err(|_| JourneyError::Internal("too many entries"))?;
            page_token::write(&self.tokens, &bound, &Position { fetch_id: fetch.id.clone(), normaliser_version, entry })
        } else {
            String::new()
        };
        let provenance = cached.provenance;
        Ok(DataPage { entries, next_page_token, fetch: fetch.clone(), consent_id: consent.id.clone(), provenance, origin })
    }

    /// Everything that the pages of one reading must agree on.
    fn bound(&self, journey: &Journey, query: &DataQuery) -> [String; 6] {
        [
            journey.tenant.clone(),
            journey.id.clone(),
            query.choice.consent_id.clone(),
            query.choice.require_complete.to_string(),
            query.view.as_str_name().to_owned(),
            query.page_bytes.to_string(),
        ]
    }

    /// A fetch's rows in a view: from the cache, the snapshot, or, where none is picked up yet, the provider.
    async fn rows(
        &self,
        call: Call,
        journey: &Journey,
        fetch_id: &str,
        view: View,
    ) -> Result<(CachedRows, Origin), JourneyError> {
        let key = RowsKey { tenant: journey.tenant.clone(), fetch_id: fetch_id.to_owned(), view };
        let this = self.clone();
        let (tenant, journey_id, fetch_id) = (journey.tenant.clone(), journey.id.clone(), fetch_id.to_owned());
        let load = move || async move {
            let kept = match this.parts.store.snapshot(&tenant, &fetch_id).await? {
                Some(kept) => kept,
                None => {
                    this.pick_up(call, &tenant, &journey_id, &fetch_id, None).await?;
                    this.parts.store.snapshot(&tenant, &fetch_id).await?.ok_or(JourneyError::DataExpired)?
                }
            };
            let provenance = Arc::new(kept.provenance);
            let rows = tokio::task::spawn_blocking(move || {
                let rows = Rows::from_kept_bytes(kept.rows).map_err(|_| JourneyError::Internal("a snapshot cannot be read"))?;
                Ok::<_, JourneyError>(view::apply(&rows, view))
            });
            let rows = rows.await.map_err(|_| JourneyError::Internal("showing a snapshot ended without an answer"))??;
            let until = this
                .parts
                .clock
                .now()
                .checked_add(this.parts.caches.settings.rows_life)
                .map_err(|_| JourneyError::Internal("the clock is out of range"))?;
            Ok(CachedRows { rows: Arc::new(rows), provenance, until })
        };
        self.parts.caches.rows.get(key, self.parts.clock.now(), |_| true, load).await
    }
}

/// The entries from `begin` that fit `page_bytes`, at least one, and the entry after them; `None` where `begin` lies beyond the end.
fn cut(rows: &Rows, begin: usize, page_bytes: usize) -> Option<(Bytes, usize)> {
    if rows.entries.is_empty() && begin == 0 {
        return Some((Bytes::new(), 0));
    }
    let first = rows.entries.get(begin)?;
    let start = first.offset as usize;
    let stop = |entry: &Entry| entry.offset as usize + entry.len as usize;
    // Entries follow one another, so the last that fits is found by halving.
    let further = rows.entries[begin + 1..].partition_point(|entry| stop(entry) - start <= page_bytes);
    let last = rows.entries.get(begin + further).unwrap_or(first);
    Some((rows.bytes.slice(start..stop(last)), begin + further + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EntryKind;

    fn rows(lens: &[u32]) -> Rows {
        let mut offset = 0;
        let entries = lens
            .iter()
            .map(|len| {
                let entry = Entry { kind: EntryKind::Transaction, offset, len: *len };
                offset += len;
                entry
            })
            .collect();
        Rows { bytes: Bytes::from(vec![0; offset as usize]), entries, accounts: 0, transactions: lens.len() as u64 }
    }

    #[test]
    fn pages_cover_every_entry_once_and_keep_their_bound() {
        let rows = rows(&[10, 20, 5, 50, 1, 1]);
        let mut begin = 0;
        let mut sizes = Vec::new();
        while begin < rows.entries.len() {
            let (bytes, end) = cut(&rows, begin, 30).unwrap();
            sizes.push(bytes.len());
            begin = end;
        }
        // The entry that is larger than a page gets one of its own.
        assert_eq!(sizes, [30, 5, 50, 2]);
        assert!(cut(&rows, 6, 30).is_none());
    }

    #[test]
    fn a_fetch_without_rows_is_one_empty_page() {
        assert_eq!(cut(&rows(&[]), 0, 30).unwrap(), (Bytes::new(), 0));
    }
}
