//! The state of a journey, derived from every mix of attempts, consents and fetches by one table. The contract documents the same
//! table at `JourneyState`; the first row that fits decides.

use super::{
    machine::{attempt_open, consent_given, fetch_usable},
    model::{AttemptState, Consent, ConsentState, Fetch, FetchState, Journey, JourneyState},
    transaction::is_served_whole,
    withdraw::given_up,
};

/// What the rows of the table ask for.
#[derive(Debug, Default)]
struct Facts {
    /// A consent that was given and not withdrawn.
    given: bool,
    active: bool,
    paused: bool,
    revoked: bool,
    rejected: bool,
    expired: bool,
    /// Newest fetches of given consents: how many of each.
    ready: usize,
    partial: usize,
    open: usize,
    fruitless: usize,
    /// Active consents without any fetch.
    unfetched: usize,
    /// Consents that were asked for together with a given one and are not given: declined, failed, undecided, or in a state that is not known.
    declined: usize,
    /// Any fetch, also an older one, that can be served.
    usable: bool,
    last: AttemptState,
    skipped: bool,
}

impl Facts {
    fn of(journey: &Journey) -> Self {
        let last = journey.last_attempt();
        let mut facts = Self {
            last: last.map_or(AttemptState::Unspecified, |attempt| attempt.state),
            skipped: last.is_some_and(|attempt| attempt.skipped),
            ..Self::default()
        };
        for consent in &journey.consents {
            facts.note(consent, stood_in_for(journey, consent), given_up(journey, consent));
        }
        facts.declined = journey.consents.iter().filter(|consent| is_declined(journey, consent)).count();
        facts
    }

    fn note(&mut self, consent: &Consent, stood_in_for: bool, given_up: bool) {
        match consent.state {
            // Nothing is awaited of it any more, whatever the customer does.
            _ if given_up => return,
            ConsentState::Active => self.active = true,
            ConsentState::Paused => self.paused = true,
            ConsentState::Revoked => self.revoked = true,
            ConsentState::Rejected => self.rejected = true,
            ConsentState::Expired => self.expired = true,
            _ => {}
        }
        if !consent_given(consent.state) {
            return;
        }
        self.given = true;
        self.usable |= consent.fetches.iter().any(|fetch| fetch_usable(fetch.state));
        match consent.fetches.last() {
            _ if stood_in_for => {}
            Some(fetch) => self.note_fetch(fetch),
            None if consent.state != ConsentState::Active => {}
            None if consent.fetch_overdue => self.fruitless += 1,
            None => self.unfetched += 1,
        }
    }

    fn note_fetch(&mut self, fetch: &Fetch) {
        match fetch.state {
            _ if !fetch.settled => self.open += 1,
            FetchState::Ready => self.ready += 1,
            FetchState::Partial => self.partial += 1,
            _ => self.fruitless += 1,
        }
    }
}

/// Whether uploaded statements of the same attempt stand for this consent: they come in place of what the aggregator did not bring, so its
/// failure is no gap.
fn stood_in_for(journey: &Journey, consent: &Consent) -> bool {
    let usable = |consent: &Consent| consent.fetches.iter().any(|fetch| fetch_usable(fetch.state));
    let mut others = journey.consents_of(&consent.attempt_id).filter(|other| consent_given(other.state));
    !consent.uploaded && !usable(consent) && others.any(|other| other.uploaded && usable(other))
}

/// Whether a consent was asked for together with a given one, and is not given itself. A withdrawn consent was given once; one of an earlier
/// attempt was asked for again.
fn is_declined(journey: &Journey, consent: &Consent) -> bool {
    let ungiven = !consent_given(consent.state) && consent.state != ConsentState::Revoked;
    ungiven
        && !given_up(journey, consent)
        && !stood_in_for(journey, consent)
        && journey.consents_of(&consent.attempt_id).any(|other| consent_given(other.state))
}

/// The consents of a journey of whose data something is missing, for a read that names none of them. A withdrawn consent is not missing.
pub fn missing(journey: &Journey) -> Vec<&Consent> {
    let whole = |fetch: &Fetch| fetch.state == FetchState::Ready && fetch.settled;
    let lacks = |consent: &&Consent| {
        let wanted = consent_given(consent.state) && !given_up(journey, consent) && !stood_in_for(journey, consent);
        let without = consent.state == ConsentState::Active && consent.fetches.is_empty();
        wanted && (without || consent.fetches.last().is_some_and(|fetch| !whole(fetch))) || is_declined(journey, consent)
    };
    journey.consents.iter().filter(lacks).collect()
}

