//! How far the work for a call has come, for the layer that answers in its place when the caller's time is over: the work may hang in a store
//! that does not answer, while the journey exists and the provider may have acted.

use std::sync::{Arc, Mutex, PoisonError};

use crate::providers::error::Effect;

/// What is known of a call's work. Cheap to clone; every clone shows the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Reached>>);

/// How far a call's work has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The journey that the call concerns, or has opened; none before there is one.
    pub journey_id: Option<String>,
    /// What the work has done at a provider or to the journey, also after the call has ended.
    pub effect: Effect,
}

impl Default for Reached {
    fn default() -> Self {
        Self { journey_id: None, effect: Effect::None }
    }
}

impl Progress {
    /// The call concerns this journey, which exists.
    pub fn journey(&self, journey_id: &str) {
        self.change(|reached| reached.journey_id = Some(journey_id.to_owned()));
    }

    /// The work has begun that may have this effect, or has ended with it.
    pub fn effect(&self, effect: Effect) {
        self.change(|reached| reached.effect = effect);
    }

    /// What is known now.
    pub fn reached(&self) -> Reached {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Reached)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
