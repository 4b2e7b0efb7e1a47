//! Finpass.

mod config;

pub use config::{Config, Settings};

/// Finpass's id in the contract.
pub const ID: &str = "finpass";
