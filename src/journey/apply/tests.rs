use super::*;
use crate::{journey::testing, providers::provider::StepFact, random::SystemRandom};

fn merge(assume: &Assumptions) -> Merge<'_> {
    Merge { now: Timestamp::from_second(1_000).unwrap(), source: FactSource::Poll, random: &SystemRandom, assume }
}

fn fetch_fact(session: Option<&str>, state: FetchState, settled: bool) -> FetchFact {
    FetchFact {
        session: session.map(str::to_owned),
        state,
        settled,
        text: String::new(),
        accounts: Vec::new(),
        fetched_at: None,
        data_expires_at: None,
        body: None,
    }
}

fn consent_fact(handle: &str, state: ConsentState, fetches: Vec<FetchFact>) -> ConsentFact {
    ConsentFact { handle: Some(handle.to_owned()), state: Some(state), fetches, ..ConsentFact::default() }
}

fn seen(consents: Vec<ConsentFact>) -> Observation {
    Observation { consents, ..Observation::default() }
}

#[test]
fn the_same_news_twice_changes_nothing_more() {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    let fact = || consent_fact("handle-1", ConsentState::Active, vec![fetch_fact(Some("s1"), FetchState::Ready, true)]);
    let before = journey.clone();
    merge(&assume).observation(&mut journey, "att_1", seen(vec![fact()]));
    assert!(finish(&before, &mut journey, Timestamp::from_second(1_000).unwrap()));
    assert_eq!(journey.sequence, 2);
    let before = journey.clone();
    merge(&assume).observation(&mut journey, "att_1", seen(vec![fact()]));
    assert!(!finish(&before, &mut journey, Timestamp::from_second(2_000).unwrap()));
    assert_eq!(journey.sequence, 2);
    assert_eq!(journey.consents[0].fetches.len(), 1);
}

#[test]
fn late_news_moves_nothing_back() {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    journey.consents[0].state = ConsentState::Active;
    journey.consents[0].fetches = vec![testing::fetch(FetchState::Ready, true)];
    let late = consent_fact("handle-1", ConsentState::Pending, vec![fetch_fact(None, FetchState::Requested, false)]);
    merge(&assume).observation(&mut journey, "att_1", seen(vec![late]));
    assert_eq!(journey.consents[0].state, ConsentState::Active);
    assert_eq!(journey.consents[0].fetches[0].state, FetchState::Ready);
    assert!(journey.consents[0].fetches[0].settled);
}

#[test]
fn a_new_session_is_a_new_fetch_and_a_nameless_one_is_adopted() {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    journey.consents[0].state = ConsentState::Active;
    journey.consents[0].fetches = vec![testing::fetch(FetchState::Requested, false)];
    let first = consent_fact("handle-1", ConsentState::Active, vec![fetch_fact(Some("s1"), FetchState::Ready, true)]);
    merge(&assume).observation(&mut journey, "att_1", seen(vec![first]));
    assert_eq!(journey.consents[0].fetches.len(), 1);
    assert_eq!(journey.consents[0].fetches[0].provider_ref.as_deref(), Some("s1"));
    let second = consent_fact("handle-1", ConsentState::Active, vec![fetch_fact(Some("s2"), FetchState::Requested, false)]);
    merge(&assume).observation(&mut journey, "att_1", seen(vec![second]));
    assert_eq!(journey.consents[0].fetches.len(), 2);
    assert_eq!(journey.consents[0].fetches[0].state, FetchState::Ready);
}

/// Merges one nameless fact into a consent with these sessions; answers the sessions afterwards.
fn after_nameless(source: FactSource, sessions: &[(Option<&str>, FetchState, bool)]) -> Vec<(FetchState, bool)> {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    journey.consents[0].state = ConsentState::Active;
    for (name, state, settled) in sessions {
        let provider_ref = name.map(str::to_owned);
        journey.consents[0].fetches.push(Fetch { provider_ref, ..testing::fetch(*state, *settled) });
    }
    let late = consent_fact("handle-1", ConsentState::Active, vec![fetch_fact(None, FetchState::Failed, true)]);
    Merge { source, ..merge(&assume) }.observation(&mut journey, "att_1", seen(vec![late]));
    journey.consents[0].fetches.iter().map(|fetch| (fetch.state, fetch.settled)).collect()
}

