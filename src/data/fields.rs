//! The fields of an account and of a row by path, so that a provider can declare what it delivers and a test can hold it to that.

use prost::Message;

use super::field_path;
use crate::pb::{Account, DepositSummary, Holder, TermDepositSummary, Transaction, account::Details};

/// A field of a message: its path and how it shows, `None` if unset.
struct Field<M> {
    path: &'static str,
    show: fn(&M) -> Option<String>,
}

fn shown<T: Default + PartialEq + std::fmt::Debug>(value: &T) -> Option<String> {
    (*value != T::default()).then(|| format!("{value:?}"))
}

fn deposit(account: &Account) -> Option<&DepositSummary> {
    match &account.details {
        Some(Details::Deposit(summary)) => Some(summary),
        _ => None,
    }
}

fn term_deposit(account: &Account) -> Option<&TermDepositSummary> {
    match &account.details {
        Some(Details::TermDeposit(summary)) => Some(summary),
        _ => None,
    }
}

fn of_holders(account: &Account, show: fn(&Holder) -> Option<String>) -> Option<String> {
    let all: Vec<Option<String>> = account.holders.iter().map(show).collect();
    all.iter().any(Option::is_some).then(|| format!("{all:?}"))
}

macro_rules! plain {
    ($prefix:literal, $($field:ident),+) => {
        [$(Field { path: concat!($prefix, stringify!($field)), show: |message| shown(&message.$field) }),+]
    };
}
macro_rules! inside {
    ($prefix:literal, $summary:ident, $($field:ident),+) => {
        [$(Field { path: concat!($prefix, stringify!($field)), show: |account| shown(&$summary(account)?.$field) }),+]
    };
}
macro_rules! held {
    ($($field:ident),+) => {
        [$(Field {
            path: concat!("account.holders.", stringify!($field)),
            show: |account| of_holders(account, |holder| shown(&holder.$field)),
        }),+]
    };
}

const ACCOUNT: &[&[Field<Account>]] = &[
    &plain!(
        "account.",
        account_id,
        fetch_id,
        consent_id,
        fi_type,
        fi_type_text,
        masked_number,
        fip_id,
        fip_name,
        source,
        tampered,
        holders,
        holding,
        holder_match,
        stated_range,
        delivered_range,
        transaction_count,
        quality_flags,
        fetch_time,
        delivered,
        completeness
    ),
    &held!(
        name,
        date_of_birth,
        mobile,
        landline,
        email,
        address,
        pan,
        nominee_registered,
        ckyc_registered,
        nominee_name,
        date_of_birth_text
    ),
    &inside!(
        "account.deposit.",
        deposit,
        current_balance,
        balance_time,
        kind,
        kind_text,
        branch,
        ifsc,
        micr,
        opening_date,
        overdraft_limit,
        drawing_limit,
        facility,
        facility_text,
        status,
        status_text,
        pending,
        opening_balance,
        account_type,
        account_type_text,
        exchange_rate
    ),
    &inside!(
        "account.term_deposit.",
        term_deposit,
        branch,
        ifsc,
        opening_date,
        maturity_date,
        kind_text,
        description,
        principal,
        current_value,
        maturity_amount,
        interest_rate,
        interest_payout,
        interest_computation,
        compounding,
        interest_periodic_payout,
        interest_on_maturity,
        tenure,
        recurring_amount,
        recurring_day,
        exchange_rate
    ),
];

const TRANSACTION: &[Field<Transaction>] = &plain!(
    "transaction.",
    transaction_id,
    account_id,
    r#type,
    type_text,
    mode,
    mode_text,
    amount,
    balance,
    transaction_time,
    transaction_date,
    value_date,
    narration,
    reference,
    bank_transaction_id,
    ordinal,
    quality_flags
);

/// A path as it is declared: `r#type` is only how Rust writes it.
fn is(path: &str, declared: &str) -> bool {
    let plain = |(before, after): (&str, &str)| declared.strip_prefix(before) == Some(after);
    path == declared || path.split_once("r#").is_some_and(plain)
}

