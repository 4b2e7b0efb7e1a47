//! The sandbox: wire-exact simulators of both providers over one bank.

pub mod bank;
pub mod finpass;
