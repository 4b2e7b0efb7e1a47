//! What can be had with a Finpass credential, as data.

use super::plan::{AA_BSA, ACCOUNT_AGGREGATOR};
use crate::{
    pb::{DataSource, FiType, Product, Purpose, ReportFormat},
    providers::capability::ProviderProduct,
};

/// The fields that every account of the plain product brings.
const PLAIN: &[&str] = &[
    "account.account_id",
    "account.fetch_id",
    "account.consent_id",
    "account.fi_type",
    "account.masked_number",
    "account.source",
    "account.holders.name",
    "account.holders.pan",
    "account.deposit.current_balance",
    "account.deposit.ifsc",
    "account.stated_range",
    "account.transaction_count",
    "account.fetch_time",
    "account.delivered",
    "transaction.transaction_id",
    "transaction.account_id",
    "transaction.type",
    "transaction.mode",
    "transaction.amount",
    "transaction.balance",
    "transaction.transaction_time",
    "transaction.transaction_date",
    "transaction.narration",
    "transaction.bank_transaction_id",
    "transaction.ordinal",
];

/// Those of the analysed product.
const ANALYSED: &[&str] = &[
    "account.account_id",
    "account.fetch_id",
    "account.consent_id",
    "account.fi_type",
    "account.masked_number",
    "account.fip_name",
    "account.source",
    "account.holders.name",
    "account.deposit.current_balance",
    "account.deposit.opening_balance",
    "account.deposit.ifsc",
    "account.stated_range",
    "account.transaction_count",
    "account.fetch_time",
    "account.delivered",
    "transaction.transaction_id",
    "transaction.account_id",
    "transaction.type",
    "transaction.amount",
    "transaction.balance",
    "transaction.transaction_date",
    "transaction.narration",
    "transaction.ordinal",
];

/// Of a row of the analysed product only the date is documented.
const GUESSED: &[&str] = &["transaction.type", "transaction.amount", "transaction.balance", "transaction.narration"];

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
            declared_fields: PLAIN,
            assumed_fields: &[],
            report_formats: &[],
            inputs: &["customer.mobile", "customer.pan", "customer.email", "redirect_url"],
            resumes_attempt: false,
            several_consents: false,
        },
        ProviderProduct {
            name: AA_BSA,
            products: vec![Product::Data, Product::Analytics],
            purposes: PURPOSES.to_vec(),
            fi_types: &[FiType::Deposit],
            sources: &[DataSource::Aa],
            declared_fields: ANALYSED,
            assumed_fields: GUESSED,
            report_formats: &[ReportFormat::Json],
            inputs: &["customer.mobile", "redirect_url"],
            resumes_attempt: false,
            several_consents: false,
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
