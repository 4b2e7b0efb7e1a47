//! Picks up an attempt that is served as a whole: the provider is asked once, and its answer is kept apart for each unit of consents.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::{
    Service,
    pick_up::{Kept, PickedUp, Read, fetch_mut, locate},
};
use crate::{
    journey::{
        error::JourneyError,
        machine::fetch_usable,
        model::{Consent, Fetch, FetchState, Journey},
        sharing::keeps_nothing,
        transaction::{Member, Transaction, data_end},
    },
    providers::{
        call_notes::{self, CallNote},
        error::ProviderError,
        provider::{Body, Call, Provider, Target},
    },
};

/// What became of one unit.
struct Done {
    carrier: String,
    fetches: Vec<String>,
    kept: Option<(Kept, Timestamp)>,
}

/// Whether the rows of a unit may be kept now.
fn is_keepable(journey: &Journey, unit: &[Member<'_>]) -> bool {
    unit.iter().all(|member| {
        let new = member.fetch.picked_up_at.is_none() && member.fetch.purge.is_none();
        new && member.fetch.settled
            && fetch_usable(member.fetch.state)
            && !keeps_nothing(journey, member.consent, Some(member.fetch))
    })
}

impl Service {
    pub(super) async fn pick_up_shared(
        &self,
        call: Call,
        journey: &Journey,
        fetch_id: &str,
        body: Option<Body>,
    ) -> Result<PickedUp, JourneyError> {
        let (attempt, consent, fetch) = locate(journey, fetch_id).ok_or(JourneyError::FetchNotFound)?;
        let transaction = Transaction::of(journey, consent, fetch).ok_or(JourneyError::FetchNotFound)?;
        let units = transaction.units();
        let keepable = |unit: &Vec<Member<'_>>| is_keepable(journey, unit);
        let wanted: Vec<Vec<Member<'_>>> = units.iter().filter(|unit| keepable(unit)).cloned().collect();
        if !wanted.iter().flatten().any(|member| member.fetch.id == fetch_id) {
            // A consent whose rows cannot be told from these has not settled.
            return Err(JourneyError::DataNotReady(self.parts.pace.first));
        }
        let result = async {
            let provider = self.reader_of(journey)?;
            let body = match body {
                Some(body) => body,
                None => provider.fetch(call, Target { journey, attempt, consent, fetch: Some(fetch), accounts: &[] }).await?,
            };
            let groups = divided(provider.as_ref(), &transaction, wanted, units.len(), body)?;
            let mut read = Vec::new();
            for (unit, body) in groups {
                let rows = match (&body, unit.first()) {
                    (Some(body), Some(first)) => {
                        let asked = super::pick_up::Asking::of_unit(&unit, first.fetch);
                        let bytes = body.bytes.clone();
                        Some(self.normalise(provider.clone(), journey, first.consent, asked, bytes, body.received_at).await?)
                    }
                    _ => None,
                };
                read.push((unit, rows.zip(body)));
            }
            Ok::<_, ProviderError>(read)
        };
        let (result, calls) = call_notes::collect(result).await;
        let read = match result {
            Ok(read) => read,
            Err(error) => {
                let all: Vec<String> = transaction.members.iter().map(|member| member.fetch.id.clone()).collect();
                self.note_pick_up_failure(journey, &all, &error, &calls).await?;
                return self.heeded(journey, &consent.id, Err(error.into())).await;
            }
        };
        let mut done = Vec::new();
        for (unit, read) in read {
            let Some(first) = unit.first() else { continue };
            let kept = match read {
                Some((rows, body)) => {
                    let ends = unit.iter().filter_map(|member| data_end(journey, member.consent, member.fetch)).min();
                    let purge_at = self.purge_date(ends);
                    match self.put(journey, (first.consent, first.fetch), purge_at, Read { rows, body }).await {
                        Ok(kept) => Some((kept, purge_at)),
                        // Withdrawn while the rows were on their way: the other units are none of its business.
                        Err(JourneyError::DataPurged) => continue,
                        Err(error) => return Err(error),
                    }
                }
                None => None,
            };
            let fetches = unit.iter().map(|member| member.fetch.id.clone()).collect();
            done.push(Done { carrier: first.fetch.id.clone(), fetches, kept });
        }
        self.note_units(journey, &attempt.id, &done, &calls).await?;
        let picked_up = done.iter().any(|unit| unit.fetches.iter().any(|id| id == fetch_id));
        if picked_up { Ok(PickedUp) } else { Err(JourneyError::DataPurged) }
    }

    async fn note_units(
        &self,
        journey: &Journey,
        attempt_id: &str,
        done: &[Done],
        calls: &[CallNote],
    ) -> Result<(), JourneyError> {
        let now = self.parts.clock.now();
        let noted = self.change(&journey.tenant, &journey.id, |journey| {
            journey.note_calls(attempt_id, calls);
            for unit in done {
                for id in &unit.fetches {
                    if let Some(fetch) = fetch_mut(journey, id) {
                        note(fetch, unit, now);
                    }
                }
            }
        });
        let (after, ()) = noted.await.map_err(|failure| failure.error)?;
        for unit in done {
            if let Some((_, purge_at)) = unit.kept {
                self.end_in_time(&after, &unit.carrier, purge_at).await?;
            }
            self.drop_homeless(&after, &unit.carrier).await?;
        }
        Ok(())
    }

    /// The part of a body that a read without a snapshot may have: the units that are not fenced, or the one of the named fetch.
    pub(super) fn share_of(
        &self,
        provider: &dyn Provider,
        journey: &Journey,
        (consent, fetch): (&Consent, &Fetch),
        open: bool,
        body: Body,
    ) -> Result<Body, JourneyError> {
        let Some(transaction) = Transaction::of(journey, consent, fetch) else { return Ok(body) };
        let wanted = |unit: &Vec<Member<'_>>| {
            let fenced = unit.iter().any(|member| member.fetch.purge.is_some());
            !fenced && (open || unit.iter().any(|member| member.fetch.id == fetch.id))
        };
        let units = transaction.units();
        let wanted: Vec<Vec<Member<'_>>> = units.iter().filter(|unit| wanted(unit)).cloned().collect();
        let (all, flat) = (units.len(), vec![wanted.into_iter().flatten().collect::<Vec<_>>()]);
        if flat.iter().all(Vec::is_empty) {
            return Err(JourneyError::DataPurged);
        }
        // Also where there is one unit: the provider repeats an account that two consents list.
        let mut shares = divided(provider, &transaction, flat, all, body)?.into_iter();
        shares.next().and_then(|(_, body)| body).ok_or(JourneyError::NoAccounts)
    }
}

