//! The steps of an attempt as a provider reports them. They show how far a customer is and decide nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::StepState;
use crate::providers::provider::StepFact;

/// One step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStep {
    /// The provider's word for the step, in upper case.
    pub kind: String,
    /// Its state.
    pub state: StepState,
    /// The provider's word for the state.
    pub text: String,
    /// Since when it is in this state, as far as the gateway saw.
    pub as_of: Timestamp,
}

/// Merges the steps of a poll. A step keeps the time at which its state was first seen, and is kept where a later answer leaves it out.
pub(super) fn merge(steps: &mut Vec<AttemptStep>, seen: Vec<StepFact>, now: Timestamp) {
    for StepFact { kind, state, text } in seen {
        let step = AttemptStep { kind, state, text, as_of: now };
        match steps.iter_mut().find(|known| known.kind == step.kind) {
            Some(known) if (known.state, &known.text) == (step.state, &step.text) => {}
            Some(known) => *known = step,
            None => steps.push(step),
        }
    }
}
