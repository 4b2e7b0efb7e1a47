//! The sandbox's banks.

pub mod model;
