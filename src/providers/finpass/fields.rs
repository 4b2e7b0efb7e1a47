//! What Finpass' products deliver for an account; a declared field that is unset in an answer is a fault.

/// The plain report. It names no bank.
pub const FULL_AA: &[&str] = &[
    "account.account_id",
    "account.fi_type",
    "account.masked_number",
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
    "account.deposit.facility",
    "account.deposit.overdraft_limit",
    "account.deposit.drawing_limit",
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

/// Those of [`FULL_AA`] whose names at the provider are assumed: it documents deposits only.
pub const FULL_AA_ASSUMED: &[&str] = &[
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
];

/// The statement behind an analysis.
pub const AA_BSA: &[&str] = &[
    "account.account_id",
    "account.fi_type",
    "account.masked_number",
    "account.fip_name",
    "account.source",
    "account.holders.name",
    "account.holder_match",
    "account.stated_range",
    "account.delivered_range",
    "account.transaction_count",
    "account.fetch_time",
    "account.delivered",
    "account.deposit.current_balance",
    "account.deposit.opening_balance",
    "account.deposit.kind",
    "account.deposit.ifsc",
    "transaction.transaction_id",
    "transaction.type",
    "transaction.mode",
    "transaction.amount",
    "transaction.balance",
    "transaction.transaction_date",
    "transaction.narration",
];

/// Those of [`AA_BSA`] whose names at the provider are assumed.
pub const AA_BSA_ASSUMED: &[&str] =
    &["transaction.type", "transaction.mode", "transaction.amount", "transaction.balance", "transaction.narration"];

#[cfg(test)]
mod tests {
    use crate::data::fields;

    #[test]
    fn only_fields_that_exist_are_declared() {
        for path in super::FULL_AA.iter().chain(super::AA_BSA) {
            assert!(fields::exists(path), "{path}");
        }
        assert!(super::FULL_AA_ASSUMED.iter().all(|path| super::FULL_AA.contains(path)));
        assert!(super::AA_BSA_ASSUMED.iter().all(|path| super::AA_BSA.contains(path)));
    }
}
