use super::*;
use crate::journey::{
    model::{AttemptState, FetchState, FetchedAccount},
    testing,
    withdraw::{self, Offers, PurgeReason},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn member(number: usize, state: FetchState, links: &[&str]) -> Consent {
    let account = |link: &&str| FetchedAccount {
        fip: String::new(),
        masked_number: String::new(),
        link_ref: (*link).to_owned(),
        state: FetchState::Ready,
        source: Default::default(),
    };
    let accounts = links.iter().map(account).collect();
    Consent {
        id: format!("cns_{number}"),
        handle: Some(format!("handle-{number}")),
        fetches: vec![Fetch { id: format!("fch_{number}"), accounts, ..testing::fetch(state, true) }],
        ..testing::consent(ConsentState::Active)
    }
}

fn journey(consents: Vec<Consent>) -> Journey {
    let mut journey = testing::journey();
    journey.attempts[0].state = AttemptState::Done;
    journey.attempts[0].provider_ref = Some("transaction".to_owned());
    journey.consents = consents;
    journey
}

/// The fetches of each unit.
fn units(journey: &Journey) -> Vec<Vec<&str>> {
    let transaction = Transaction::of_attempt(journey, "att_1");
    let ids = |unit: Vec<Member<'_>>| unit.iter().map(|member| member.fetch.id.clone()).collect::<Vec<_>>();
    let units: Vec<Vec<String>> = transaction.units().into_iter().map(ids).collect();
    let known = |id: &String| journey.consents.iter().flat_map(|consent| &consent.fetches).find(|fetch| fetch.id == *id);
    units.iter().map(|unit| unit.iter().filter_map(|id| known(id).map(|fetch| fetch.id.as_str())).collect()).collect()
}

/// The fetches that are fenced after consent 2 was withdrawn.
fn fenced_by_second(mut journey: Journey) -> Vec<String> {
    withdraw::withdraw(&mut journey.consents[1], Offers::default(), at(5));
    withdraw::conclude(&mut journey, Offers::default(), at(5));
    let fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
    fetches.filter(|fetch| fetch.purge.is_some()).map(|fetch| fetch.id.clone()).collect()
}

#[test]
fn disjoint_lists_tell_the_rows_of_consents_apart() {
    let journey = journey(vec![member(1, FetchState::Ready, &["a"]), member(2, FetchState::Partial, &["b"])]);
    assert_eq!(units(&journey), [["fch_1"], ["fch_2"]]);
    assert_eq!(fenced_by_second(journey), ["fch_2"]);
}

#[test]
fn a_list_that_is_missing_or_shared_joins_consents() {
    let apart = member(3, FetchState::Ready, &["c"]);
    let shared = [member(1, FetchState::Ready, &["a", "b"]), member(2, FetchState::Ready, &["b"]), apart.clone()];
    let joined = journey(shared.to_vec());
    assert_eq!(units(&joined), [vec!["fch_1", "fch_2"], vec!["fch_3"]]);
    assert_eq!(fenced_by_second(joined), ["fch_1", "fch_2"]);
    let unlisted = journey(vec![member(1, FetchState::Ready, &["a"]), member(2, FetchState::Ready, &[]), apart]);
    assert_eq!(units(&unlisted), [["fch_1", "fch_2", "fch_3"]]);
    assert_eq!(fenced_by_second(unlisted), ["fch_1", "fch_2", "fch_3"]);
}

#[test]
fn a_consent_that_brought_nothing_takes_no_rows_of_others() {
    for state in [FetchState::Failed, FetchState::Empty, FetchState::Denied, FetchState::Timeout] {
        let journey = journey(vec![member(1, FetchState::Ready, &[]), member(2, state, &[])]);
        assert_eq!(fenced_by_second(journey), ["fch_2"], "{state:?}");
    }
}

#[test]
fn uploaded_statements_are_told_from_listed_accounts() {
    let mut uploaded = member(2, FetchState::Ready, &[]);
    uploaded.uploaded = true;
    let mut journey = journey(vec![uploaded, member(1, FetchState::Ready, &["a"])]);
    assert_eq!(units(&journey), [["fch_2"], ["fch_1"]]);
    journey.consents[1].fetches[0].accounts.clear();
    assert_eq!(units(&journey), [["fch_2", "fch_1"]]);
}

#[test]
fn a_withdrawn_consent_of_which_nothing_is_known_fences_all() {
    let mut journey = journey(vec![member(1, FetchState::Ready, &["a"]), member(2, FetchState::Ready, &["b"])]);
    journey.consents[1].fetches.clear();
    assert_eq!(fenced_by_second(journey), ["fch_1"]);
}

#[test]
fn a_later_fetch_of_a_consent_stands_alone() {
    let mut journey = journey(vec![member(1, FetchState::Ready, &[]), member(2, FetchState::Ready, &[])]);
    let later = Fetch { id: "fch_3".to_owned(), provider_ref: Some("s".to_owned()), ..testing::fetch(FetchState::Ready, true) };
    journey.consents[0].fetches.push(later);
    let consent = &journey.consents[0];
    assert!(Transaction::of(&journey, consent, &consent.fetches[1]).is_none());
    assert!(Transaction::of(&journey, consent, &consent.fetches[0]).is_some());
    let alone = member(1, FetchState::Ready, &[]);
    let single = self::journey(vec![alone.clone()]);
    assert!(Transaction::of(&single, &alone, &alone.fetches[0]).is_none());
}

#[test]
fn the_first_end_of_data_counts_for_rows_of_several_consents() {
    let mut journey = journey(vec![member(1, FetchState::Ready, &[]), member(2, FetchState::Ready, &[])]);
    journey.consents[0].fetches[0].data_expires_at = Some(at(20));
    journey.consents[1].fetches[0].data_expires_at = Some(at(10));
    let end = |journey: &Journey| data_end(journey, &journey.consents[0], &journey.consents[0].fetches[0]);
    assert_eq!(end(&journey), Some(at(10)));
    for (consent, rows) in journey.consents.iter_mut().zip(["fch_1", "fch_2"]) {
        consent.fetches[0].rows_with = Some(rows.to_owned());
    }
    assert_eq!(end(&journey), Some(at(20)));
}

#[test]
fn rows_that_an_older_version_kept_together_stay_together() {
    let mut journey = journey(vec![member(1, FetchState::Ready, &["a", "b"]), member(2, FetchState::Ready, &["b"])]);
    journey.consents[0].fetches[0].picked_up_at = Some(at(1));
    adopt_rows(&mut journey);
    for consent in &journey.consents {
        assert_eq!(consent.fetches[0].rows_with.as_deref(), Some("fch_1"));
        assert_eq!(consent.fetches[0].picked_up_at, Some(at(1)), "the provider is not asked a second time");
    }
    assert_eq!(fenced_by_second(journey), ["fch_1", "fch_2"]);
}

#[test]
fn the_fence_of_an_analysis_is_that_of_any_consent() {
    let mut journey = journey(vec![member(1, FetchState::Ready, &["a"]), member(2, FetchState::Ready, &["b"])]);
    assert_eq!(Transaction::of_attempt(&journey, "att_1").fence(), None);
    withdraw::withdraw(&mut journey.consents[1], Offers::default(), at(5));
    let fence = Transaction::of_attempt(&journey, "att_1").fence();
    assert_eq!(fence.map(|purge| purge.reason), Some(PurgeReason::Revoked));
}
