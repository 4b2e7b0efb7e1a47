//! StreamData: the rows of a fetch as a run of chunks. What may be kept comes from the snapshot like a page; what may only be looked at
//! is asked of the provider for this very call and forgotten with it.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{
    FetchChoice, Service,
    complete::{self, Demand},
    data::known_accounts,
    pick_up::{Read, locate},
    reading::Reading,
    select::select,
};
use crate::{
    cache::{CachedRows, Origin, RowsKey},
    data::{EntryKind, Provenance, Rows, filter::Filter, view},
    journey::{
        error::{Failure, JourneyError},
        model::{Fetch, Journey},
        sharing::{keeps_nothing, may_bring},
    },
    memory::{Room, SMALL_BODY},
    pb::View,
    providers::provider::{Call, Target},
};

/// A valid StreamData.
#[derive(Debug, Clone)]
pub struct StreamQuery {
    /// Which fetch.
    pub choice: FetchChoice,
    /// What is demanded of the completeness.
    pub demand: Demand,
    /// The view, never UNSPECIFIED.
    pub view: View,
    /// Which rows of it.
    pub filter: Filter,
}

/// What is to be streamed.
#[derive(Debug, Clone)]
pub struct DataStream {
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
    /// How many accounts are chosen.
    pub accounts: usize,
    /// How many transactions are chosen.
    pub transactions: usize,
    /// How many bytes they take.
    pub bytes: usize,
    rows: Arc<Rows>,
    runs: Vec<Range<usize>>,
    room: Room,
}

impl Service {
    /// A journey's data as a stream.
    pub async fn stream(&self, call: Call, journey: &Journey, query: StreamQuery) -> Result<DataStream, Failure> {
        self.stream_of(call, journey, query).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn stream_of(&self, call: Call, journey: &Journey, query: StreamQuery) -> Result<DataStream, JourneyError> {
        let now = self.parts.clock.now();
        let open = query.choice.is_open();
        let gathered = self.gathered(call, journey, &query.choice).await?;
        let journey = gathered.as_ref().unwrap_or(journey);
        let (consent, fetch) = select(journey, &query.choice, now, self.parts.pace.first)?;
        let mut fetches = vec![fetch.clone()];
        let room;
        let (rows, provenance, origin) = if keeps_nothing(journey, consent, Some(fetch)) {
            let (rows, provenance, held) = self.passing_rows(call, journey, &fetch.id, open, query.view).await?;
            room = held;
            (Arc::new(rows), Arc::new(provenance), Origin::Miss)
        } else {
            let reading = self.reading(journey, consent, fetch, open);
            let (cached, held, origin) = self.streamed_rows(call, journey, &reading, query.view).await?;
            fetches = reading.fetches;
            room = held;
            (cached.rows, cached.provenance, origin)
        };
        // From here on the stream holds the rows alone.
        room.shrink_to(rows.bytes.len() as u64);
        complete::meets(query.demand, &fetches, &complete::others(journey, consent, open), &rows)?;
        known_accounts(&query.filter, &rows)?;
        let fetches = fetches.into_iter().map(|fetch| fetch.id).collect();
        let stream = DataStream::new(rows, &query.filter, fetch.clone(), consent.id.clone(), provenance, origin);
        Ok(DataStream { fetches, room, ..stream })
    }

    /// The rows of a stream, and their room for as long as the stream lasts, because its reader may be slow. Large rows bypass the cache: a
    /// shared load for another stream could wait for the room that this stream holds.
    async fn streamed_rows(
        &self,
        call: Call,
        journey: &Journey,
        reading: &Reading,
        view: View,
    ) -> Result<(CachedRows, Room, Origin), JourneyError> {
        let bytes = self.bytes_of(call, &journey.id, reading).await?;
        let room = self.room_for(call, bytes).await?;
        if bytes <= SMALL_BODY {
            let (cached, origin) = self.rows(call, journey, reading, view).await?;
            return Ok((cached, room, origin));
        }
        let key = RowsKey { tenant: self.parts.tenant.id.clone(), fetch_id: reading.key.clone(), view };
        if let Some(cached) = self.parts.caches.rows.peek(&key, self.parts.clock.now(), |_| true).await {
            return Ok((cached, room, Origin::Hit));
        }
        let (rows, provenance) = self.read(call, &journey.tenant, &journey.id, reading).await?;
        Ok((self.shown(rows, provenance, view).await?, room, Origin::Miss))
    }

    /// Rows that may only be looked at: one call of the provider, no store, no cache.
    async fn passing_rows(
        &self,
        call: Call,
        journey: &Journey,
        fetch_id: &str,
        open: bool,
        view: View,
    ) -> Result<(Rows, Provenance, Room), JourneyError> {
        let (attempt, consent, fetch) = locate(journey, fetch_id).ok_or(JourneyError::FetchNotFound)?;
        may_bring(journey, consent, Some(fetch), self.parts.clock.now())?;
        let provider = self.reader_of(journey)?;
        let target = Target { journey, attempt, consent, fetch: Some(fetch), accounts: &[] };
        let body = provider.fetch(call, target).await.map_err(JourneyError::from);
        let body = self.heeded(journey, &consent.id, body).await?;
        let body = self.share_of(provider.as_ref(), journey, (consent, fetch), open, body)?;
        let read = self.read_rows(call, journey, attempt, consent, fetch, Some(body)).await.map_err(JourneyError::from);
        let Read { rows, body } = self.heeded(journey, &consent.id, read).await?;
        let rows = if open { rows } else { self.own_rows(journey, consent, fetch, rows) };
        let rows = tokio::task::spawn_blocking(move || view::apply(&rows, view))
            .await
            .map_err(|_| JourneyError::Internal("showing rows ended without an answer"))?;
        Ok((rows, Provenance::read_now(body.endpoint, body.received_at), body.room))
    }
}

impl DataStream {
    fn new(
        rows: Arc<Rows>,
        filter: &Filter,
        fetch: Fetch,
        consent_id: String,
        provenance: Arc<Provenance>,
        origin: Origin,
    ) -> Self {
        let runs = filter.runs(&rows);
        let (mut accounts, mut transactions, mut bytes) = (0, 0, 0);
        for entry in runs.iter().filter_map(|run| rows.entries.get(run.clone())).flatten() {
            match entry.kind {
                EntryKind::Account => accounts += 1,
                EntryKind::Transaction => transactions += 1,
            }
            bytes += entry.len as usize;
        }
        Self {
            fetches: vec![fetch.id.clone()],
            fetch,
            consent_id,
            provenance,
            origin,
            accounts,
            transactions,
            bytes,
            rows,
            runs,
            room: Room::default(),
        }
    }

