//! Statements that are not what they seem, in places that tests know.

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{BankAccount, BankRow, day_in_india};

/// The first day of the month `back` months before the one of `now`.
fn month(now: Timestamp, back: i32) -> Date {
    day_in_india(now).first_of_month().saturating_sub(back.months())
}

/// The months, by their first days, that [`Scenario::MissingQuarter`](crate::sandbox::scenario::Scenario::MissingQuarter) leaves out of
/// the first account.
pub fn missing_months(now: Timestamp) -> [Date; 3] {
    [7, 6, 5].map(|back| month(now, back))
}

/// The month, by its first day, in which nothing happens on the first account of
/// [`Scenario::QuietMonth`](crate::sandbox::scenario::Scenario::QuietMonth).
pub fn quiet_month(now: Timestamp) -> Date {
    month(now, 4)
}

/// The day whose rent, a fixed row of the first account, [`Scenario::MissingRow`](crate::sandbox::scenario::Scenario::MissingRow)
/// leaves out.
pub fn missing_row_day(now: Timestamp) -> Date {
    month(now, 3).saturating_add(2.days())
}

fn is_in(row: &BankRow, month: Date) -> bool {
    day_in_india(row.at).first_of_month() == month
}

/// Leaves the rows of a quarter out; all else stays as it was.
pub(super) fn drop_quarter(account: &mut BankAccount, now: Timestamp) {
    let months = missing_months(now);
    account.rows.retain(|row| !months.iter().any(|month| is_in(row, *month)));
}

/// Nothing happens in a month. What its rows had moved is taken off one side, the one on which balances rise by that.
pub(super) fn keep_quiet(account: &mut BankAccount, now: Timestamp) {
    let month = quiet_month(now);
    let moved: i64 =
        account.rows.iter().filter(|row| is_in(row, month)).map(|row| if row.credit { row.amount } else { -row.amount }).sum();
    account.rows.retain(|row| !is_in(row, month));
    for row in &mut account.rows {
        let later = day_in_india(row.at) > month;
        if later == (moved < 0) {
            row.balance += moved.abs();
        }
    }
    if moved < 0 {
        account.balance += moved.abs();
    }
}

/// The rent of a month is left out, and the balances still know of it.
pub(super) fn drop_row(account: &mut BankAccount, now: Timestamp) {
    let day = missing_row_day(now);
    account.rows.retain(|row| !(day_in_india(row.at) == day && row.narration.starts_with("IMPS HOUSE RENT")));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::sandbox::{bank::Bank, scenario::Scenario};

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn first(scenario: Scenario) -> BankAccount {
        Bank::accounts_for(&scenario.mobile(), now()).remove(0)
    }

    fn breaks(account: &BankAccount) -> Vec<Date> {
        let change = |row: &BankRow| if row.credit { row.amount } else { -row.amount };
        let pairs = account.rows.windows(2).filter(|pair| pair[0].balance + change(&pair[1]) != pair[1].balance);
        pairs.map(|pair| day_in_india(pair[1].at)).collect()
    }

    #[test]
    fn a_quarter_is_missing_and_the_balance_jumps_behind_it() {
        let account = first(Scenario::MissingQuarter);
        for month in missing_months(now()) {
            assert!(!account.rows.iter().any(|row| is_in(row, month)));
        }
        assert_eq!(breaks(&account), [month(now(), 4)]);
    }

    #[test]
    fn a_quiet_month_has_no_rows_and_balances_carry_over() {
        let account = first(Scenario::QuietMonth);
        assert!(!account.rows.iter().any(|row| is_in(row, quiet_month(now()))));
        assert_eq!(breaks(&account), []);
        assert_eq!(account.rows.last().unwrap().balance, account.balance);
        assert!(account.rows.iter().all(|row| row.balance >= 0));
    }

    #[test]
    fn one_row_is_missing_and_the_next_one_breaks() {
        assert_eq!(breaks(&first(Scenario::MissingRow)), [missing_row_day(now())]);
    }

    #[test]
    fn a_stranger_shares_nothing_with_the_customer() {
        let mobile = Scenario::OtherHolder.mobile();
        let customer = Bank::person(&mobile);
        for account in Bank::accounts_for(&mobile, now()) {
            let [holder] = &account.holders[..] else { panic!() };
            assert!(holder.name != customer.name && holder.pan != customer.pan && holder.mobile != customer.mobile);
        }
    }
}
