//! What happens to an attempt that its provider does not know. One such answer ends nothing; what was ended so is reopened by the provider's word.

use jiff::{SignedDuration, Timestamp};

use super::model::{Attempt, AttemptState, Evidence, FactSource, Journey};

/// The gateway's own text for an attempt that the provider does not know.
const UNKNOWN: &str = "unknown";

impl Attempt {
    /// Whether it failed only because the provider did not know it. Trees of 0.1.0 have the evidence's text alone.
    pub fn failed_as_unknown(&self) -> bool {
        let noted =
            self.unknown_since.is_some() || (self.evidence.source, self.evidence.text.as_str()) == (FactSource::Poll, UNKNOWN);
        self.state == AttemptState::Failed && noted
    }
}

/// How long a provider must go on answering "unknown reference" before an attempt counts as ended. One odd answer, of a replica that lags or a
/// gateway in front, must not end what a customer is busy with.
pub const UNKNOWN_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// Notes that the provider does not know an attempt. It ends the attempt once it has said so for [`UNKNOWN_LIMIT`], at each poll in between.
pub fn note(journey: &mut Journey, attempt_id: &str, now: Timestamp, reason: &str) {
    let open = |attempt: &&mut Attempt| attempt.id == attempt_id && attempt.state == AttemptState::AwaitingCustomer;
    let Some(attempt) = journey.attempts.iter_mut().find(open) else { return };
    // A clock that was set back begins anew.
    let since = attempt.unknown_since.filter(|since| *since <= now);
    let since = *attempt.unknown_since.insert(since.unwrap_or(now));
    if now.duration_since(since) < UNKNOWN_LIMIT {
        return;
    }
    attempt.state = AttemptState::Failed;
    attempt.failure_reason = Some(reason.to_owned());
    attempt.evidence = Evidence { as_of: now, source: FactSource::Poll, text: UNKNOWN.to_owned() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::personal::for_sealing,
        journey::{
            apply::{Merge, abandon, finish},
            model::StepState,
            policy::Assumptions,
            testing,
        },
        providers::provider::{AttemptFact, Observation},
        random::SystemRandom,
    };

    fn see(journey: &mut Journey, state: AttemptState) {
        let fact = AttemptFact {
            state,
            text: String::new(),
            institutions: Vec::new(),
            aa: StepState::Unspecified,
            pdf: None,
            skipped: false,
            steps: Vec::new(),
            route: None,
        };
        let assume = Assumptions::default();
        let merge = Merge { now: minute(20), source: FactSource::Poll, random: &SystemRandom, assume: &assume };
        merge.observation(journey, "att_1", Observation { attempt: Some(fact), ..Observation::default() });
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(10_000 + minute * 60).unwrap()
    }

    #[test]
    fn an_unknown_reference_ends_nothing_at_once() {
        let mut journey = testing::journey();
        for at in [0, 1, 4] {
            note(&mut journey, "att_1", minute(at), "PROVIDER_REFUSED");
            assert_eq!(journey.attempts[0].state, AttemptState::AwaitingCustomer, "{at}");
        }
        let before = journey.clone();
        note(&mut journey, "att_1", minute(5), "PROVIDER_REFUSED");
        assert_eq!(journey.attempts[0].state, AttemptState::Failed);
        assert_eq!(journey.attempts[0].failure_reason.as_deref(), Some("PROVIDER_REFUSED"));
        assert!(finish(&before, &mut journey, minute(5)));
    }

    #[test]
    fn what_is_noted_of_an_unknown_reference_is_no_change() {
        let mut journey = testing::journey();
        let before = journey.clone();
        note(&mut journey, "att_1", minute(0), "PROVIDER_REFUSED");
        assert_ne!(before, journey);
        assert!(!finish(&before, &mut journey, minute(0)));
    }

    #[test]
    fn a_fact_in_between_begins_the_limit_anew() {
        let mut journey = testing::journey();
        note(&mut journey, "att_1", minute(0), "PROVIDER_REFUSED");
        see(&mut journey, AttemptState::AwaitingCustomer);
        assert_eq!(journey.attempts[0].unknown_since, None);
        note(&mut journey, "att_1", minute(6), "PROVIDER_REFUSED");
        assert_eq!(journey.attempts[0].state, AttemptState::AwaitingCustomer);
        // A clock that was set back does so, too.
        note(&mut journey, "att_1", minute(2), "PROVIDER_REFUSED");
        note(&mut journey, "att_1", minute(6), "PROVIDER_REFUSED");
        assert_eq!(journey.attempts[0].state, AttemptState::AwaitingCustomer);
    }

    #[test]
    fn a_fact_reopens_an_attempt_that_failed_as_unknown() {
        let ended = || {
            let mut journey = testing::journey();
            note(&mut journey, "att_1", minute(0), "PROVIDER_REFUSED");
            note(&mut journey, "att_1", minute(9), "PROVIDER_REFUSED");
            journey
        };
        for state in [AttemptState::AwaitingCustomer, AttemptState::Done] {
            let mut journey = ended();
            see(&mut journey, state);
            let attempt = &journey.attempts[0];
            assert_eq!((attempt.state, attempt.unknown_since, attempt.failure_reason.as_deref()), (state, None, None));
        }
        // The provider's own failure is an end, from which nothing comes back.
        let mut journey = ended();
        see(&mut journey, AttemptState::Failed);
        see(&mut journey, AttemptState::Done);
        assert_eq!(journey.attempts[0].state, AttemptState::Failed);
        // What the gateway ends itself stays ended.
        let mut journey = ended();
        abandon(&mut journey, minute(100_000), SignedDuration::ZERO);
        assert_eq!(journey.attempts[0].state, AttemptState::Failed);
    }

    #[test]
    fn an_attempt_that_an_older_version_failed_as_unknown_is_reopened() {
        let mut tree = for_sealing(|| serde_json::to_value(testing::journey())).unwrap();
        let attempt = &mut tree["attempts"][0];
        attempt.as_object_mut().unwrap().remove("unknown_since");
        attempt["state"] = serde_json::to_value(AttemptState::Failed).unwrap();
        attempt["evidence"]["text"] = "unknown".into();
        let mut journey: Journey = serde_json::from_value(tree).unwrap();
        see(&mut journey, AttemptState::Done);
        assert_eq!(journey.attempts[0].state, AttemptState::Done);
    }
}
