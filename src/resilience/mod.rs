//! The layers around an outbound call, one a file.

pub mod attempt;
pub mod breaker;
pub mod bucket;
pub mod budget;
pub mod concurrency;
pub mod deadline;
pub mod pauses;
pub mod rate;
pub mod retry;
