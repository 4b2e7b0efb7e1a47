//! MoneyOne FinPro.

mod config;
pub mod data;
pub mod fields;

pub use config::{AnalyticsJourneys, Config, FetchType, FiFetch, Mode, Settings, Style, TemplateFacts};

/// FinPro's id in the contract.
pub const ID: &str = "finpro";
