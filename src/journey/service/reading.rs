//! Which snapshots a read takes. The rows of a fetch lie in its own snapshot; those of an attempt that is served as a whole lie in one
//! snapshot for each unit of it, and a read that names neither consent nor fetch takes them all.

use jiff::Timestamp;

use super::{
    FetchChoice, Service,
    data::opened,
    select::{is_served, select},
};
use crate::{
    data::{Provenance, Rows, account_id},
    journey::{
        error::JourneyError,
        model::{Consent, Fetch, Journey},
        sharing::keeps_nothing,
        transaction::{Member, Transaction},
    },
    providers::provider::Call,
};

/// One snapshot of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// The fetch whose snapshot it is.
    snapshot: String,
    /// Accounts of it that the read leaves out, by `account_id`.
    without: Vec<String>,
}

/// The snapshots of a read, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// Names the rows: two reads with the same key read the same.
    pub(super) key: String,
    /// The fetches that are read.
    pub(super) fetches: Vec<Fetch>,
    parts: Vec<Part>,
}

impl FetchChoice {
    /// Whether it names neither consent nor fetch.
    pub(super) fn is_open(&self) -> bool {
        self.consent_id.is_empty() && self.fetch_id.is_empty()
    }
}

impl Reading {
    /// The fetches whose snapshots it takes.
    pub(super) fn snapshots(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.snapshot.as_str())
    }

    /// A page token's text for it: the chosen fetch, and the key where that is another text.
    pub(super) fn token(&self, fetch: &Fetch) -> String {
        if self.key == fetch.id { self.key.clone() } else { format!("{}|{}", fetch.id, self.key) }
    }
}

/// The fetch that a page token names, whatever else it holds.
pub(super) fn fetch_of_token(token: &str) -> &str {
    token.split('|').next().unwrap_or(token)
}

impl Service {
    /// What a read of a chosen fetch takes; `open` where the caller named neither consent nor fetch.
    pub(super) fn reading(&self, journey: &Journey, consent: &Consent, fetch: &Fetch, open: bool) -> Reading {
        let Some(transaction) = Transaction::of(journey, consent, fetch) else {
            let part = Part { snapshot: fetch.id.clone(), without: Vec::new() };
            return Reading { key: fetch.id.clone(), fetches: vec![fetch.clone()], parts: vec![part] };
        };
        if open { self.whole(journey, &transaction) } else { self.of_one(&transaction, fetch) }
    }

    /// All of a transaction that may be served.
    fn whole(&self, journey: &Journey, transaction: &Transaction<'_>) -> Reading {
        let now = self.parts.clock.now();
        let served = |member: &&Member<'_>| {
            is_served(journey, member.consent, member.fetch, now).is_ok()
                && !keeps_nothing(journey, member.consent, Some(member.fetch))
        };
        let members: Vec<&Member<'_>> = transaction.members.iter().filter(served).collect();
        let mut snapshots: Vec<String> = Vec::new();
        for member in &members {
            let snapshot = snapshot_of(member.fetch);
            if !snapshots.iter().any(|known| known == snapshot) {
                snapshots.push(snapshot.to_owned());
            }
        }
        Reading {
            key: snapshots.join("+"),
            fetches: members.iter().map(|member| member.fetch.clone()).collect(),
            parts: snapshots.into_iter().map(|snapshot| Part { snapshot, without: Vec::new() }).collect(),
        }
    }

    /// One fetch of a transaction: its unit, without the accounts that only other consents list.
    fn of_one(&self, transaction: &Transaction<'_>, fetch: &Fetch) -> Reading {
        let snapshot = snapshot_of(fetch).to_owned();
        let without = self.listed_for_others(transaction, fetch, &snapshot);
        let key = if without.is_empty() { snapshot.clone() } else { format!("{snapshot}/{}", fetch.id) };
        Reading { key, fetches: vec![fetch.clone()], parts: vec![Part { snapshot, without }] }
    }

    /// The accounts of a fetch's unit that only other consents list, by `account_id`. `carrier` is the fetch under whose consent the rows
    /// have their ids.
    fn listed_for_others(&self, transaction: &Transaction<'_>, fetch: &Fetch, carrier: &str) -> Vec<String> {
        let unit = transaction.unit_of(&fetch.id);
        let carrier = unit.iter().find(|member| member.fetch.id == carrier).map(|member| member.consent.id.as_str());
        let mine = unit.iter().find(|member| member.fetch.id == fetch.id);
        let (Some(carrier), Some(mine)) = (carrier, mine.filter(|mine| !mine.fetch.accounts.is_empty())) else {
            return Vec::new();
        };
        let listed = unit.iter().flat_map(|member| &member.fetch.accounts);
        let others = listed.filter(|account| !mine.lists(&account.link_ref));
        others.map(|account| account_id(&self.parts.ids, carrier, &account.link_ref)).collect()
    }

    /// The rows of a fetch that were read for this call alone, without the accounts that only other consents list.
    pub(super) fn own_rows(&self, journey: &Journey, consent: &Consent, fetch: &Fetch, rows: Rows) -> Rows {
        let Some(transaction) = Transaction::of(journey, consent, fetch) else { return rows };
        let without = self.listed_for_others(&transaction, fetch, &fetch.id);
        if without.is_empty() { rows } else { rows.without(&without) }
    }

    /// Picks up the transaction of a chosen fetch where that has not been done: only then is it known which snapshots hold its rows.
    /// Answers the tree afterwards; `None` where nothing was to be done.
    pub(super) async fn gathered(
        &self,
        call: Call,
        journey: &Journey,
        choice: &FetchChoice,
    ) -> Result<Option<Journey>, JourneyError> {
        let (consent, fetch) = select(journey, choice, self.parts.clock.now(), self.parts.pace.first)?;
        let known = fetch.rows_with.is_some() || keeps_nothing(journey, consent, Some(fetch));
        if known || Transaction::of(journey, consent, fetch).is_none() {
            return Ok(None);
        }
        self.pick_up(call, &journey.tenant, &journey.id, &fetch.id, None).await?;
        self.load(&journey.tenant, &journey.id).await.map(Some).map_err(|failure| failure.error)
    }

    /// The rows of a read, in full, from the snapshots. The caller has room for [`Service::bytes_of`] it.
    pub(super) async fn read(
        &self,
        call: Call,
        tenant: &str,
        journey_id: &str,
        reading: &Reading,
    ) -> Result<(Rows, Provenance), JourneyError> {
        let mut read: Vec<Rows> = Vec::with_capacity(reading.parts.len());
        let mut provenance = None;
        for part in &reading.parts {
            let kept = self.kept(call, tenant, journey_id, &part.snapshot).await?;
            let rows = opened(kept.rows)?;
            read.push(if part.without.is_empty() { rows } else { rows.without(&part.without) });
            provenance.get_or_insert(kept.provenance);
        }
        let provenance = provenance.ok_or(JourneyError::DataExpired)?;
        let rows = match read.len() {
            1 => read.pop(),
            _ => Rows::joined(&read),
        };
        Ok((rows.ok_or(JourneyError::Internal("too many rows"))?, provenance))
    }
}

/// The fetch whose snapshot holds a fetch's rows.
pub(super) fn snapshot_of(fetch: &Fetch) -> &str {
    fetch.rows_with.as_deref().unwrap_or(&fetch.id)
}

/// When the last read of what a transaction brought must be over.
pub(super) fn end_of_all(transaction: &Transaction<'_>) -> Option<Timestamp> {
    transaction.members.iter().filter_map(|member| member.fetch.data_expires_at).min()
}
