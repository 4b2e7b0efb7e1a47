//! Merges what was seen at a provider into a tree. Facts move states forward by the machines only; a fact that says nothing changes
//! nothing; ids of ours never change.
//!
//! Messages that a provider sends by itself come late, twice and in any order, so the little that is taken from them is what order cannot
//! change: whether a consent is held or live, whether an attempt failed, and what became of a session that a message does not name,
//! is only ever read back.

use jiff::{SignedDuration, Timestamp};

use super::{
    attempt_step, data_life, derive,
    fetched_rows::with_message_rows,
    machine::{attempt_may, consent_may, fetch_may, unknown_attempt_may},
    model::{
        Asking, AttemptState, Certainty, Consent, ConsentMode, ConsentState, DayRange, Evidence, FactSource, Fetch, FetchState,
        FetchTrigger, Journey,
    },
    policy::Assumptions,
    transaction,
    withdraw::{self, DeliveryKind},
};
use crate::{
    providers::{
        provider::{AttemptFact, Body, ConsentFact, FetchFact, Observation},
        vocabulary::vetted,
    },
    random::{Random, new_id},
};

/// What merging needs beside the facts.
pub struct Merge<'a> {
    /// Now.
    pub now: Timestamp,
    /// Where the facts come from.
    pub source: FactSource,
    /// For new ids.
    pub random: &'a dyn Random,
    /// What to assume where a provider does not tell.
    pub assume: &'a Assumptions,
}

/// Bodies that came with the facts: (fetch id, body).
pub type Brought = Vec<(String, Body)>;

