//! What a tree needs next, decided without any I/O.

use jiff::{SignedDuration, Timestamp};

use crate::journey::{
    machine::{consent_given, fetch_usable},
    model::{AttemptState, Consent, ConsentState, Fetch, FetchTrigger, Journey},
    policy::Pace,
    sharing::{is_live, keeps_nothing, may_bring},
    transaction::Transaction,
    withdraw::given_up,
};

/// The attempts to look at, by id: those that are open, those that may come back, and those whose consents may bring or change
/// something.
pub fn attempts_to_observe(journey: &Journey) -> Vec<String> {
    let worth = |attempt: &&crate::journey::model::Attempt| match attempt.state {
        AttemptState::Created | AttemptState::AwaitingCustomer | AttemptState::OutcomeUnknown | AttemptState::Abandoned => true,
        // The customer may still approve what was given up.
        AttemptState::Cancelled => journey.consents_of(&attempt.id).any(|consent| consent.state == ConsentState::Pending),
        AttemptState::Done => {
            journey.consents_of(&attempt.id).any(|consent| consent_given(consent.state) || consent.state == ConsentState::Pending)
        }
        // Nothing makes such a journey due by itself: only a message or a customer's return wakes it, and shows that the provider may know it.
        AttemptState::Failed => attempt.failed_as_unknown(),
        _ => false,
    };
    journey.attempts.iter().filter(worth).map(|attempt| attempt.id.clone()).collect()
}

/// The first fetch of a consent whose request the provider refused for a passing reason.
pub fn postponed(consent: &Consent) -> Option<&Fetch> {
    match consent.fetches.as_slice() {
        [only] if only.postponed && !only.settled => Some(only),
        _ => None,
    }
}

/// The consents whose first fetch the gateway has to ask for: given, left to us by the template, and never asked before, or refused for a
/// passing reason.
pub fn consents_to_request(journey: &Journey, now: Timestamp) -> Vec<String> {
    journey
        .consents
        .iter()
        .filter(|consent| {
            is_live(consent, now).is_ok()
                && consent.trigger == FetchTrigger::Gateway
                && !consent.uploaded
                && (consent.fetches.is_empty() || postponed(consent).is_some())
                && !given_up(journey, consent)
        })
        .map(|consent| consent.id.clone())
        .collect()
}

/// The fetches to pick up: there, whole as far as they will be, keepable, and not kept yet. Of an attempt that is served as a whole it is
/// one fetch, for which the provider is asked once.
pub fn fetches_to_pick_up(journey: &Journey, now: Timestamp) -> Vec<String> {
    let mut attempts: Vec<&str> = Vec::new();
    let mut ids = Vec::new();
    for (consent, fetch) in pick_ups(journey, now) {
        if let Some(transaction) = Transaction::of(journey, consent, fetch) {
            let unsettled = transaction.unit_of(&fetch.id).iter().any(|member| !member.fetch.settled);
            if unsettled || attempts.contains(&consent.attempt_id.as_str()) {
                continue;
            }
            attempts.push(&consent.attempt_id);
        }
        ids.push(fetch.id.clone());
    }
    ids
}

fn pick_ups(journey: &Journey, now: Timestamp) -> impl Iterator<Item = (&Consent, &Fetch)> {
    journey
        .consents
        .iter()
        .filter(|consent| !given_up(journey, consent))
        .flat_map(|consent| consent.fetches.iter().map(move |fetch| (consent, fetch)))
        .filter(move |&(consent, fetch)| {
            !keeps_nothing(journey, consent, Some(fetch))
                && may_bring(journey, consent, Some(fetch), now).is_ok()
                && fetch.settled
                && fetch_usable(fetch.state)
                && fetch.picked_up_at.is_none()
                && fetch.purge.is_none()
                // Pushed data are picked up from their message, and no call of the provider returns them again.
                && fetch.pushed_by.is_none()
                && fetch.data_expires_at.is_none_or(|end| end > now)
        })
}

