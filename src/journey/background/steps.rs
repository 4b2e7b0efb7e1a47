//! What a tree needs next, decided without any I/O.

use jiff::{SignedDuration, Timestamp};

use crate::journey::{
    machine::{consent_given, fetch_usable},
    model::{AttemptState, ConsentState, FetchTrigger, Journey},
    policy::Pace,
    sharing::{is_live, keeps_nothing, may_bring},
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
        _ => false,
    };
    journey.attempts.iter().filter(worth).map(|attempt| attempt.id.clone()).collect()
}

/// The consents whose first fetch the gateway has to ask for: given, left to us by the template, and never asked before.
pub fn consents_to_request(journey: &Journey, now: Timestamp) -> Vec<String> {
    journey
        .consents
        .iter()
        .filter(|consent| {
            is_live(consent, now).is_ok()
                && consent.trigger == FetchTrigger::Gateway
                && !consent.uploaded
                && consent.fetches.is_empty()
                && !given_up(journey, consent)
        })
        .map(|consent| consent.id.clone())
        .collect()
}

/// The fetches to pick up: there, whole as far as they will be, keepable, and not kept yet.
pub fn fetches_to_pick_up(journey: &Journey, now: Timestamp) -> Vec<String> {
    journey
        .consents
        .iter()
        .filter(|consent| !given_up(journey, consent))
        .flat_map(|consent| consent.fetches.iter().map(move |fetch| (consent, fetch)))
        .filter(|&(consent, fetch)| {
            !keeps_nothing(journey, consent, Some(fetch))
                && may_bring(journey, consent, Some(fetch), now).is_ok()
                && fetch.settled
                && fetch_usable(fetch.state)
                && fetch.picked_up_at.is_none()
                && fetch.purge.is_none()
                && fetch.data_expires_at.is_none_or(|end| end > now)
        })
        .map(|(_, fetch)| fetch.id.clone())
        .collect()
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
        model::{ConsentMode, FetchState},
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
