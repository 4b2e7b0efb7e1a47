//! The three state machines as data: which step each may take. A fact that would move one back is dropped, so late and reordered news
//! does no harm.

use super::model::{AttemptState, ConsentState, FetchState};

/// Whether an attempt may go from one state to another.
pub fn attempt_may(from: AttemptState, to: AttemptState) -> bool {
    use AttemptState::{Abandoned, AwaitingCustomer, Cancelled, Created, Done, Failed, OutcomeUnknown, Unspecified};
    match from {
        Created => !matches!(to, Unspecified | Created),
        OutcomeUnknown => matches!(to, AwaitingCustomer | Done | Failed | Cancelled),
        AwaitingCustomer => matches!(to, Done | Failed | Abandoned | Cancelled),
        // A time limit is our own word; what the customer does after all weighs more. That the provider still waits is no news.
        Abandoned => matches!(to, Done | Failed | Cancelled),
        Done | Failed | Cancelled | Unspecified => false,
    }
}

/// Whether an attempt that failed only because the provider did not know it ([`super::model::Attempt::failed_as_unknown`]) may go to a state that the
/// provider reports. Its later word shows that it does know the attempt. This is the only way out of a failure, and only a fact takes it.
pub fn unknown_attempt_may(to: AttemptState) -> bool {
    matches!(to, AttemptState::AwaitingCustomer | AttemptState::Done)
}

/// Whether a consent may go from one state to another.
pub fn consent_may(from: ConsentState, to: ConsentState) -> bool {
    use ConsentState::{Active, Expired, Failed, Other, Paused, Pending, Rejected, Revoked, Unspecified};
    match from {
        Pending | Other => !matches!(to, Unspecified | Pending) && from != to,
        Active => matches!(to, Paused | Revoked | Expired),
        Paused => matches!(to, Active | Revoked | Expired),
        // A withdrawal after the end still counts: it fences what is kept.
        Expired => to == Revoked,
        Rejected | Revoked | Failed | Unspecified => false,
    }
}

/// Whether a fetch may go from one state to another; both with whether they are settled.
pub fn fetch_may(from: (FetchState, bool), to: (FetchState, bool)) -> bool {
    use FetchState::{Partial, Ready, Requested, Unspecified};
    let ends_without = to.1 && !matches!(to.0, Unspecified | Requested | Ready | Partial);
    match from {
        (Requested, _) => !matches!(to.0, Unspecified | Requested),
        // What has come is not lost by a later word; only its going is noted elsewhere.
        (Ready, _) | (_, true) => false,
        (Partial, false) => to.0 == Ready || ends_without,
        (state, false) => matches!(to.0, Ready | Partial) || (ends_without && to.0 != state),
    }
}

/// Whether an attempt still waits for something.
pub fn attempt_open(state: AttemptState) -> bool {
    matches!(state, AttemptState::Created | AttemptState::AwaitingCustomer | AttemptState::OutcomeUnknown)
}

/// Whether a consent was given, whatever became of it, short of being withdrawn.
pub fn consent_given(state: ConsentState) -> bool {
    matches!(state, ConsentState::Active | ConsentState::Paused | ConsentState::Expired)
}