#[test]
fn a_late_nameless_word_of_an_old_session_settles_no_newer_one() {
    use FetchState::{Failed, Ready, Requested};
    let open = (Requested, false);
    let told = (Failed, true);
    let old = (Ready, true);
    for (sessions, expected) in [
        (&[(None, Requested, false)][..], vec![told]),
        (&[(Some("s1"), Requested, false)], vec![told]),
        // What is served as a whole has no name; what was asked for later has one.
        (&[(None, Requested, false), (Some("s2"), Requested, false)], vec![told, open]),
        (&[(None, Ready, true), (Some("s2"), Requested, false)], vec![old, open]),
        (&[(Some("s1"), Ready, true), (Some("s2"), Requested, false)], vec![old, open]),
        (&[(Some("s1"), Ready, true), (None, Requested, false)], vec![old, open]),
        (&[(None, Ready, true), (None, Requested, false)], vec![old, open]),
    ] {
        assert_eq!(after_nameless(FactSource::Poll, sessions), expected, "{sessions:?}");
        // A message without a name only wakes.
        let before: Vec<_> = sessions.iter().map(|(_, state, settled)| (*state, *settled)).collect();
        assert_eq!(after_nameless(FactSource::Webhook, sessions), before, "{sessions:?}");
    }
}

fn attempt_fact(state: AttemptState) -> Observation {
    let none = crate::journey::model::StepState::Unspecified;
    let fact = AttemptFact {
        state,
        text: String::new(),
        institutions: Vec::new(),
        aa: none,
        pdf: None,
        skipped: false,
        steps: Vec::new(),
        route: None,
    };
    Observation { attempt: Some(fact), ..Observation::default() }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(10_000 + minute * 60).unwrap()
}

#[test]
fn a_step_keeps_the_time_at_which_its_state_was_first_seen() {
    use crate::journey::model::StepState::{InProgress, Successful};
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    let step = |kind: &str, state, text: &str| StepFact { kind: kind.to_owned(), state, text: text.to_owned() };
    let mut see = |at: i64, steps: Vec<StepFact>| {
        let mut seen = attempt_fact(AttemptState::AwaitingCustomer);
        seen.attempt = seen.attempt.map(|fact| AttemptFact { steps, route: Some("PDF".to_owned()), ..fact });
        let before = journey.clone();
        Merge { now: minute(at), ..merge(&assume) }.observation(&mut journey, "att_1", seen);
        let attempt = journey.attempts[0].clone();
        let times: Vec<_> = attempt.steps.iter().map(|step| (step.kind.clone(), step.as_of)).collect();
        (times, attempt.route, finish(&before, &mut journey, minute(at)))
    };
    let (aa, pdf) = (|at| ("AA".to_owned(), minute(at)), |at| ("PDF".to_owned(), minute(at)));
    let told = Some("PDF".to_owned());
    assert_eq!(see(0, vec![step("AA", InProgress, "IN_PROGRESS")]), (vec![aa(0)], told.clone(), true));
    assert_eq!(see(1, vec![step("AA", InProgress, "IN_PROGRESS")]), (vec![aa(0)], told.clone(), false));
    let both = vec![step("AA", Successful, "SUCCESSFUL"), step("PDF", InProgress, "IN_PROGRESS")];
    assert_eq!(see(2, both), (vec![aa(2), pdf(2)], told.clone(), true));
    // A step that a later answer leaves out is kept.
    assert_eq!(see(3, Vec::new()), (vec![aa(2), pdf(2)], told, false));
}

#[test]
fn a_lost_opening_is_adopted_by_template() {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    journey.consents[0].handle = None;
    let fact = ConsentFact { template: Some("TEMPLATE".to_owned()), ..consent_fact("found", ConsentState::Pending, Vec::new()) };
    merge(&assume).observation(&mut journey, "att_1", seen(vec![fact]));
    assert_eq!(journey.consents.len(), 1);
    assert_eq!(journey.consents[0].handle.as_deref(), Some("found"));
}

#[test]
fn uploaded_statements_get_a_consent_of_their_own() {
    let assume = Assumptions::default();
    let mut journey = testing::journey();
    let pdf = ConsentFact {
        uploaded: true,
        state: Some(ConsentState::Active),
        fetches: vec![fetch_fact(None, FetchState::Ready, true)],
        ..ConsentFact::default()
    };
    let rejected = consent_fact("handle-1", ConsentState::Rejected, Vec::new());
    for _ in 0..2 {
        merge(&assume).observation(&mut journey, "att_1", seen(vec![rejected.clone(), pdf.clone()]));
    }
    assert_eq!(journey.consents.len(), 2);
    journey.attempts[0].state = AttemptState::Done;
    assert_eq!(derive::state(&journey), crate::journey::model::JourneyState::Ready);
    assert_eq!(journey.consents[1].fetches.len(), 1);
}

