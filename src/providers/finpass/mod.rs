//! Finpass.

mod config;
pub mod data;
mod data_bsa;
pub mod fields;

pub use config::{Config, Settings};

/// Finpass's id in the contract.
pub const ID: &str = "finpass";
