//! What real banks get wrong, on purpose and in known places.

use jiff::Timestamp;

use super::{BankAccount, damage, person::joint_holder};
use crate::sandbox::scenario::Scenario;

/// Spoils the accounts the way the scenario says.
pub(super) fn apply(accounts: &mut [BankAccount], mobile: &str, scenario: Scenario, now: Timestamp) {
    match scenario {
        Scenario::JointHolders => {
            if let Some(first) = accounts.first_mut() {
                first.holders.push(joint_holder(mobile));
            }
        }
        Scenario::DoesNotReconcile => accounts.iter_mut().for_each(swap_neighbours),
        Scenario::DoubledRows => accounts.iter_mut().for_each(double_rows),
        Scenario::SharedRowIds => share_ids(accounts),
        Scenario::MissingQuarter => accounts.iter_mut().take(1).for_each(|account| damage::drop_quarter(account, now)),
        Scenario::QuietMonth => accounts.iter_mut().take(1).for_each(|account| damage::keep_quiet(account, now)),
        Scenario::MissingRow => accounts.iter_mut().take(1).for_each(|account| damage::drop_row(account, now)),
        Scenario::OtherHolder => accounts.iter_mut().for_each(|account| account.holders = vec![stranger(mobile)]),
        _ => {}
    }
}

/// Somebody who shares neither name nor PAN nor mobile number with the customer.
fn stranger(mobile: &str) -> super::Person {
    let mut other = joint_holder(mobile);
    other.name = "Tara Stranger".to_owned();
    other
}

/// Balances follow another order than the rows: seen where rows are sorted by time and balances by id.
fn swap_neighbours(account: &mut BankAccount) {
    for pair in account.rows.chunks_mut(10) {
        if let [first, second, ..] = pair {
            std::mem::swap(&mut first.balance, &mut second.balance);
        }
    }
}

/// Every fiftieth row comes twice, and every seventieth id is used again by the next row.
fn double_rows(account: &mut BankAccount) {
    let mut out = Vec::with_capacity(account.rows.len() + account.rows.len() / 50);
    for (at, row) in std::mem::take(&mut account.rows).into_iter().enumerate() {
        let mut row = row;
        if at % 70 == 69
            && let Some(last) = out.last().map(|last: &super::BankRow| last.id.clone())
        {
            row.id = last;
        }
        out.push(row.clone());
        if at % 50 == 0 {
            out.push(row);
        }
    }
    account.rows = out;
}

/// The second account answers with the first one's ids, amounts and balances.
fn share_ids(accounts: &mut [BankAccount]) {
    if let [first, second, ..] = accounts {
        second.rows.clone_from(&first.rows);
        second.balance = first.balance;
    }
}
