//! Sangam: one gRPC contract over India's Account Aggregator data providers.

pub mod app;
pub mod clock;
pub mod config;
pub mod data;
pub mod journey;
pub mod pb;
pub mod providers;
pub mod resilience;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod seal;
pub mod server;
pub mod telemetry;