impl Merge<'_> {
    /// Merges an observation of one attempt; answers the bodies that it brought.
    pub fn observation(&self, journey: &mut Journey, attempt_id: &str, seen: Observation) -> Brought {
        let mut brought = Brought::new();
        if seen.attempt.is_some() || !seen.consents.is_empty() {
            self.is_known(journey, attempt_id);
        }
        for fact in seen.consents {
            self.consent(journey, attempt_id, fact, &mut brought);
        }
        if let Some(fact) = seen.attempt {
            self.attempt(journey, attempt_id, fact);
        }
        data_life::settle(journey, attempt_id);
        brought
    }

    /// The provider says something of an attempt that it did not know before.
    fn is_known(&self, journey: &mut Journey, attempt_id: &str) {
        if let Some(attempt) =
            journey.attempts.iter_mut().find(|attempt| attempt.id == attempt_id && !attempt.failed_as_unknown())
        {
            attempt.unknown_since = None;
        }
    }

    fn is_message(&self) -> bool {
        self.source == FactSource::Webhook
    }

    /// Whether a fact that only says what is known already is the newer evidence of it. A message is not: it may be as old as any.
    fn confirms(&self, same: bool) -> bool {
        same && !self.is_message()
    }

    fn evidence(&self, text: &str) -> Evidence {
        Evidence { as_of: self.now, source: self.source, text: vetted(text) }
    }

    fn attempt(&self, journey: &mut Journey, attempt_id: &str, fact: AttemptFact) {
        let Some(attempt) = journey.attempts.iter_mut().find(|attempt| attempt.id == attempt_id) else { return };
        let reopens = attempt.failed_as_unknown() && unknown_attempt_may(fact.state);
        let moves =
            reopens || attempt_may(attempt.state, fact.state) && !(self.is_message() && fact.state == AttemptState::Failed);
        if reopens {
            attempt.failure_reason = None;
        }
        if moves || self.confirms(attempt.state == fact.state) {
            attempt.unknown_since = None;
            attempt.state = fact.state;
            attempt.evidence = self.evidence(&fact.text);
        }
        // A step once told is not forgotten because a later answer leaves it out.
        if !fact.institutions.is_empty() {
            attempt.institutions = fact.institutions;
        }
        if fact.aa != super::model::StepState::Unspecified {
            attempt.aa = fact.aa;
        }
        attempt.pdf = fact.pdf.or(attempt.pdf);
        attempt.skipped |= fact.skipped;
        attempt.route = fact.route.or(attempt.route.take());
        attempt_step::merge(&mut attempt.steps, fact.steps, self.now);
    }

    fn consent(&self, journey: &mut Journey, attempt_id: &str, fact: ConsentFact, brought: &mut Brought) {
        let index = match place_of(journey, attempt_id, &fact) {
            Some(index) => index,
            None => {
                journey.consents.push(self.new_consent(journey, attempt_id, &fact));
                journey.consents.len() - 1
            }
        };
        // Whether several consents share the answer of an attempt that is served as a whole; `None` where it is not.
        let whole = journey.consents.get(index).filter(|consent| transaction::is_served_whole(journey, consent));
        let shared = whole.map(|consent| transaction::is_shared(journey, consent));
        let Some(consent) = journey.consents.get_mut(index) else { return };
        consent.handle = fact.handle.or(consent.handle.take());
        consent.provider_ref = fact.consent_ref.or(consent.provider_ref.take());
        consent.uploaded |= fact.uploaded;
        if let Some(state) = fact.state {
            let held_or_live = matches!(
                (consent.state, state),
                (ConsentState::Active, ConsentState::Paused) | (ConsentState::Paused, ConsentState::Active)
            );
            let moves = consent_may(consent.state, state) && !(self.is_message() && held_or_live);
            if moves || self.confirms(state == consent.state) {
                consent.state = state;
                consent.evidence = self.evidence(&fact.text);
                if state == ConsentState::Revoked {
                    withdraw::heard(consent, DeliveryKind::Revoke);
                }
            }
        }
        consent.frequency = fact.frequency.or(consent.frequency);
        self.consent_terms(consent, &fact.mode, fact.periodic, fact.trigger);
        consent.later = fact.later.unwrap_or(consent.later);
        consent.data_life = fact.data_life.or(consent.data_life);
        if let Some(untold) = fact.mode_untold {
            consent.mode_untold = untold && consent.mode == ConsentMode::Unspecified && consent.data_life.is_none();
        }
        if let Some((at, certainty)) = fact.expires_at {
            (consent.expires_at, consent.expires_certainty) = (Some(at), certainty);
        }
        consent.template_range = fact.template_range.or(consent.template_range);
        for fetch in fact.fetches {
            self.fetch(consent, fetch, shared, brought);
        }
    }

    fn consent_terms(
        &self,
        consent: &mut Consent,
        mode: &Option<ConsentMode>,
        periodic: Option<bool>,
        trigger: Option<FetchTrigger>,
    ) {
        consent.mode = mode.unwrap_or(consent.mode);
        consent.periodic = periodic.unwrap_or(consent.periodic);
        consent.trigger = trigger.unwrap_or(consent.trigger);
    }

    fn new_consent(&self, journey: &Journey, attempt_id: &str, fact: &ConsentFact) -> Consent {
        // A consent that we did not ask for by itself (one handle per bank, uploaded statements) serves the purpose first asked.
        let purpose = journey.ask.consents.first().map_or(super::model::Purpose::Unspecified, |ask| ask.purpose);
        Consent {
            id: new_id(self.random, "cns"),
            attempt_id: attempt_id.to_owned(),
            purpose,
            template: fact.template.clone().unwrap_or_default(),
            asked_range: journey.ask.consents.first().and_then(|ask| ask.data_range),
            template_range: None,
            state: ConsentState::Pending,
            evidence: self.evidence(&fact.text),
            mode: ConsentMode::Unspecified,
            periodic: false,
            trigger: FetchTrigger::Provider,
            later: Default::default(),
            data_life: None,
            expires_at: None,
            expires_certainty: Certainty::Unspecified,
            handle: None,
            provider_ref: None,
            uploaded: fact.uploaded,
            frequency: None,
            deliveries: Vec::new(),
            active_since: None,
            mode_untold: false,
            fetch_overdue: false,
            fetches: Vec::new(),
        }
    }

    fn fetch(&self, consent: &mut Consent, mut fact: FetchFact, shared: Option<bool>, brought: &mut Brought) {
        let index = match fetch_place(consent, fact.session.as_deref()) {
            Place::Unclear => return,
            // Only a session that is known by its name can be meant by a message: any other one is read back.
            Place::Known(index) => index,
            _ if self.is_message() => return,
            Place::Likely(index) => index,
            Place::New => {
                let fetch = self.new_fetch(consent);
                consent.fetches.push(fetch);
                consent.fetches.len() - 1
            }
        };
        let Some(fetch) = consent.fetches.get_mut(index) else { return };
        if fetch.is_lost() && fact.session.is_some() {
            // The call whose answer was lost did arrive. That it counted as failed meanwhile was our own word.
            fetch.asked = Asking::Applied;
            fetch.failure_reason = None;
            (fetch.state, fetch.settled) = (FetchState::Requested, false);
        }
        if let (Some(shared), None) = (shared, &fact.session) {
            correct(fetch, &mut fact, shared);
        }
        fetch.provider_ref = fact.session.or(fetch.provider_ref.take());
        let moves = fetch_may((fetch.state, fetch.settled), (fact.state, fact.settled));
        let settles = fact.state == fetch.state && fact.settled && !fetch.settled;
        if moves || settles || self.confirms((fact.state, fact.settled) == (fetch.state, fetch.settled)) {
            fetch.state = fact.state;
            fetch.settled = fact.settled;
            fetch.evidence = self.evidence(&fact.text);
        }
        if !fact.accounts.is_empty() {
            fetch.accounts = with_message_rows(fact.accounts, &fetch.accounts);
        }
        fetch.fetched_at = fact.fetched_at.or(fetch.fetched_at);
        if let Some((at, certainty)) = fact.data_expires_at {
            (fetch.data_expires_at, fetch.data_expires_certainty) = (Some(at), certainty);
        }
        if let Some(body) = fact.body {
            brought.push((fetch.id.clone(), body));
        }
    }

    /// A data session of a consent, with the ranges and ends that are known or assumed for it.
    pub fn new_fetch(&self, consent: &Consent) -> Fetch {
        let (requested_range, range_certainty) = self.range_of(consent);
        let life = self.assume.data_life(consent.purpose);
        let assumed = SignedDuration::try_from(life).ok().and_then(|life| self.now.checked_add(life).ok());
        let known = consent.data_life.and_then(|life| life.end(self.now));
        let (expires, certainty) = match known {
            Some((end, certainty)) => (Some(end), certainty),
            None => (assumed, Certainty::Assumed),
        };
        Fetch {
            id: new_id(self.random, "fch"),
            provider_ref: None,
            state: FetchState::Requested,
            settled: false,
            evidence: self.evidence(""),
            requested_at: self.now,
            requested_range,
            range_certainty,
            fetched_at: None,
            data_expires_at: expires,
            data_expires_certainty: certainty,
            accounts: Vec::new(),
            picked_up_at: None,
            account_count: 0,
            transaction_count: 0,
            pick_up_failure: None,
            asked: Asking::ByProvider,
            request_id: None,
            failure_reason: None,
            purge: None,
            pushed_by: None,
            rows_with: None,
            postponed: false,
        }
    }

    fn range_of(&self, consent: &Consent) -> (DayRange, Certainty) {
        if let Some(range) = consent.asked_range {
            return (range, Certainty::Caller);
        }
        if let Some(range) = consent.template_range {
            return (range, Certainty::Template);
        }
        match self.assume.range(consent.purpose, self.now) {
            Some(range) => (range, Certainty::Assumed),
            None => (DayRange::default(), Certainty::Unspecified),
        }
    }
}