type Row = (fn(&Facts) -> bool, JourneyState);

/// The table, first fit wins.
const TABLE: &[Row] = &[
    (|f| f.given && f.ready > 0 && f.partial + f.fruitless + f.open + f.unfetched + f.declined == 0, JourneyState::Ready),
    (|f| f.given && f.usable, JourneyState::PartiallyReady),
    (|f| f.active && f.open > 0, JourneyState::Fetching),
    (|f| f.active && f.unfetched > 0, JourneyState::Consented),
    (|f| !f.active && f.paused, JourneyState::Paused),
    (|f| f.given && f.fruitless > 0, JourneyState::Failed),
    (|f| !f.given && f.last == AttemptState::OutcomeUnknown, JourneyState::OutcomeUnknown),
    (|f| !f.given && f.last == AttemptState::AwaitingCustomer, JourneyState::AwaitingCustomer),
    (|f| !f.given && f.last == AttemptState::Created, JourneyState::Created),
    (|f| !f.given && f.last == AttemptState::Cancelled, JourneyState::Cancelled),
    (|f| !f.given && f.last == AttemptState::Abandoned, JourneyState::Abandoned),
    (|f| !f.given && f.last == AttemptState::Done && f.skipped, JourneyState::Skipped),
    (|f| f.revoked, JourneyState::Revoked),
    (|f| f.rejected, JourneyState::Rejected),
    (|f| f.expired, JourneyState::Expired),
];

/// The derived state.
pub fn state(journey: &Journey) -> JourneyState {
    let facts = Facts::of(journey);
    TABLE.iter().find(|(fits, _)| fits(&facts)).map_or(JourneyState::Failed, |(_, state)| *state)
}

/// Whether nothing is open and nothing can come by itself: no attempt open, no active consent that still awaits its first fetch, every
/// fetch settled.
pub fn settled(journey: &Journey) -> bool {
    let attempts = journey.attempts.iter().any(|attempt| attempt_open(attempt.state));
    let fetches = journey.consents.iter().any(|consent| {
        let unfetched = consent.state == ConsentState::Active && consent.fetches.is_empty() && !consent.fetch_overdue;
        let open = unfetched || (consent_given(consent.state) && consent.fetches.iter().any(|fetch| !fetch.settled));
        open && !stood_in_for(journey, consent) && !given_up(journey, consent)
    });
    !attempts && !fetches
}

