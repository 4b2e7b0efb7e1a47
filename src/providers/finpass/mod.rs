//! Finpass.

pub mod data;
mod data_bsa;
pub mod fields;
mod config;

pub use config::{Config, Settings};

/// Finpass's id in the contract.
pub const ID: &str = "finpass";
