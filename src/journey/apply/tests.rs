use super::*;
use crate::{journey::testing, random::SystemRandom};

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

#[test]
fn words_of_a_provider_are_clipped_to_a_plain_alphabet() {
    assert_eq!(clip("DATA_READY"), "DATA_READY");
    assert_eq!(clip("a<b>\u{1b}[31m\n\"x\""), "ab31mx");
    assert_eq!(clip(&"x".repeat(200)).len(), 64);
}
