//! Finpass.

pub mod data;
pub mod data_bsa;
pub mod fields;
