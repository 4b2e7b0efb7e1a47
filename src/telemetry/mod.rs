//! Traces and logs. Nothing personal enters either.

pub mod propagation;
