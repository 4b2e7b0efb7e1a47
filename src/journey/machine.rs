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

/// Whether a fetch may go from one state to another. `settled` is of the state left.
pub fn fetch_may(from: FetchState, settled: bool, to: FetchState) -> bool {
    use FetchState::{Partial, Ready, Requested, Unspecified};
    match from {
        Requested => !matches!(to, Unspecified | Requested),
        Partial => !settled && !matches!(to, Unspecified | Requested | Partial),
        // What has come is not lost by a later word; only its going is noted elsewhere.
        Ready => false,
        _ => !settled && matches!(to, Ready | Partial),
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
            assert!(!fetch_may(FetchState::Ready, true, FetchState::try_from(to).unwrap()));
        }
        assert!(fetch_may(FetchState::Partial, false, FetchState::Ready));
        assert!(!fetch_may(FetchState::Partial, true, FetchState::Ready));
        assert!(!fetch_may(FetchState::Partial, false, FetchState::Requested));
    }

    #[test]
    fn an_abandoned_attempt_is_reopened_by_a_fact_and_a_cancelled_one_is_not() {
        assert!(attempt_may(AttemptState::Abandoned, AttemptState::Done));
        assert!(!attempt_may(AttemptState::Abandoned, AttemptState::AwaitingCustomer));
        assert!(!attempt_may(AttemptState::Cancelled, AttemptState::Done));
        assert!(!attempt_may(AttemptState::Done, AttemptState::AwaitingCustomer));
    }
}
