//! The providers: one folder each, with the same file names.

pub mod capability;
pub mod error;
pub mod finpass;
pub mod finpro;
pub mod http;
pub mod provider;