fn note(fetch: &mut Fetch, unit: &Done, now: Timestamp) {
    fetch.picked_up_at = Some(now);
    fetch.pick_up_failure = None;
    fetch.rows_with = Some(unit.carrier.clone());
    let Some((kept, _)) = &unit.kept else {
        fetch.state = FetchState::Empty;
        return;
    };
    // Counted where they are kept, and nowhere a second time.
    if fetch.id == unit.carrier {
        kept.note(fetch);
    }
}

/// A unit with its share of a body; none where the body has no row of it.
type Share<'a> = (Vec<Member<'a>>, Option<Body>);

/// The units with their shares of a body. Accounts that no list names are the uploaded statements', if there are any; else they cannot be
/// told apart: they make one unit of all, and are left out where the rows of some consent are not wanted.
fn divided<'a>(
    provider: &dyn Provider,
    transaction: &Transaction<'_>,
    mut wanted: Vec<Vec<Member<'a>>>,
    units: usize,
    body: Body,
) -> Result<Vec<Share<'a>>, ProviderError> {
    let count: usize = wanted.iter().map(Vec::len).sum();
    let all = count == transaction.members.len();
    if let (1, true, 1) = (wanted.len(), all, units) {
        let unit = wanted.pop().unwrap_or_default();
        let one = unit.len() == 1;
        let share = if one { None } else { provider.divide(&body, &|_| Some(0), 1).ok().and_then(|mut shares| shares.pop()?) };
        // Nothing was left out: the provider's own bytes are kept.
        let share = share.filter(|share| share.bytes.len() < body.bytes.len()).unwrap_or(body);
        return Ok(vec![(unit, Some(share))]);
    }
    let unlisted = AtomicBool::new(false);
    let uploaded = wanted.iter().position(|unit| unit.iter().any(|member| member.consent.uploaded));
    let any_upload = transaction.members.iter().any(|member| member.consent.uploaded);
    let part_of = |link: Option<&str>| {
        let lists = |member: &Member<'_>| link.is_some_and(|link| member.lists(link));
        if transaction.members.iter().any(lists) {
            return wanted.iter().position(|unit| unit.iter().any(lists));
        }
        if !any_upload {
            unlisted.store(true, Ordering::Relaxed);
        }
        uploaded
    };
    let shares = provider.divide(&body, &part_of, wanted.len());
    let whole = |mut wanted: Vec<Vec<Member<'a>>>, body| {
        let unit: Vec<Member<'a>> = wanted.drain(..).flatten().collect();
        Ok(vec![(unit, Some(body))])
    };
    match shares {
        Ok(_) if all && unlisted.load(Ordering::Relaxed) => whole(wanted, body),
        Ok(shares) => Ok(wanted.into_iter().zip(shares).collect()),
        // A body that cannot be divided is kept together.
        Err(_) if all => whole(wanted, body),
        Err(error) => Err(error),
    }
}
