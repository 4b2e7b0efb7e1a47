//! An attempt that the provider serves as a whole: one answer of the provider holds the data of all its consents. Each consent has its own
//! fetch; the account lists of the fetches decide which rows belong to which consent. Rows that they do not tell apart form one *unit*,
//! which is kept, served and removed together.

use jiff::Timestamp;

use super::{
    machine::fetch_usable,
    model::{Asking, Consent, ConsentState, Fetch, Journey},
    withdraw::Purge,
};

/// One consent's part of the answer.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The consent.
    pub consent: &'a Consent,
    /// Its fetch.
    pub fetch: &'a Fetch,
}

impl Member<'_> {
    /// Whether the provider lists an account with this link reference for the consent.
    pub fn lists(&self, link_ref: &str) -> bool {
        self.fetch.accounts.iter().any(|account| account.link_ref == link_ref)
    }

    /// Whether its rows can be told from those of others: by its list, or as uploaded statements, which no list names.
    fn is_listed(&self) -> bool {
        self.consent.uploaded || !self.fetch.accounts.is_empty()
    }

    /// Whether rows of both are one unit.
    fn joins(&self, other: &Self) -> bool {
        if let (Some(one), Some(two)) = (&self.fetch.rows_with, &other.fetch.rows_with) {
            return one == two;
        }
        let shared = self.fetch.accounts.iter().any(|account| other.lists(&account.link_ref));
        !self.is_listed() || !other.is_listed() || shared
    }
}

/// The consents whose rows may be in the one answer of an attempt.
#[derive(Debug, Clone, Default)]
pub struct Transaction<'a> {
    /// In the order of the consents.
    pub members: Vec<Member<'a>>,
    /// The place of the first member of each member's unit.
    units: Vec<usize>,
    /// Whether a consent was withdrawn of which it is not known what it brought: no rows can be told from its rows.
    withdrawn_unknown: bool,
}

/// The fetch of a consent that is a part of the attempt's one answer. Later fetches of the consent are asked for by themselves.
fn shared_fetch(consent: &Consent) -> Option<&Fetch> {
    consent.fetches.iter().find(|fetch| fetch.provider_ref.is_none() && fetch.asked == Asking::ByProvider)
}

/// Whether the provider serves the attempt of a consent as a whole: it knows the attempt by an id of its own.
pub fn is_served_whole(journey: &Journey, consent: &Consent) -> bool {
    journey.attempts.iter().any(|attempt| attempt.id == consent.attempt_id && attempt.provider_ref.is_some())
}

/// Whether the provider serves the attempt of a consent as a whole and several consents share it.
pub fn is_shared(journey: &Journey, consent: &Consent) -> bool {
    is_served_whole(journey, consent) && journey.consents_of(&consent.attempt_id).nth(1).is_some()
}

impl<'a> Transaction<'a> {
    /// The transaction of a fetch; `None` where the fetch stands alone: its rows are asked for by themselves.
    pub fn of(journey: &'a Journey, consent: &Consent, fetch: &Fetch) -> Option<Self> {
        let shared = is_shared(journey, consent) && shared_fetch(consent).is_some_and(|shared| shared.id == fetch.id);
        shared.then(|| Self::of_attempt(journey, &consent.attempt_id))
    }

    fn of_attempt(journey: &'a Journey, attempt_id: &str) -> Self {
        let part = |consent: &'a Consent| Some(Member { consent, fetch: shared_fetch(consent)? });
        let has_rows = |member: &Member<'_>| fetch_usable(member.fetch.state) || !member.fetch.settled;
        let consents = || journey.consents.iter().filter(|consent| consent.attempt_id == attempt_id);
        let members: Vec<Member<'a>> = consents().filter_map(part).filter(has_rows).collect();
        let withdrawn_unknown = consents()
            .any(|consent| consent.state == ConsentState::Revoked && !consent.uploaded && shared_fetch(consent).is_none());
        let mut units: Vec<usize> = (0..members.len()).collect();
        let pairs = members.iter().enumerate().flat_map(|(at, member)| {
            let later = members.iter().enumerate().skip(at + 1);
            later.filter(|(_, other)| member.joins(other)).map(move |(other, _)| (at, other))
        });
        for (one, other) in pairs {
            let (Some(one), Some(other)) = (units.get(one).copied(), units.get(other).copied()) else { continue };
            units.iter_mut().filter(|unit| **unit == one.max(other)).for_each(|unit| *unit = one.min(other));
        }
        Self { members, units, withdrawn_unknown }
    }

