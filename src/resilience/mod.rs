//! The layers around an outbound call, one a file.

pub mod attempt;
pub mod breaker;
pub mod deadline;
pub mod retry;
