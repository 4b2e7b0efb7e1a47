//! What a view shows of the details of accounts that are no deposits: one table a message. Extensions may hold anything, so none is shown.

use super::view::{Rule, hide, rules};
use crate::pb::{MutualFundHolding, MutualFundTransaction, account, transaction};

/// The personal texts of a mutual fund's holding.
pub const MUTUAL_FUND_HOLDING: &[Rule<MutualFundHolding>] = rules! { MutualFundHolding:
    client_code => LastFour,
    folio_number => LastFour,
};

/// The personal texts of a mutual fund's row.
pub const MUTUAL_FUND_TRANSACTION: &[Rule<MutualFundTransaction>] = rules! { MutualFundTransaction:
    client_code => LastFour,
    folio_number => LastFour,
};

macro_rules! hide_each {
    ($rules:ident, $messages:expr) => {
        for message in &mut $messages {
            hide($rules, message);
            message.extensions = None;
        }
    };
}

/// Hides what is personal in an account's details.
pub(super) fn account(details: &mut Option<account::Details>) {
    match details {
        None | Some(account::Details::Deposit(_) | account::Details::TermDeposit(_)) => {}
        Some(account::Details::MutualFund(fund)) => hide_each!(MUTUAL_FUND_HOLDING, fund.holdings),
    }
}

/// Hides what is personal in a row's details.
pub(super) fn row(details: &mut Option<transaction::Details>) {
    match details {
        None => {}
        Some(transaction::Details::MutualFund(fund)) => hide(MUTUAL_FUND_TRANSACTION, fund),
    }
}
