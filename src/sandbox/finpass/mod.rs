//! Finpass as it shows itself on the wire: the plain Account Aggregator product and AA-BSA.

mod analyser;
pub mod analysis;
mod envelope;
mod faults;
pub mod figures;
mod ids;
mod input;
mod page;
mod pdf;
mod plain;
pub mod report;
#[cfg(test)]
pub(crate) mod samples;
mod server;
pub mod statement;
mod term;
mod text;
mod webhook;
pub mod world;

pub use faults::ReadFault;
pub use page::Decision;
pub use server::{Accounts, Finpass, KeyPair, Scripts, Setup, router};
pub use webhook::Delivery;