/// Whether a fetch has something to serve.
pub fn fetch_usable(state: FetchState) -> bool {
    matches!(state, FetchState::Ready | FetchState::Partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_consent_comes_back_from_its_end() {
        for from in [ConsentState::Rejected, ConsentState::Revoked, ConsentState::Failed] {
            for to in 0..=8 {
                assert!(!consent_may(from, ConsentState::try_from(to).unwrap()), "{from:?} -> {to}");
            }
        }
        assert!(!consent_may(ConsentState::Active, ConsentState::Pending));
        assert!(!consent_may(ConsentState::Active, ConsentState::Rejected));
        assert!(consent_may(ConsentState::Paused, ConsentState::Active));
        assert!(consent_may(ConsentState::Expired, ConsentState::Revoked));
        assert!(!consent_may(ConsentState::Expired, ConsentState::Active));
    }

    #[test]
    fn a_fetch_that_is_there_stays_there() {
        for to in 0..=7 {
            assert!(!fetch_may((FetchState::Ready, true), (FetchState::try_from(to).unwrap(), true)));
        }
        assert!(fetch_may((FetchState::Partial, false), (FetchState::Ready, true)));
        assert!(!fetch_may((FetchState::Partial, true), (FetchState::Ready, true)));
        assert!(!fetch_may((FetchState::Partial, false), (FetchState::Requested, false)));
        assert!(!fetch_may((FetchState::Partial, false), (FetchState::Failed, false)));
        assert!(fetch_may((FetchState::Partial, false), (FetchState::Failed, true)));
    }

    /// Every pair of states of which each can be reached from the other, in any number of steps.
    fn both_ways<S: Copy + PartialEq>(states: &[S], may: impl Fn(S, S) -> bool) -> Vec<(S, S)> {
        let reachable = |from: S| {
            let mut reached = vec![from];
            let mut next = 0;
            while let Some(at) = reached.get(next).copied() {
                reached.extend(
                    states.iter().filter(|to| may(at, **to)).filter(|to| !reached.contains(to)).copied().collect::<Vec<_>>(),
                );
                next += 1;
            }
            reached
        };
        let pairs = states.iter().flat_map(|from| states.iter().map(move |to| (*from, *to)));
        pairs.filter(|(from, to)| from != to && reachable(*from).contains(to) && reachable(*to).contains(from)).collect()
    }

    fn known<S: TryFrom<i32>>() -> Vec<S> {
        (0..100).filter_map(|number| S::try_from(number).ok()).collect()
    }

    #[test]
    fn no_machine_ever_comes_back_to_a_state_that_it_has_left() {
        let attempts: Vec<AttemptState> = known();
        assert_eq!(attempts.len(), 8);
        assert_eq!(both_ways(&attempts, attempt_may), []);
        assert!(attempts.iter().all(|state| !attempt_may(*state, *state)));
        let consents: Vec<ConsentState> = known();
        assert_eq!(consents.len(), 9);
        // Held and live again, as the customer likes.
        let (live, held) = (ConsentState::Active, ConsentState::Paused);
        assert_eq!(both_ways(&consents, consent_may), [(live, held), (held, live)]);
        assert!(consents.iter().all(|state| !consent_may(*state, *state)));
        let fetches: Vec<(FetchState, bool)> = known().into_iter().flat_map(|state| [(state, false), (state, true)]).collect();
        assert_eq!(fetches.len(), 16);
        // As merging does: the machine, and that a state settles.
        let step = |from: (FetchState, bool), to: (FetchState, bool)| fetch_may(from, to) || (from.0 == to.0 && to.1 && !from.1);
        assert_eq!(both_ways(&fetches, step), []);
    }

    #[test]
    fn only_the_providers_open_or_done_reopens_an_unknown_attempt() {
        let reopened: Vec<AttemptState> = known().into_iter().filter(|to| unknown_attempt_may(*to)).collect();
        assert_eq!(reopened, [AttemptState::AwaitingCustomer, AttemptState::Done]);
        // By the machine itself a failed attempt stays failed.
        assert!(known().into_iter().all(|to| !attempt_may(AttemptState::Failed, to)));
    }

    #[test]
    fn an_abandoned_attempt_is_reopened_by_a_fact_and_a_cancelled_one_is_not() {
        assert!(attempt_may(AttemptState::Abandoned, AttemptState::Done));
        assert!(!attempt_may(AttemptState::Abandoned, AttemptState::AwaitingCustomer));
        assert!(!attempt_may(AttemptState::Cancelled, AttemptState::Done));
        assert!(!attempt_may(AttemptState::Done, AttemptState::AwaitingCustomer));
    }
}
