//! When the background polls a journey next. Every journey is settled or has a date: while something is open the pauses between its polls
//! grow, and a time limit ends what stays open.

use jiff::{SignedDuration, Timestamp};

use super::{
    background::steps,
    derive,
    machine::fetch_usable,
    model::{AttemptState, Consent, ConsentState, Fetch, Journey, JourneyState},
    policy::Pace,
    withdraw,
};

/// When the journey is polled next; `None` where nothing can change any more.
pub fn next_poll(journey: &Journey, pace: &Pace, now: Timestamp) -> Option<Timestamp> {
    let ended = journey.consents.iter().all(|consent| has_ended(journey, consent));
    let open = journey.attempts.iter().any(|attempt| {
        matches!(
            attempt.state,
            AttemptState::Created | AttemptState::AwaitingCustomer | AttemptState::OutcomeUnknown | AttemptState::Abandoned
        )
    });
    let forgotten =
        now.duration_since(journey.state_at) > SignedDuration::try_from(pace.forget_after).unwrap_or(SignedDuration::MAX);
    let late = withdraw::may_be_approved(journey, now, pace.abandon_after);
    // What is still awaited has its time limit, also under an attempt that failed.
    let awaited = !derive::settled(journey);
    // Data that may not be kept before its mode is told is picked up when it is.
    let untold = journey.consents.iter().any(|consent| consent.mode_untold && awaits_its_mode(consent, now));
    // Data that came is picked up, also under an attempt that failed.
    let to_pick_up = !steps::fetches_to_pick_up(journey, now).is_empty();
    if (ended && !awaited && !open && !late && !to_pick_up) || forgotten {
        return None;
    }
    let settled = !awaited && !to_pick_up && !late && !untold;
    let pause = match journey.state {
        JourneyState::Abandoned if settled => pace.pause_of_abandoned(journey.looks),
        _ => pace.pause(journey.looks, settled),
    };
    now.checked_add(SignedDuration::try_from(pause).ok()?).ok()
}

/// Whether a fetch of a consent could be picked up if its mode were told.
fn awaits_its_mode(consent: &Consent, now: Timestamp) -> bool {
    let open = |fetch: &Fetch| fetch.picked_up_at.is_none() && fetch.purge.is_none() && fetch_usable(fetch.state);
    let lives = |fetch: &Fetch| fetch.data_expires_at.is_none_or(|end| end > now);
    consent.state == ConsentState::Active && consent.fetches.iter().any(|fetch| open(fetch) && lives(fetch))
}

