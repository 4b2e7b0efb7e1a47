//! What a provider can do, as data.

use crate::pb::{DataSource, FiType, Product, Purpose, ReportFormat};

/// The input of products that can analyse chosen accounts.
pub const BY_ACCOUNT: &str = "analytics.account_ids";

/// One of the provider's products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderProduct {
    /// Its name in the contract.
    pub name: &'static str,
    /// What a journey of it can bring.
    pub products: Vec<Product>,
    /// The purposes that are configured for it.
    pub purposes: Vec<Purpose>,
    /// The kinds of account.
    pub fi_types: &'static [FiType],
    /// The sources of data.
    pub sources: &'static [DataSource],
    /// The fields that it declares to deliver; a declared field that is unset in an answer is a fault of ours.
    pub declared_fields: Vec<&'static str>,
    /// Those of them that rest on a guess of ours.
    pub assumed_fields: Vec<&'static str>,
    /// The documents of its analysis.
    pub report_formats: &'static [ReportFormat],
    /// The inputs of StartJourney that it honours.
    pub inputs: &'static [&'static str],
    /// Whether a fresh URL leads to the same attempt.
    pub resumes_attempt: bool,
    /// Whether a journey can hold several consents.
    pub several_consents: bool,
    /// Whether it can be asked for what is new since it was last asked.
    pub latest_changes: bool,
    /// Whether data can be asked for anew on a consent that lasts.
    pub refreshes: bool,
    /// Whether a request for data whose answer was lost can be found again.
    pub finds_lost_fetches: bool,
    /// Whether consents can be withdrawn.
    pub revokes: bool,
    /// Whether data can be deleted.
    pub deletes_data: bool,
    /// Those of the capabilities that rest on a guess of ours, by their names in the contract.
    pub assumed_capabilities: &'static [&'static str],
}