/// Whether there is such a field at all.
pub fn exists(path: &str) -> bool {
    ACCOUNT.iter().copied().flatten().any(|field| is(field.path, path))
        || TRANSACTION.iter().any(|field| is(field.path, path))
        || in_details(path).is_some_and(|(message, rest)| field_path::exists(message, rest))
}

/// The part of a path that names the details it lies in: `account.sip` of `account.sip.holdings.units`; `None` of a field that every account
/// or row has.
pub fn details_of(path: &str) -> Option<&str> {
    let end = path.match_indices('.').nth(1).map_or(path.len(), |(at, _)| at);
    let details = path.get(..end)?;
    let (message, field) = message_of(details)?;
    field_path::is_detail(message, field).then_some(details)
}

/// The message that a path begins in, and the rest of the path.
fn message_of(path: &str) -> Option<(&'static str, &str)> {
    let (first, rest) = path.split_once('.')?;
    match first {
        "account" => Some(("Account", rest)),
        "transaction" => Some(("Transaction", rest)),
        _ => None,
    }
}

/// The same for a path into details.
fn in_details(path: &str) -> Option<(&'static str, &str)> {
    details_of(path).and_then(|_| message_of(path))
}

/// The field at a path such as `account.deposit.ifsc`, shown; `None` if it is unset, of another kind of account, or no such field.
pub fn value_in_account(path: &str, account: &Account) -> Option<String> {
    match ACCOUNT.iter().copied().flatten().find(|field| is(field.path, path)) {
        Some(field) => (field.show)(account),
        None => match in_details(path)? {
            ("Account", rest) => field_path::shown("Account", rest, &account.encode_to_vec()),
            _ => None,
        },
    }
}

/// The field at a path such as `transaction.amount`, shown; `None` if it is unset or no such field.
pub fn value_in_transaction(path: &str, transaction: &Transaction) -> Option<String> {
    match TRANSACTION.iter().find(|field| is(field.path, path)) {
        Some(field) => (field.show)(transaction),
        // Most rows have none: those of deposits.
        None if transaction.details.is_none() => None,
        None => match in_details(path)? {
            ("Transaction", rest) => field_path::shown("Transaction", rest, &transaction.encode_to_vec()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{SipTransaction, transaction};

    #[test]
    fn a_set_field_shows_and_an_unset_one_does_not() {
        let account = Account {
            fip_name: "Test Bank".to_owned(),
            details: Some(Details::Deposit(DepositSummary { ifsc: "TEST0000001".to_owned(), ..Default::default() })),
            holders: vec![Holder::default(), Holder { pan: "AAAPA0001A".to_owned(), ..Default::default() }],
            ..Account::default()
        };
        assert!(value_in_account("account.fip_name", &account).is_some());
        assert!(value_in_account("account.deposit.ifsc", &account).is_some());
        assert!(value_in_account("account.holders.pan", &account).is_some());
        assert_eq!(value_in_account("account.holders.name", &account), None);
        assert_eq!(value_in_account("account.deposit.micr", &account), None);
        assert_eq!(value_in_account("account.term_deposit.ifsc", &account), None);
        let row = Transaction { r#type: 1, ..Transaction::default() };
        assert!(value_in_transaction("transaction.type", &row).is_some());
        assert_eq!(value_in_transaction("transaction.amount", &row), None);
        assert!(!exists("transaction.colour"));
    }

    #[test]
    fn a_field_of_details_is_found_by_the_contract() {
        let details = transaction::Details::Sip(SipTransaction { units: "1.5".to_owned(), ..Default::default() });
        let row = Transaction { details: Some(details), ..Transaction::default() };
        assert_eq!(value_in_transaction("transaction.sip.units", &row).as_deref(), Some("\"1.5\""));
        assert_eq!(value_in_transaction("transaction.sip.nav", &row), None);
        assert!(exists("transaction.sip.nav") && exists("account.sip.holdings.schemes.plans.amount"));
        assert!(!exists("transaction.sip.colour") && !exists("account.sip.holdings.colour") && !exists("colour"));
        assert_eq!(details_of("account.sip.holdings.units"), Some("account.sip"));
        assert_eq!(details_of("account.deposit.ifsc"), Some("account.deposit"));
        assert_eq!((details_of("account.holders.name"), details_of("transaction.amount")), (None, None));
    }
}
