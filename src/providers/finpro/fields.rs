//! What FinPro's products deliver for a DEPOSIT account; a declared field that is unset in an answer is a fault.

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