    /// The units, each in the order of the consents.
    pub fn units(&self) -> Vec<Vec<Member<'a>>> {
        let unit = |first: usize| {
            let same = self.members.iter().zip(&self.units).filter(move |(_, unit)| **unit == first);
            same.map(|(member, _)| *member).collect()
        };
        (0..self.members.len()).map(unit).filter(|unit: &Vec<_>| !unit.is_empty()).collect()
    }

    /// The unit that holds a fetch's rows.
    pub fn unit_of(&self, fetch_id: &str) -> Vec<Member<'a>> {
        let mut units = self.units().into_iter();
        units.find(|unit| unit.iter().any(|member| member.fetch.id == fetch_id)).unwrap_or_default()
    }

    /// Whether the rows of some consent are fenced: an analysis of the whole answer is then fenced, too.
    pub fn fence(&self) -> Option<Purge> {
        self.members.iter().find_map(|member| member.fetch.purge)
    }
}

/// When the rows of a fetch must be gone: the first end of all whose rows they may be.
pub fn data_end(journey: &Journey, consent: &Consent, fetch: &Fetch) -> Option<Timestamp> {
    let unit = Transaction::of(journey, consent, fetch).map(|transaction| transaction.unit_of(&fetch.id)).unwrap_or_default();
    unit.iter().map(|member| member.fetch).chain([fetch]).filter_map(|fetch| fetch.data_expires_at).min()
}

/// Stored items whose end a change of the journey makes earlier: the id they are stored under, and the new end.
pub fn shortened(before: &Journey, after: &Journey) -> Vec<(String, Timestamp)> {
    let old = ends(before);
    let earlier =
        |(under, end): &(String, Timestamp)| old.iter().find(|(other, _)| other == under).is_none_or(|(_, old)| end < old);
    ends(after).into_iter().filter(earlier).collect()
}

/// The ends of what may be kept of the fetches that were picked up: rows under a fetch, the analysis of a transaction under its attempt.
fn ends(journey: &Journey) -> Vec<(String, Timestamp)> {
    let mut ends: Vec<(String, Timestamp)> = Vec::new();
    let mut note = |under: &str, end: Timestamp| match ends.iter_mut().find(|(other, _)| other == under) {
        Some((_, first)) => *first = (*first).min(end),
        None => ends.push((under.to_owned(), end)),
    };
    for consent in &journey.consents {
        for fetch in consent.fetches.iter().filter(|fetch| fetch.picked_up_at.is_some() && fetch.purge.is_none()) {
            let Some(end) = data_end(journey, consent, fetch) else { continue };
            note(fetch.rows_with.as_deref().unwrap_or(&fetch.id), end);
            if let Some(transaction) = Transaction::of(journey, consent, fetch) {
                let all = transaction.members.iter().filter_map(|member| member.fetch.data_expires_at).min();
                note(&consent.attempt_id, all.unwrap_or(end));
            }
        }
    }
    ends
}

/// Gives each fetch of a unit its snapshot where an older version kept the whole answer under one fetch.
pub fn adopt_rows(journey: &mut Journey) {
    for attempt_id in shared_attempts(journey) {
        let transaction = Transaction::of_attempt(journey, &attempt_id);
        let kept =
            transaction.members.iter().find(|member| member.fetch.picked_up_at.is_some() && member.fetch.rows_with.is_none());
        // As long as the provider reports nothing of another consent, the rows may be this one's alone.
        let kept = kept.filter(|_| transaction.members.len() > 1);
        let Some((carrier, at)) = kept.map(|member| (member.fetch.id.clone(), member.fetch.picked_up_at)) else { continue };
        let ids: Vec<String> = transaction.members.iter().map(|member| member.fetch.id.clone()).collect();
        for fetch in journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
            if ids.contains(&fetch.id) && fetch.rows_with.is_none() {
                fetch.rows_with = Some(carrier.clone());
                fetch.picked_up_at = fetch.picked_up_at.or(at);
            }
        }
    }
}

/// Fences every fetch whose rows cannot be told from rows that are fenced.
pub fn fence_units(journey: &mut Journey, revoked: Purge) {
    let mut fenced: Vec<(String, Purge)> = Vec::new();
    for attempt_id in shared_attempts(journey) {
        let transaction = Transaction::of_attempt(journey, &attempt_id);
        for unit in transaction.units() {
            let first = unit.iter().find_map(|member| member.fetch.purge);
            let fence = first.or_else(|| transaction.withdrawn_unknown.then_some(revoked));
            let ids = unit.iter().map(|member| member.fetch.id.clone());
            fenced.extend(fence.into_iter().flat_map(|fence| ids.clone().map(move |id| (id, Purge { swept: false, ..fence }))));
        }
    }
    for fetch in journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
        if let Some((_, fence)) = fenced.iter().find(|(id, _)| *id == fetch.id) {
            fetch.purge.get_or_insert(Purge { at: revoked.at, ..*fence });
        }
    }
}

fn shared_attempts(journey: &Journey) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for consent in journey.consents.iter().filter(|consent| is_shared(journey, consent)) {
        if !ids.contains(&consent.attempt_id) {
            ids.push(consent.attempt_id.clone());
        }
    }
    ids
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