/// Sets the derived state and counts the change, if anything but evidence differs from `before`: the same state told again, by another
/// way or in another word, is no change.
pub fn finish(before: &Journey, journey: &mut Journey, now: Timestamp) -> bool {
    let state = derive::state(journey);
    if state != journey.state {
        journey.state = state;
        journey.state_at = now;
    }
    let changed = !same_facts(before, journey);
    if changed {
        journey.sequence = before.sequence + 1;
    }
    if progress(before) != progress(journey) {
        journey.looks = 0;
    }
    changed
}

/// The state of a consent, and of each of its fetches: its state, whether it is settled, whether it is picked up.
type ConsentProgress = (ConsentState, Vec<(FetchState, bool, bool)>);

/// What speeds the polls up again when it changes. The machines move each of these a bounded number of times, so that facts which change
/// to and fro never keep a journey at the shortest pause.
fn progress(journey: &Journey) -> (Vec<AttemptState>, Vec<ConsentProgress>) {
    let fetch = |fetch: &Fetch| (fetch.state, fetch.settled, fetch.picked_up_at.is_some());
    let consent = |consent: &Consent| (consent.state, consent.fetches.iter().map(fetch).collect());
    (journey.attempts.iter().map(|attempt| attempt.state).collect(), journey.consents.iter().map(consent).collect())
}