/// Whether nothing more comes by itself, so that a watch ends: nothing is awaited, and no consent is one under which the provider
/// collects data again and again.
pub fn quiet(journey: &Journey) -> bool {
    // An attempt that is served as a whole brings each consent one fetch; another one has to be asked for.
    let whole = |consent: &Consent| is_served_whole(journey, consent);
    let again = |consent: &Consent| {
        consent.state == ConsentState::Active
            && consent.periodic
            && consent.is_automatic()
            && !consent.uploaded
            && !whole(consent)
            && !given_up(journey, consent)
    };
    settled(journey) && !journey.consents.iter().any(again)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{model::FetchTrigger, testing};

    /// (last attempt, skipped, consents with their fetches) -> state.
    type Case = (AttemptState, bool, &'static [(ConsentState, &'static [(FetchState, bool)])], JourneyState);

    const CASES: &[Case] = {
        use AttemptState as A;
        use ConsentState as C;
        use FetchState as F;
        use JourneyState as J;
        &[
            (A::Created, false, &[], J::Created),
            (A::AwaitingCustomer, false, &[(C::Pending, &[])], J::AwaitingCustomer),
            (A::OutcomeUnknown, false, &[], J::OutcomeUnknown),
            (A::Cancelled, false, &[(C::Pending, &[])], J::Cancelled),
            (A::Cancelled, false, &[(C::Active, &[(F::Ready, true)])], J::Cancelled),
            (A::Cancelled, false, &[(C::Revoked, &[])], J::Cancelled),
            (A::Abandoned, false, &[(C::Pending, &[])], J::Abandoned),
            (A::Failed, false, &[], J::Failed),
            (A::Done, true, &[], J::Skipped),
            (A::Done, false, &[(C::Rejected, &[])], J::Rejected),
            (A::AwaitingCustomer, false, &[(C::Rejected, &[]), (C::Pending, &[])], J::AwaitingCustomer),
            (A::Done, false, &[(C::Active, &[])], J::Consented),
            (A::Done, false, &[(C::Active, &[(F::Requested, false)])], J::Fetching),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)])], J::Ready),
            (A::Done, false, &[(C::Paused, &[(F::Ready, true)])], J::Ready),
            (A::Done, false, &[(C::Expired, &[(F::Ready, true)])], J::Ready),
            (A::Done, false, &[(C::Revoked, &[(F::Ready, true)])], J::Revoked),
            (A::Done, false, &[(C::Paused, &[])], J::Paused),
            (A::Done, false, &[(C::Expired, &[])], J::Expired),
            (A::Done, false, &[(C::Active, &[(F::Partial, true)])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Partial, false)])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Ready, true), (F::Requested, false)])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Failed, true), (F::Ready, true)])], J::Ready),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)]), (C::Active, &[])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)]), (C::Active, &[(F::Denied, true)])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)]), (C::Rejected, &[])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)]), (C::Failed, &[])], J::PartiallyReady),
            (A::Done, false, &[(C::Other, &[]), (C::Active, &[(F::Ready, true)])], J::PartiallyReady),
            (A::AwaitingCustomer, false, &[(C::Pending, &[]), (C::Active, &[(F::Ready, true)])], J::PartiallyReady),
            (A::Done, false, &[(C::Active, &[(F::Ready, true)]), (C::Revoked, &[])], J::Ready),
            (A::Done, false, &[(C::Active, &[(F::Denied, true)])], J::Failed),
            (A::Done, false, &[(C::Active, &[(F::Empty, true)])], J::Failed),
            (A::Done, false, &[(C::Expired, &[(F::Timeout, true)])], J::Failed),
            (A::Done, false, &[(C::Failed, &[])], J::Failed),
            (A::Done, false, &[(C::Revoked, &[]), (C::Rejected, &[])], J::Revoked),
        ]
    };

    #[test]
    fn every_row_of_the_table() {
        for (number, (last, skipped, consents, expected)) in CASES.iter().enumerate() {
            let mut journey = testing::journey();
            journey.attempts[0].state = *last;
            journey.attempts[0].skipped = *skipped;
            journey.consents.clear();
            for (state, fetches) in *consents {
                let mut consent = testing::consent(*state);
                consent.fetches = fetches.iter().map(|(state, settled)| testing::fetch(*state, *settled)).collect();
                journey.consents.push(consent);
            }
            assert_eq!(state(&journey), *expected, "case {number}");
        }
    }

    #[test]
    fn uploaded_statements_stand_in_for_what_the_aggregator_did_not_bring() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        let mut uploaded = testing::consent(ConsentState::Active);
        uploaded.uploaded = true;
        uploaded.fetches.push(testing::fetch(FetchState::Ready, true));
        for (state_of_other, fetches) in [
            (ConsentState::Active, vec![]),
            (ConsentState::Active, vec![testing::fetch(FetchState::Failed, true)]),
            (ConsentState::Rejected, vec![]),
            (ConsentState::Pending, vec![]),
        ] {
            let mut approved = testing::consent(state_of_other);
            approved.fetches = fetches;
            journey.consents = vec![approved, uploaded.clone()];
            assert_eq!(state(&journey), JourneyState::Ready);
            assert!(settled(&journey));
        }
        // Statements of which some are missing are no whole.
        journey.consents[1].fetches[0] = testing::fetch(FetchState::Partial, true);
        assert_eq!(state(&journey), JourneyState::PartiallyReady);
    }

    #[test]
    fn each_consent_of_a_whole_attempt_counts_by_its_own_fetch() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        journey.attempts[0].provider_ref = Some("transaction".to_owned());
        let mut first = testing::consent(ConsentState::Active);
        first.fetches.push(testing::fetch(FetchState::Ready, true));
        journey.consents = vec![first, testing::consent(ConsentState::Active)];
        assert_eq!((state(&journey), settled(&journey)), (JourneyState::PartiallyReady, false), "no fetch yet");
        for (fetch, expected) in [
            (FetchState::Ready, JourneyState::Ready),
            (FetchState::Partial, JourneyState::PartiallyReady),
            (FetchState::Empty, JourneyState::PartiallyReady),
            (FetchState::Denied, JourneyState::PartiallyReady),
            (FetchState::Failed, JourneyState::PartiallyReady),
        ] {
            journey.consents[1].fetches = vec![testing::fetch(fetch, true)];
            assert_eq!((state(&journey), settled(&journey)), (expected, true), "{fetch:?}");
            assert_eq!(missing(&journey).len(), usize::from(fetch != FetchState::Ready), "{fetch:?}");
        }
    }

    #[test]
    fn a_declined_consent_is_missing_unless_it_was_asked_for_again() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        let mut ready = testing::consent(ConsentState::Active);
        ready.fetches.push(testing::fetch(FetchState::Ready, true));
        for declined in [ConsentState::Rejected, ConsentState::Failed, ConsentState::Pending, ConsentState::Other] {
            let declined = Consent { id: "cns_declined".to_owned(), ..testing::consent(declined) };
            journey.consents = vec![ready.clone(), declined.clone()];
            let names: Vec<&str> = missing(&journey).iter().map(|consent| consent.id.as_str()).collect();
            assert_eq!((state(&journey), names), (JourneyState::PartiallyReady, vec!["cns_declined"]), "{declined:?}");
            journey.consents[1].attempt_id = "att_earlier".to_owned();
            assert_eq!((state(&journey), missing(&journey).len()), (JourneyState::Ready, 0), "{declined:?}");
        }
        journey.consents[1] = testing::consent(ConsentState::Revoked);
        assert_eq!(missing(&journey).len(), 0, "a withdrawn consent");
    }

    #[test]
    fn a_consent_whose_fetch_never_began_is_fruitless() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        let waiting = Consent { fetch_overdue: true, ..testing::consent(ConsentState::Active) };
        journey.consents = vec![waiting.clone()];
        assert_eq!((state(&journey), settled(&journey)), (JourneyState::Failed, true));
        let mut ready = testing::consent(ConsentState::Active);
        ready.fetches.push(testing::fetch(FetchState::Ready, true));
        journey.consents = vec![ready, waiting];
        assert_eq!((state(&journey), settled(&journey)), (JourneyState::PartiallyReady, true));
    }

    #[test]
    fn a_consent_under_which_the_provider_collects_by_itself_is_never_quiet_while_it_lives() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        let mut consent = testing::consent(ConsentState::Active);
        consent.fetches.push(testing::fetch(FetchState::Ready, true));
        journey.consents = vec![consent];
        assert!(quiet(&journey));
        journey.consents[0].periodic = true;
        assert!(settled(&journey) && !quiet(&journey));
        for (state, trigger, expected) in [
            (ConsentState::Active, FetchTrigger::Gateway, true),
            (ConsentState::Paused, FetchTrigger::Provider, true),
            (ConsentState::Expired, FetchTrigger::Provider, true),
            (ConsentState::Active, FetchTrigger::Provider, false),
        ] {
            (journey.consents[0].state, journey.consents[0].trigger) = (state, trigger);
            assert_eq!(quiet(&journey), expected, "{state:?} {trigger:?}");
        }
        journey.attempts[0].provider_ref = Some("transaction".to_owned());
        assert!(quiet(&journey));
        journey.attempts[0].state = AttemptState::AwaitingCustomer;
        assert!(!quiet(&journey));
    }

    #[test]
    fn settled_only_when_nothing_can_come() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Done;
        journey.consents = vec![testing::consent(ConsentState::Active)];
        assert!(!settled(&journey));
        journey.consents[0].fetches.push(testing::fetch(FetchState::Requested, false));
        assert!(!settled(&journey));
        journey.consents[0].fetches[0] = testing::fetch(FetchState::Ready, true);
        assert!(settled(&journey));
        journey.attempts[0].state = AttemptState::AwaitingCustomer;
        assert!(!settled(&journey));
    }
}