/// Ends what has waited too long: customers who do not finish, openings whose answer stays lost, sessions that never settle.
pub fn end_overdue(journey: &mut Journey, now: Timestamp, pace: &Pace) {
    use crate::journey::model::{Evidence, FactSource, FetchState};
    let limit = |limit: std::time::Duration| SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    let ours = |text: &str| Evidence { as_of: now, source: FactSource::Gateway, text: text.to_owned() };
    crate::journey::apply::abandon(journey, now, limit(pace.abandon_after));
    for attempt in &mut journey.attempts {
        let lost = matches!(attempt.state, AttemptState::OutcomeUnknown | AttemptState::Created);
        if lost && now.duration_since(attempt.created_at) >= limit(pace.outcome_limit) {
            attempt.state = AttemptState::Failed;
            attempt.failure_reason = Some("OUTCOME_UNKNOWN".to_owned());
            attempt.evidence = ours("outcome unknown");
        }
    }
    for consent in &mut journey.consents {
        let waited = consent.active_since.is_some_and(|since| now.duration_since(since) >= limit(pace.fetch_limit));
        consent.fetch_overdue = waited && consent.fetches.is_empty();
    }
    for fetch in journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
        if !fetch.settled && fetch.is_lost() && now.duration_since(fetch.requested_at) >= limit(pace.outcome_limit) {
            fetch.lose(ours("outcome unknown"));
        }
        if !fetch.settled && now.duration_since(fetch.requested_at) >= limit(pace.fetch_limit) {
            fetch.settled = true;
            if !fetch_usable(fetch.state) {
                fetch.state = FetchState::Timeout;
                fetch.evidence = ours("time limit");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{
        model::{Asking, ConsentMode, FetchState},
        testing,
    };

    #[test]
    fn the_gateway_asks_once_and_only_where_it_is_left_to_it() {
        let now = Timestamp::from_second(10).unwrap();
        let mut journey = testing::journey();
        journey.consents[0].state = ConsentState::Active;
        assert!(consents_to_request(&journey, now).is_empty());
        journey.consents[0].trigger = FetchTrigger::Gateway;
        assert_eq!(consents_to_request(&journey, now), ["cns_1"]);
        journey.consents[0].expires_at = Some(now);
        assert!(consents_to_request(&journey, now).is_empty(), "it has ended by its date");
        journey.consents[0].expires_at = None;
        journey.consents[0].fetches.push(testing::fetch(FetchState::Failed, true));
        assert!(consents_to_request(&journey, now).is_empty());
        journey.consents[0].fetches.clear();
        journey.consents[0].state = ConsentState::Paused;
        assert!(consents_to_request(&journey, now).is_empty());
    }

    #[test]
    fn a_request_that_was_refused_for_a_passing_reason_is_repeated_until_the_time_limit() {
        let mut journey = testing::journey();
        (journey.consents[0].state, journey.consents[0].trigger) = (ConsentState::Active, FetchTrigger::Gateway);
        let refused = Fetch { postponed: true, asked: Asking::Open, ..testing::fetch(FetchState::Requested, false) };
        journey.consents[0].fetches.push(refused);
        let now = Timestamp::from_second(10).unwrap();
        assert_eq!(consents_to_request(&journey, now), ["cns_1"]);
        let pace = Pace::default();
        end_overdue(&mut journey, Timestamp::from_second(3_600).unwrap(), &pace);
        assert_eq!(consents_to_request(&journey, now), ["cns_1"], "nothing is lost: nothing was sent");
        end_overdue(&mut journey, Timestamp::from_second(6 * 3_600).unwrap(), &pace);
        assert_eq!(journey.consents[0].fetches[0].state, FetchState::Timeout);
        assert!(consents_to_request(&journey, now).is_empty());
    }

    #[test]
    fn a_fetch_that_never_begins_is_awaited_for_a_limited_time() {
        let mut journey = testing::journey();
        journey.consents[0].state = ConsentState::Active;
        journey.consents[0].active_since = Some(Timestamp::from_second(0).unwrap());
        let pace = Pace::default();
        for (hours, overdue) in [(5, false), (6, true)] {
            end_overdue(&mut journey, Timestamp::from_second(hours * 3_600).unwrap(), &pace);
            assert_eq!(journey.consents[0].fetch_overdue, overdue);
        }
        journey.consents[0].fetches.push(testing::fetch(FetchState::Requested, false));
        end_overdue(&mut journey, Timestamp::from_second(6 * 3_600).unwrap(), &pace);
        assert!(!journey.consents[0].fetch_overdue, "it has begun after all");
    }

    #[test]
    fn a_transaction_is_picked_up_by_one_fetch() {
        let now = Timestamp::from_second(10).unwrap();
        let mut journey = testing::journey();
        journey.attempts[0].provider_ref = Some("transaction".to_owned());
        let with = |number: usize| Consent {
            id: format!("cns_{number}"),
            fetches: vec![Fetch { id: format!("fch_{number}"), ..testing::fetch(FetchState::Ready, true) }],
            ..testing::consent(ConsentState::Active)
        };
        journey.consents = vec![with(1), with(2)];
        assert_eq!(fetches_to_pick_up(&journey, now), ["fch_1"]);
        journey.consents[1].fetches[0] = Fetch { id: "fch_2".to_owned(), ..testing::fetch(FetchState::Requested, false) };
        assert!(fetches_to_pick_up(&journey, now).is_empty(), "rows of a consent that is still open are not told apart");
    }

    #[test]
    fn what_may_only_be_looked_at_is_not_picked_up() {
        let now = Timestamp::from_second(10).unwrap();
        let mut journey = testing::journey();
        journey.consents[0].state = ConsentState::Active;
        journey.consents[0].fetches.push(testing::fetch(FetchState::Ready, true));
        assert_eq!(fetches_to_pick_up(&journey, now), ["fch_1"]);
        journey.consents[0].mode = ConsentMode::View;
        assert!(fetches_to_pick_up(&journey, now).is_empty());
        journey.consents[0].mode = ConsentMode::Store;
        for held in [ConsentState::Paused, ConsentState::Expired] {
            journey.consents[0].state = held;
            assert!(fetches_to_pick_up(&journey, now).is_empty(), "{held:?}");
        }
        journey.consents[0].state = ConsentState::Active;
        journey.consents[0].fetches[0].data_expires_at = Some(now);
        assert!(fetches_to_pick_up(&journey, now).is_empty());
    }

    #[test]
    fn an_attempt_that_failed_as_unknown_is_polled_when_woken() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Failed;
        assert!(attempts_to_observe(&journey).is_empty());
        journey.attempts[0].unknown_since = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(attempts_to_observe(&journey), ["att_1"]);
    }

    #[test]
    fn time_limits_end_what_waits() {
        let pace = Pace::default();
        let late = Timestamp::from_second(30 * 3_600).unwrap();
        let mut journey = testing::journey();
        end_overdue(&mut journey, Timestamp::from_second(60).unwrap(), &pace);
        assert_eq!(journey.attempts[0].state, AttemptState::AwaitingCustomer);
        end_overdue(&mut journey, late, &pace);
        assert_eq!(journey.attempts[0].state, AttemptState::Abandoned);
        assert_eq!(attempts_to_observe(&journey), ["att_1"]);
        journey.attempts[0].state = AttemptState::OutcomeUnknown;
        journey.consents[0].fetches.push(testing::fetch(FetchState::Requested, false));
        end_overdue(&mut journey, late, &pace);
        assert_eq!(journey.attempts[0].state, AttemptState::Failed);
        assert_eq!(journey.consents[0].fetches[0].state, FetchState::Timeout);
        assert!(attempts_to_observe(&journey).is_empty());
    }
}
