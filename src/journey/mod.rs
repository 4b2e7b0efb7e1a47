//! Journeys: the model, the state machines, the service and its background.

pub mod model;