fn same_facts(before: &Journey, after: &Journey) -> bool {
    let plain = |journey: &Journey| {
        let mut journey = journey.clone();
        journey.looks = 0;
        journey.purge_at = None;
        let none = || Evidence { as_of: Timestamp::UNIX_EPOCH, source: FactSource::Unspecified, text: String::new() };
        for attempt in &mut journey.attempts {
            attempt.evidence = none();
            attempt.calls.clear();
            attempt.unknown_since = None;
        }
        for consent in &mut journey.consents {
            consent.evidence = none();
            consent.active_since = None;
            for fetch in &mut consent.fetches {
                fetch.evidence = none();
                fetch.postponed = false;
                if let Some(purge) = &mut fetch.purge {
                    purge.swept = false;
                }
            }
            // A further try is no news; its outcome is.
            for delivery in &mut consent.deliveries {
                (delivery.tries, delivery.next_at, delivery.unsure, delivery.unconfirmed) = (0, None, false, 0);
            }
        }
        journey
    };
    plain(before) == plain(after)
}

/// The consent that a fact is about: by handle, by the provider's id, as the uploaded statements, or as the one of its template that has
/// no handle yet.
fn place_of(journey: &Journey, attempt_id: &str, fact: &ConsentFact) -> Option<usize> {
    let position = |fits: &dyn Fn(&Consent) -> bool| {
        journey.consents.iter().position(|consent| consent.attempt_id == attempt_id && fits(consent))
    };
    if fact.uploaded {
        return position(&|consent| consent.uploaded);
    }
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    position(&|consent| same(&consent.handle, &fact.handle))
        .or_else(|| position(&|consent| same(&consent.provider_ref, &fact.consent_ref)))
        .or_else(|| {
            position(&|consent| {
                consent.handle.is_none()
                    && consent.provider_ref.is_none()
                    && !consent.uploaded
                    && fact.template.as_ref().is_none_or(|template| *template == consent.template)
            })
        })
        .or_else(|| {
            // Without any id the fact can only mean the attempt's one consent.
            let nameless = fact.handle.is_none() && fact.consent_ref.is_none() && fact.template.is_none();
            position(&|consent| nameless && !consent.uploaded)
        })
}

/// Which session a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// This one: it has the fact's name.
    Known(usize),
    /// This one: there is none that it could be confused with.
    Likely(usize),
    /// One that is not in the tree yet.
    New,
    /// It cannot be told.
    Unclear,
}

/// The session that a fact is about: by its name, or the newest one that has none yet. A fact without a name means the only session
/// there is, or the only one without a name if it is the oldest: where newer sessions have names, what says nothing of them is about
/// the first. Anything else could be an old session's late word and must not settle a newer one.
fn fetch_place(consent: &Consent, session: Option<&str>) -> Place {
    let fetches = consent.fetches.as_slice();
    let Some(session) = session else {
        return match fetches {
            [] => Place::New,
            [_] => Place::Likely(0),
            [first, later @ ..] if first.provider_ref.is_none() && later.iter().all(|fetch| fetch.provider_ref.is_some()) => {
                Place::Likely(0)
            }
            _ => Place::Unclear,
        };
    };
    if let Some(known) = fetches.iter().position(|fetch| fetch.provider_ref.as_deref() == Some(session)) {
        return Place::Known(known);
    }
    match fetches.last() {
        // One that the provider refused is not the place of a session.
        Some(newest) if newest.provider_ref.is_none() && newest.asked != Asking::Refused => Place::Likely(fetches.len() - 1),
        _ => Place::New,
    }
}

/// An older version took one fetch for the whole attempt and read it as READY whatever became of its accounts and consents. What the provider
/// says of this consent corrects that, until the rows are kept for each consent. Rows that came stay: a fetch that holds the rows of other
/// consents is PARTIAL where its own consent brought none.
fn correct(fetch: &mut Fetch, fact: &mut FetchFact, shared: bool) {
    let fruitless = fact.settled && !matches!(fact.state, FetchState::Ready | FetchState::Partial);
    let corrects = (fact.settled && fact.state == FetchState::Partial) || (shared && fruitless);
    if fetch.state != FetchState::Ready || fetch.rows_with.is_some() || !corrects {
        return;
    }
    if fetch.account_count > 0 {
        fact.state = FetchState::Partial;
    }
    fetch.state = fact.state;
}

/// Marks an attempt that outlived its time limit.
pub fn abandon(journey: &mut Journey, now: Timestamp, limit: SignedDuration) {
    for attempt in &mut journey.attempts {
        if attempt.state == AttemptState::AwaitingCustomer && now.duration_since(attempt.created_at) >= limit {
            attempt.state = AttemptState::Abandoned;
            attempt.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "time limit".to_owned() };
        }
    }
}

#[cfg(test)]
mod tests;
