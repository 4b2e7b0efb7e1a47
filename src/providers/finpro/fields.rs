//! What FinPro's products deliver for deposits, term deposits and recurring deposits, each its own summary; a declared field that is unset in an answer is a fault.

/// Bank data through an aggregator, in either journey style.
pub const FULL_AA: &[&str] = &[
    "account.account_id",
    "account.fi_type",
    "account.masked_number",
    "account.fip_name",
    "account.source",
    "account.holders.name",
    "account.holders.date_of_birth",
    "account.holders.mobile",
    "account.holders.email",
    "account.holders.address",
    "account.holders.pan",
    "account.holders.nominee_registered",
    "account.holders.ckyc_registered",
    "account.holding",
    "account.holder_match",
    "account.stated_range",
    "account.delivered_range",
    "account.transaction_count",
    "account.fetch_time",
    "account.delivered",
    "account.deposit.current_balance",
    "account.deposit.balance_time",
    "account.deposit.kind",
    "account.deposit.branch",
    "account.deposit.ifsc",
    "account.deposit.micr",
    "account.deposit.opening_date",
    "account.deposit.status",
    "account.term_deposit.branch",
    "account.term_deposit.ifsc",
    "account.term_deposit.opening_date",
    "account.term_deposit.maturity_date",
    "account.term_deposit.kind_text",
    "account.term_deposit.principal",
    "account.term_deposit.current_value",
    "account.term_deposit.maturity_amount",
    "account.term_deposit.interest_rate",
    "account.term_deposit.interest_payout",
    "account.term_deposit.interest_computation",
    "account.term_deposit.compounding",
    "account.term_deposit.interest_periodic_payout",
    "account.term_deposit.interest_on_maturity",
    "account.term_deposit.tenure",
    "transaction.transaction_id",
    "transaction.type",
    "transaction.mode",
    "transaction.amount",
    "transaction.balance",
    "transaction.transaction_time",
    "transaction.transaction_date",
    "transaction.value_date",
    "transaction.narration",
    "transaction.bank_transaction_id",
];

/// A statement read from PDF.
pub const PDF: &[&str] = &[
    "account.account_id",
    "account.fi_type",
    "account.masked_number",
    "account.fip_name",
    "account.source",
    "account.tampered",
    "account.holders.name",
    "account.holders.mobile",
    "account.holders.email",
    "account.holder_match",
    "account.stated_range",
    "account.delivered_range",
    "account.transaction_count",
    "account.fetch_time",
    "account.delivered",
    "account.deposit.current_balance",
    "account.deposit.kind",
    "account.deposit.ifsc",
    "transaction.transaction_id",
    "transaction.type",
    "transaction.amount",
    "transaction.balance",
    "transaction.transaction_date",
    "transaction.narration",
];

#[cfg(test)]
mod tests {
    use crate::data::fields;

    #[test]
    fn only_fields_that_exist_are_declared() {
        for path in super::FULL_AA.iter().chain(super::PDF) {
            assert!(fields::exists(path), "{path}");
        }
    }
}