/// Whether nothing comes of a consent any more, and nothing becomes of it.
fn has_ended(journey: &Journey, consent: &Consent) -> bool {
    let given_up = |state| matches!(state, AttemptState::Failed | AttemptState::Cancelled);
    matches!(consent.state, ConsentState::Rejected | ConsentState::Revoked | ConsentState::Failed)
        || (consent.state == ConsentState::Expired && consent.fetches.iter().all(|fetch| fetch.settled))
        || journey.attempts.iter().any(|attempt| attempt.id == consent.attempt_id && given_up(attempt.state))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journey::{
        apply,
        model::{Asking, DayRange, FetchState},
        testing,
        withdraw::Offers,
    };

    const ATTEMPTS: [AttemptState; 7] = [
        AttemptState::Created,
        AttemptState::AwaitingCustomer,
        AttemptState::Done,
        AttemptState::Failed,
        AttemptState::OutcomeUnknown,
        AttemptState::Abandoned,
        AttemptState::Cancelled,
    ];
    const CONSENTS: [ConsentState; 8] = [
        ConsentState::Pending,
        ConsentState::Active,
        ConsentState::Paused,
        ConsentState::Rejected,
        ConsentState::Revoked,
        ConsentState::Expired,
        ConsentState::Failed,
        ConsentState::Other,
    ];
    const FETCHES: [Option<(FetchState, bool)>; 12] = [
        None,
        Some((FetchState::Requested, false)),
        Some((FetchState::Ready, false)),
        Some((FetchState::Ready, true)),
        Some((FetchState::Partial, false)),
        Some((FetchState::Partial, true)),
        Some((FetchState::Empty, true)),
        Some((FetchState::Denied, false)),
        Some((FetchState::Denied, true)),
        Some((FetchState::Timeout, true)),
        Some((FetchState::Failed, false)),
        Some((FetchState::Failed, true)),
    ];

    /// What the fetch of another consent adds: nothing, something open, or rows.
    const OTHERS: [Option<(FetchState, bool)>; 3] = [None, Some((FetchState::Requested, false)), Some((FetchState::Ready, true))];

    fn pace() -> Pace {
        Pace {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(900),
            abandon_after: Duration::from_secs(2 * 3_600),
            outcome_limit: Duration::from_secs(1_800),
            fetch_limit: Duration::from_secs(3_600),
            ..Pace::default()
        }
    }

    fn consent(number: usize, state: ConsentState, fetch: Option<(FetchState, bool)>) -> Consent {
        let mut consent = testing::consent(state);
        consent.id = format!("cns_{number}");
        consent.handle = Some(format!("handle-{number}"));
        if let Some((state, settled)) = fetch {
            let end = Timestamp::from_second(3 * 3_600).ok();
            consent.fetches.push(Fetch { id: format!("fch_{number}"), data_expires_at: end, ..testing::fetch(state, settled) });
        }
        consent
    }

    /// Polls a journey of which the provider reports nothing new until it is settled, with the pauses between the polls.
    fn pauses(mut journey: Journey) -> Result<Vec<Duration>, String> {
        let pace = pace();
        let (mut now, mut pauses) = (Timestamp::UNIX_EPOCH, Vec::new());
        let label = format!("{:?} {:?}", journey.attempts, journey.consents);
        for _ in 0..400 {
            let before = journey.clone();
            journey.looks += 1;
            steps::end_overdue(&mut journey, now, &pace);
            withdraw::conclude(&mut journey, Offers::default(), now);
            apply::finish(&before, &mut journey, now);
            let done = derive::settled(&journey) && steps::fetches_to_pick_up(&journey, now).is_empty();
            let Some(next) = next_poll(&journey, &pace, now) else {
                return if done { Ok(pauses) } else { Err(format!("waits for ever without a poll: {label}")) };
            };
            if done && !withdraw::may_be_approved(&journey, now, pace.abandon_after) {
                return Ok(pauses);
            }
            pauses.push(Duration::try_from(next.duration_since(now)).map_err(|_| format!("due in the past: {label}"))?);
            now = next;
        }
        Err(format!("never settles: {label}"))
    }

    /// Every pause is at most the longest one. A pause is shorter than the one before only where a time limit has moved something: once for
    /// each attempt, consent and fetch.
    fn check(journey: Journey) {
        let pauses = pauses(journey).unwrap_or_else(|fault| panic!("{fault}"));
        assert!(pauses.iter().all(|pause| *pause >= pace().first && *pause <= pace().settled), "{pauses:?}");
        let shorter = pauses.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(shorter <= 5, "{pauses:?}");
    }

    fn journey(attempt: AttemptState, whole: bool, consents: Vec<Consent>) -> Journey {
        let mut journey = testing::journey();
        journey.attempts[0].state = attempt;
        journey.attempts[0].provider_ref = whole.then(|| "transaction".to_owned());
        journey.consents = consents;
        journey.state = derive::state(&journey);
        journey
    }

    #[test]
    fn every_mix_of_two_consents_settles_or_has_a_date() {
        for attempt in ATTEMPTS {
            for (one, two) in CONSENTS.iter().flat_map(|one| CONSENTS.iter().map(move |two| (*one, *two))) {
                for (first, second) in FETCHES.iter().flat_map(|one| OTHERS.iter().map(move |two| (*one, *two))) {
                    for whole in [false, true] {
                        check(journey(attempt, whole, vec![consent(1, one, first), consent(2, two, second)]));
                    }
                }
            }
        }
    }

    #[test]
    fn every_way_in_which_a_fetch_was_asked_for_ends() {
        for asked in [Asking::ByProvider, Asking::Open, Asking::Applied, Asking::Unknown, Asking::Refused] {
            for (state, postponed) in CONSENTS.iter().flat_map(|state| [(*state, false), (*state, true)]) {
                let mut waiting = consent(1, state, Some((FetchState::Requested, false)));
                waiting.fetches = waiting.fetches.into_iter().map(|fetch| Fetch { asked, postponed, ..fetch }).collect();
                check(journey(AttemptState::Done, false, vec![waiting]));
            }
        }
    }

    #[test]
    fn a_live_consent_beside_a_withdrawn_one_is_not_awaited_for_ever() {
        let withdrawn = consent(1, ConsentState::Revoked, Some((FetchState::Ready, true)));
        let left = journey(AttemptState::Done, true, vec![withdrawn, consent(2, ConsentState::Active, None)]);
        assert_eq!(left.state, JourneyState::Consented);
        let pauses = pauses(left).unwrap();
        assert!(pauses.len() < 40, "{pauses:?}");
        assert_eq!(pauses.iter().max(), Some(&Duration::from_secs(900)));
    }

    #[test]
    fn facts_that_go_to_and_fro_do_not_speed_the_polls_up() {
        let mut journey = journey(AttemptState::Done, false, vec![consent(1, ConsentState::Active, None)]);
        for look in 0..20 {
            let before = journey.clone();
            journey.looks += 1;
            let from = jiff::civil::Date::new(2025, 1, 1 + look % 2).ok();
            journey.consents[0].template_range = Some(DayRange { from, to: None });
            assert!(apply::finish(&before, &mut journey, Timestamp::UNIX_EPOCH), "it is news");
        }
        assert_eq!(journey.looks, 20);
    }
}
