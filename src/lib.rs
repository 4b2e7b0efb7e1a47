//! Sangam: one gRPC contract over India's Account Aggregator data providers.

pub mod cache;
pub mod clock;
pub mod config;
pub mod data;
pub mod journey;
pub mod pb;
pub mod providers;
pub mod random;
pub mod resilience;
pub mod seal;
pub mod store;
pub mod telemetry;
