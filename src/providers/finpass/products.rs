//! What can be had with a Finpass credential, as data.

use super::{
    fields,
    plan::{AA_BSA, ACCOUNT_AGGREGATOR},
};
use crate::{
    pb::{DataSource, FiType, Product, Purpose, ReportFormat},
    providers::capability::ProviderProduct,
};

const PURPOSES: [Purpose; 2] = [Purpose::Underwriting, Purpose::Monitoring];

/// Both products.
pub(super) fn products() -> Vec<ProviderProduct> {
    vec![
        ProviderProduct {
            name: ACCOUNT_AGGREGATOR,
            products: vec![Product::Data],
            purposes: PURPOSES.to_vec(),
            fi_types: &[FiType::Deposit],
            sources: &[DataSource::Aa],
            declared_fields: fields::FULL_AA.to_vec(),
            assumed_fields: fields::FULL_AA_ASSUMED.to_vec(),
            report_formats: &[],
            inputs: &["customer.mobile", "customer.pan", "customer.email", "redirect_url"],
            resumes_attempt: false,
            several_consents: false,
            latest_changes: false,
            refreshes: true,
            finds_lost_fetches: false,
            revokes: false,
            deletes_data: false,
            assumed_capabilities: &[],
        },
        ProviderProduct {
            name: AA_BSA,
            products: vec![Product::Data, Product::Analytics],
            purposes: PURPOSES.to_vec(),
            fi_types: &[FiType::Deposit],
            sources: &[DataSource::Aa],
            declared_fields: fields::AA_BSA.to_vec(),
            assumed_fields: fields::AA_BSA_ASSUMED.to_vec(),
            report_formats: &[ReportFormat::Json],
            inputs: &["customer.mobile", "redirect_url"],
            resumes_attempt: false,
            several_consents: false,
            latest_changes: false,
            refreshes: false,
            finds_lost_fetches: false,
            revokes: false,
            deletes_data: false,
            assumed_capabilities: &[],
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_is_declared() {
        for product in products() {
            assert!(product.assumed_fields.iter().all(|field| product.declared_fields.contains(field)), "{}", product.name);
        }
    }
}
