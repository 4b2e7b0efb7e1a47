//! Requests that watch.

use super::{Check, journey_id};
use crate::{
    journey::{error::Failure, model::JourneyState},
    pb,
};

const MAX_STATES: usize = 20;

/// WatchStatus.
pub(in crate::rpc) fn watch_status(request: &pb::WatchStatusRequest) -> Result<(), Failure> {
    let mut check = Check::default();
    check.require(request.after_sequence.is_none_or(|after| after >= 0), "after_sequence", "must not be negative");
    check.finish(())?;
    journey_id(&request.journey_id)
}

/// WatchJourneys: the states that are told.
pub(in crate::rpc) fn watch_journeys(request: &pb::WatchJourneysRequest) -> Result<Vec<JourneyState>, Failure> {
    let mut check = Check::default();
    check.require(request.states.len() <= MAX_STATES, "states", "must be at most 20");
    let mut states = Vec::new();
    for (place, number) in request.states.iter().take(MAX_STATES).enumerate() {
        match JourneyState::try_from(*number) {
            Ok(JourneyState::Unspecified) | Err(_) => check.add(format!("states[{place}]"), "must be a known state"),
            Ok(state) => states.push(state),
        }
    }
    check.finish(states)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::validate::tests::fields;

    #[test]
    fn a_sequence_is_not_negative_and_a_journey_is_named() {
        let ask = |journey_id: &str, after_sequence| {
            let request = pb::WatchStatusRequest { journey_id: journey_id.to_owned(), after_sequence, follow: false };
            watch_status(&request).map_err(fields)
        };
        let id = format!("jrn_{}", "0".repeat(26));
        assert_eq!(ask(&id, Some(-1)), Err(vec!["after_sequence".to_owned()]));
        assert_eq!(ask("", None), Err(vec!["journey_id".to_owned()]));
        assert_eq!((ask(&id, Some(0)), ask(&id, None)), (Ok(()), Ok(())));
    }

    #[test]
    fn states_are_known_ones() {
        let ask = |states: &[i32]| {
            let request = pb::WatchJourneysRequest { states: states.to_vec(), ..Default::default() };
            watch_journeys(&request).map_err(fields)
        };
        assert_eq!(ask(&[6, 11]), Ok(vec![JourneyState::Ready, JourneyState::Failed]));
        assert_eq!(ask(&[6, 0, 99]), Err(vec!["states[1]".to_owned(), "states[2]".to_owned()]));
        assert_eq!(ask(&[6; 21]), Err(vec!["states".to_owned()]));
    }
}
