//! Sangam: one gRPC contract over India's Account Aggregator data providers.
//!
//! The way of a request:
//!
//! 1. [`server`] accepts the connection and runs the list of layers: call id, trace, panic, deadline, who calls, what he may.
//!    [`access`] judges certificates, tokens and API keys, and knows the scopes.
//! 2. [`rpc`] decodes and validates, one file an rpc; [`webhook`] proves and keeps what providers send by themselves, then wakes journeys.
//! 3. [`journey`] is the only orchestration: it writes the intent, calls a provider, merges what is seen into the tree.
//! 4. [`cache`] answers what has not changed; [`store`] keeps journeys and snapshots, [`seal`]ed.
//! 5. [`providers`] build and read the calls of each provider; [`resilience`] bounds them.
//! 6. [`data`] turns a provider's body into neutral rows, straight to the wire.
//!
//! [`app`] puts the parts together from [`config`]; [`contract`] reads what the contract says of its own fields and methods;
//! [`telemetry`] tells what happens; [`clock`] and [`random`] are injected.

pub mod access;
pub mod app;
pub mod config;
pub mod contract;
pub mod pb;
pub mod server;

pub mod rpc;
pub mod webhook;

pub mod journey;

pub mod cache;
pub mod seal;
pub mod store;

pub mod providers;
pub mod resilience;

pub mod data;

pub mod clock;
pub mod console;
pub mod memory;
pub mod random;
pub mod telemetry;

#[cfg(feature = "sandbox")]
pub mod sandbox;