    /// The chosen entries, one behind the other, in pieces of at most `most` bytes. Each is cut when it is asked for: a slice of the
    /// kept bytes, or a copy where a filter leaves only scattered entries.
    pub fn into_chunks(self, most: usize) -> Chunks {
        Chunks { rows: self.rows, runs: self.runs.into_iter(), run: 0..0, rest: 0..0, most, _room: self.room }
    }
}

/// See [`DataStream::into_chunks`].
#[derive(Debug)]
pub struct Chunks {
    rows: Arc<Rows>,
    runs: std::vec::IntoIter<Range<usize>>,
    /// What is left of the run in hand, in entries.
    run: Range<usize>,
    /// What is left of an entry that is larger than a chunk, in bytes.
    rest: Range<usize>,
    most: usize,
    /// The room of the rows, as long as they are sent.
    _room: Room,
}

impl Chunks {
    /// The next piece of the large entry in hand.
    fn piece(&mut self) -> Bytes {
        let end = self.rest.end.min(self.rest.start + self.most);
        let piece = self.rows.bytes.slice(self.rest.start..end);
        self.rest.start = end;
        piece
    }

    /// As many entries of the run in hand as fit `room`.
    fn fitting(&mut self, room: usize) -> Bytes {
        let entries = self.rows.entries.get(self.run.clone()).unwrap_or_default();
        let Some(first) = entries.first() else { return Bytes::new() };
        let start = first.offset as usize;
        let count = entries.partition_point(|entry| entry.offset as usize + entry.len as usize - start <= room);
        let last = count.checked_sub(1).and_then(|last| entries.get(last));
        let stop = last.map_or(start, |last| last.offset as usize + last.len as usize);
        self.run.start += count;
        self.rows.bytes.slice(start..stop)
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if !self.rest.is_empty() {
            return Some(self.piece());
        }
        let mut slices: Vec<Bytes> = Vec::new();
        let mut used = 0;
        loop {
            if self.run.is_empty() {
                match self.runs.next() {
                    Some(run) => self.run = run,
                    None => break,
                }
            }
            let slice = self.fitting(self.most - used);
            if slice.is_empty() {
                if used == 0
                    && let Some(entry) = self.rows.entries.get(self.run.start)
                {
                    self.rest = entry.offset as usize..entry.offset as usize + entry.len as usize;
                    self.run.start += 1;
                    return Some(self.piece());
                }
                break;
            }
            used += slice.len();
            slices.push(slice);
        }
        match slices.len() {
            0 => None,
            1 => slices.pop(),
            _ => {
                let mut chunk = BytesMut::with_capacity(used);
                slices.iter().for_each(|slice| chunk.extend_from_slice(slice));
                Some(chunk.freeze())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::{
        data::{RowsBuilder, time::Day},
        journey::{model::FetchState, testing},
        pb::{self, FetchDataResponse},
    };

    /// One account with a row for each narration length; days rise from the first of January and begin again after 28 rows.
    fn rows(lens: &[usize]) -> Arc<Rows> {
        let mut builder = RowsBuilder::with_capacity(0);
        let head = pb::Account { account_id: "acc_1".to_owned(), ..Default::default() };
        builder.framed(EntryKind::Account, &FetchDataResponse { accounts: vec![head], ..Default::default() });
        for (at, len) in lens.iter().enumerate() {
            let row = pb::Transaction {
                ordinal: at as i32,
                transaction_date: Some(pb::Date { year: 2025, month: 1, day: 1 + at as i32 % 28 }),
                narration: "x".repeat(*len),
                ..Default::default()
            };
            builder.framed(EntryKind::Transaction, &FetchDataResponse { transactions: vec![row], ..Default::default() });
        }
        Arc::new(builder.finish().unwrap())
    }

    fn stream(rows: &Arc<Rows>, filter: &Filter) -> DataStream {
        let provenance = Arc::new(Provenance::read_now("call", jiff::Timestamp::UNIX_EPOCH));
        let fetch = testing::fetch(FetchState::Ready, true);
        DataStream::new(rows.clone(), filter, fetch, "cns_1".to_owned(), provenance, Origin::Hit)
    }

    proptest! {
        #[test]
        fn chunks_are_all_chosen_bytes_in_order_and_bounded(
            lens in proptest::collection::vec(0_usize..300, 0..60), most in 40_usize..600, first in 1_u8..29, days in 0_u8..28,
        ) {
            let rows = rows(&lens);
            let last = (first + days).min(28);
            let range = (Day::new(2025, 1, first).unwrap(), Day::new(2025, 1, last).unwrap());
            for filter in [Filter::default(), Filter { days: Some(range), ..Filter::default() }] {
                let stream = stream(&rows, &filter);
                let (counts, bytes) = ((stream.accounts, stream.transactions), stream.bytes);
                let chunks: Vec<Bytes> = stream.into_chunks(most).collect();
                prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= most));
                let whole = chunks.concat();
                prop_assert_eq!(whole.len(), bytes);
                let found = FetchDataResponse::decode(&whole[..]).unwrap();
                prop_assert_eq!((found.accounts.len(), found.transactions.len()), counts);
                let wanted = (0..lens.len()).filter(|at| {
                    filter.is_empty() || (first..=last).contains(&(1 + (at % 28) as u8))
                });
                prop_assert!(found.transactions.iter().map(|row| row.ordinal as usize).eq(wanted));
            }
        }
    }

    #[test]
    fn only_what_is_larger_than_a_chunk_is_split() {
        let rows = rows(&[100, 5_000, 100, 100]);
        let chunks: Vec<Bytes> = stream(&rows, &Filter::default()).into_chunks(1_024).collect();
        assert!(FetchDataResponse::decode(&chunks[0][..]).is_ok());
        assert!(FetchDataResponse::decode(&chunks[chunks.len() - 1][..]).is_ok());
        assert_eq!(chunks.len(), 1 + 5 + 1);
    }

    #[test]
    fn a_run_without_gaps_is_sent_without_a_copy() {
        let rows = rows(&[100; 100]);
        let at = rows.bytes.as_ptr() as usize;
        for chunk in stream(&rows, &Filter::default()).into_chunks(4_096) {
            assert!((at..at + rows.bytes.len()).contains(&(chunk.as_ptr() as usize)));
        }
    }
}
