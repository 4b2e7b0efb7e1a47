//! Finpass as it shows itself on the wire: the plain Account Aggregator product and AA-BSA.

mod analyser;
pub mod analysis;
mod customer;
mod envelope;
mod faults;
mod ids;
mod input;
pub mod journey_status;
pub mod look;
mod paths;
mod pdf;
mod plain;
pub mod report;
#[cfg(test)]
pub(crate) mod samples;
pub mod script;
mod server;
pub mod statement;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod webhook;
pub mod world;

pub use faults::ReadFault;
pub use server::Finpass;
pub(super) use server::part;
