//! The providers: one folder each, with the same file names.

pub mod capability;
pub mod error;
pub mod http;
pub mod provider;
