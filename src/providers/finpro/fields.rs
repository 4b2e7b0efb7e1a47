//! What FinPro's products deliver: of every account, and of each kind its own summary, holdings and rows; a declared field that is unset in
//! an answer is a fault.

use std::sync::LazyLock;

use super::config::Style;

mod kinds;

static RECORDED: LazyLock<Vec<String>> = LazyLock::new(|| paths(kinds::RECORDED));
static BY_SCHEMA: LazyLock<Vec<String>> = LazyLock::new(|| paths(kinds::BY_SCHEMA));

fn paths(table: &[(&str, &str)]) -> Vec<String> {
    table.iter().flat_map(|(message, fields)| fields.split(' ').map(move |field| format!("{message}.{field}"))).collect()
}

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

/// What a product declares. An orchestrated journey may bring a statement instead of a bank's own data: then what both have is what can be
/// relied upon. Statements are of savings and current accounts only, so of all other kinds everything is declared.
pub fn declared(style: Style) -> Vec<&'static str> {
    let relied_upon = |path: &&'static str| match style {
        Style::Consent => true,
        Style::Orchestration => PDF.contains(path) || path.starts_with("account.term_deposit."),
    };
    FULL_AA.iter().copied().filter(relied_upon).chain(RECORDED.iter().chain(&*BY_SCHEMA).map(String::as_str)).collect()
}

/// Those that only the FI schemas show, and no recording of FinPro.
pub fn assumed() -> Vec<&'static str> {
    BY_SCHEMA.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fields;

    #[test]
    fn only_fields_that_exist_are_declared() {
        for path in declared(Style::Consent).iter().chain(PDF) {
            assert!(fields::exists(path), "{path}");
        }
    }

    #[test]
    fn an_orchestrated_journey_declares_of_deposits_what_both_sources_have() {
        let both = declared(Style::Orchestration);
        let of_deposits = |path: &&&str| matches!(fields::details_of(path), None | Some("account.deposit"));
        let missing: Vec<_> = PDF.iter().filter(|path| !both.contains(path)).collect();
        // Nobody looks for tampering in a bank's own data.
        assert_eq!(missing, [&"account.tampered"]);
        assert_eq!(both.iter().filter(of_deposits).count(), PDF.len() - 1);
    }

    #[test]
    fn no_field_is_declared_twice() {
        let all = declared(Style::Consent);
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(assumed().iter().all(|path| all.contains(path)));
    }
}
