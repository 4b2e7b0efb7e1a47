//! The configuration: one small file a section, every fault reported together.

mod faults;
mod secret;

pub use faults::{Fault, Faults};
pub use secret::SecretSource;