/// A journey as an older version kept it: the fetch on the first consent stands for the whole transaction.
fn kept_as_a_whole(accounts: u32) -> Journey {
    let mut journey = testing::journey();
    journey.attempts[0].state = AttemptState::Done;
    journey.attempts[0].provider_ref = Some("transaction".to_owned());
    let second =
        Consent { id: "cns_2".to_owned(), handle: Some("handle-2".to_owned()), ..testing::consent(ConsentState::Active) };
    journey.consents = vec![testing::consent(ConsentState::Active), second];
    let picked_up_at = Some(Timestamp::from_second(10).unwrap());
    let fetch = Fetch { picked_up_at, account_count: accounts, ..testing::fetch(FetchState::Ready, true) };
    journey.consents[0].fetches.push(fetch);
    journey
}

/// The states of both fetches after a poll that reports these; the first keeps its id and snapshot.
fn after_poll(accounts: u32, first: FetchState, second: FetchState) -> (Vec<FetchState>, crate::journey::model::JourneyState) {
    let assume = Assumptions::default();
    let mut journey = kept_as_a_whole(accounts);
    let fact = |handle, state| consent_fact(handle, ConsentState::Active, vec![fetch_fact(None, state, true)]);
    let facts = || seen(vec![fact("handle-1", first), fact("handle-2", second)]);
    for _ in 0..2 {
        merge(&assume).observation(&mut journey, "att_1", facts());
        withdraw::conclude(&mut journey, withdraw::Offers::default(), Timestamp::from_second(1_000).unwrap());
    }
    assert_eq!((journey.consents[0].fetches.len(), journey.consents[1].fetches.len()), (1, 1));
    let kept = &journey.consents[0].fetches[0];
    assert_eq!((kept.id.as_str(), kept.picked_up_at, kept.account_count), ("fch_1", Timestamp::from_second(10).ok(), accounts));
    let states = journey.consents.iter().map(|consent| consent.fetches[0].state).collect();
    (states, derive::state(&journey))
}

#[test]
fn a_journey_of_an_older_version_comes_to_its_right_state() {
    use crate::journey::model::JourneyState as J;
    use FetchState::{Empty, Failed, Partial, Ready};
    for (first, second, expected) in [
        (Ready, Ready, (vec![Ready, Ready], J::Ready)),
        (Ready, Failed, (vec![Ready, Failed], J::PartiallyReady)),
        (Ready, Empty, (vec![Ready, Empty], J::PartiallyReady)),
        (Partial, Ready, (vec![Partial, Ready], J::PartiallyReady)),
        // The first one's snapshot holds the second one's rows.
        (Failed, Ready, (vec![Partial, Ready], J::PartiallyReady)),
    ] {
        assert_eq!(after_poll(3, first, second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn rows_that_an_older_version_kept_are_not_fetched_again() {
    let assume = Assumptions::default();
    let mut journey = kept_as_a_whole(3);
    let fact = |handle| consent_fact(handle, ConsentState::Active, vec![fetch_fact(None, FetchState::Ready, true)]);
    merge(&assume).observation(&mut journey, "att_1", seen(vec![fact("handle-1"), fact("handle-2")]));
    withdraw::conclude(&mut journey, withdraw::Offers::default(), Timestamp::from_second(1_000).unwrap());
    let second = &journey.consents[1].fetches[0];
    assert_eq!((second.rows_with.as_deref(), second.picked_up_at), (Some("fch_1"), Timestamp::from_second(10).ok()));
}

#[test]
fn a_later_word_takes_nothing_back_of_what_is_kept_by_consent() {
    let assume = Assumptions::default();
    let mut journey = kept_as_a_whole(3);
    journey.consents[0].fetches[0].rows_with = Some("fch_1".to_owned());
    for state in [FetchState::Failed, FetchState::Partial, FetchState::Timeout] {
        let fact = consent_fact("handle-1", ConsentState::Active, vec![fetch_fact(None, state, true)]);
        merge(&assume).observation(&mut journey, "att_1", seen(vec![fact]));
        assert_eq!(journey.consents[0].fetches[0].state, FetchState::Ready);
    }
}

#[test]
fn a_fact_keeps_a_word_and_hides_a_number() {
    let assume = Assumptions::default();
    let kept = |text: &str| merge(&assume).evidence(text).text;
    assert_eq!(kept("DATA_READY"), "DATA_READY");
    for hidden in ["AAAPA0001A", "98765/43210", "a<b>\u{1b}[31m", &"x".repeat(200)] {
        assert!(kept(hidden).starts_with("OTHER-"), "{hidden}");
    }
}
