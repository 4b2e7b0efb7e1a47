//! Journeys: the model, the state machines, the service and its background.

pub mod apply;
pub mod arrivals;
pub mod attempt_step;
pub mod background;
pub mod calls;
pub mod data_life;
pub mod derive;
pub mod due;
pub mod error;
pub mod fair_queue;
pub mod fair_use;
mod fetched_rows;
pub mod frequency;
pub mod machine;
pub mod model;
pub mod on_record;
#[cfg(test)]
mod orders_tests;
pub mod policy;
pub mod progress;
pub mod service;
pub mod sharing;
#[cfg(test)]
pub(crate) mod testing;
pub mod transaction;
pub mod undelivered;
pub mod unknown;
pub mod watch;
pub mod withdraw;
