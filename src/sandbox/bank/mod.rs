//! The sandbox's banks: a seeded past of every customer, with a known truth.

mod awkward;
pub mod damage;
mod deposits;
pub mod figures;
pub mod institutions;
mod model;
mod month;
mod person;
mod portfolio;
mod random;
mod statement;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

pub use self::{model::*, person::person, random::Random};
use super::scenario::Scenario;

/// Months of history that an account shows, as consents ask for.
pub const HISTORY_MONTHS: i32 = 12;

/// The first day that an account shows at `now`.
pub fn shown_from(now: Timestamp) -> Date {
    day_in_india(now).saturating_sub(HISTORY_MONTHS.months())
}

/// The banks together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bank;

impl Bank {
    /// All accounts of the customer with this mobile number, as they stand at `now`: three deposit accounts with at least 2,000 rows
    /// over the last year between them, one term deposit and one recurring deposit, and for one story an account of every other kind. A row once written stays the same when the
    /// clock moves on; the awkward cases follow from [`Scenario::of`].
    pub fn accounts_for(mobile: &str, now: Timestamp) -> Vec<BankAccount> {
        let scenario = Scenario::of(mobile);
        let mut accounts = statement::accounts(mobile, now, scenario);
        accounts.extend(deposits::accounts(mobile, now));
        if scenario == Scenario::EveryKind {
            accounts.extend(portfolio::accounts(mobile, now));
        }
        awkward::apply(&mut accounts, mobile, scenario, now);
        accounts
    }

    /// The customer with this mobile number.
    pub fn person(mobile: &str) -> Person {
        person(mobile)
    }
}

/// What is true about some rows; analytics and tests are computed from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Truth {
    /// Number of rows.
    pub rows: usize,
    /// Sum of money in, paise.
    pub credits: i64,
    /// Sum of money out, paise.
    pub debits: i64,
}

impl Truth {
    /// Adds the rows up.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a BankRow>) -> Self {
        rows.into_iter().fold(Self::default(), |sum, row| Self {
            rows: sum.rows + 1,
            credits: sum.credits + if row.credit { row.amount } else { 0 },
            debits: sum.debits + if row.credit { 0 } else { row.amount },
        })
    }
}

/// Paise as a decimal string with two places: `-7920854` is "-79208.54".
pub fn rupees(paise: i64) -> String {
    let sign = if paise < 0 { "-" } else { "" };
    let size = paise.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// The number with all but its last four digits hidden, as banks send it: "XXXXXXXX1234".
pub fn masked(number: &str) -> String {
    let keep = number.len().saturating_sub(4);
    number.chars().enumerate().map(|(at, digit)| if at < keep { 'X' } else { digit }).collect()
}

/// The zone in which Indian banks count days.
pub fn ist() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(5).saturating_add(30.minutes()))
}

/// The range that an account's bank states, through whichever provider: the year up to the day of the balance, widened to the rows.
pub fn stated_range(account: &BankAccount) -> (Date, Date) {
    let days = || account.rows.iter().map(|row| day_in_india(row.at));
    let balance_day = day_in_india(account.balance_at);
    let end = days().max().map_or(balance_day, |last| last.max(balance_day));
    let year_before = end.saturating_sub(1.year());
    (days().min().map_or(year_before, |first| first.min(year_before)), end)
}

/// The day in India at this instant.
pub fn day_in_india(at: Timestamp) -> Date {
    at.to_zoned(ist()).date()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn three_deposit_accounts_hold_two_thousand_rows_of_one_year() {
        for mobile in ["9000000001", "9123456701", "9876500014"] {
            let accounts = Bank::accounts_for(mobile, now());
            let deposits: Vec<_> = accounts.iter().filter(|a| matches!(a.kind, Kind::Deposit { .. })).collect();
            assert_eq!(deposits.len(), 3);
            let rows: usize = deposits.iter().map(|a| a.rows.len()).sum();
            assert!(rows >= 2_000, "{rows} rows");
            let first = deposits.iter().filter_map(|a| a.rows.first()).map(|r| r.at).min().unwrap();
            assert_eq!(day_in_india(first), shown_from(now()));
        }
    }

    #[test]
    fn running_balances_reconcile_and_never_fall_below_zero_for_a_normal_customer() {
        for account in Bank::accounts_for("9000000001", now()) {
            for pair in account.rows.windows(2) {
                let change = if pair[1].credit { pair[1].amount } else { -pair[1].amount };
                assert_eq!(pair[0].balance + change, pair[1].balance, "{:?}", pair[1]);
                assert!(pair[0].at < pair[1].at);
                assert!(pair[1].balance >= 0 && pair[1].amount > 0);
            }
            assert_eq!(account.rows.last().map(|row| row.balance), Some(account.balance));
        }
    }

    #[test]
    fn the_past_stays_when_the_clock_moves_on() {
        let before = Bank::accounts_for("9000000001", now());
        let after = Bank::accounts_for("9000000001", now().checked_add(72.hours()).unwrap());
        assert_eq!(before.len(), after.len());
        for (old, new) in before.iter().zip(&after) {
            assert_eq!((&old.number, &old.link_ref), (&new.number, &new.link_ref));
            let last = old.rows.last().unwrap();
            assert!(new.rows.contains(last));
            assert!(new.rows.last().unwrap().at >= last.at);
        }
    }

    #[test]
    fn money_is_written_with_two_places_and_sign() {
        assert_eq!(rupees(-5), "-0.05");
        assert_eq!(rupees(-7_920_854), "-79208.54");
        assert_eq!(rupees(100_000), "1000.00");
        assert_eq!(masked("10000000001"), "XXXXXXX0001");
    }

    #[test]
    fn overdrawn_customers_have_negative_balances() {
        let accounts = Bank::accounts_for("9000000016", now());
        assert!(accounts.iter().any(|a| a.rows.iter().any(|r| r.balance < 0)));
    }

    #[test]
    fn doubled_rows_are_identical_and_shared_ids_cross_accounts() {
        let doubled = Bank::accounts_for("9000000018", now());
        assert!(doubled[0].rows.windows(2).any(|pair| pair[0] == pair[1]));
        let shared = Bank::accounts_for("9000000019", now());
        assert!(shared[1].rows.iter().all(|row| shared[0].rows.iter().any(|other| other.id == row.id)));
    }

    #[test]
    fn broken_statements_do_not_reconcile() {
        let accounts = Bank::accounts_for("9000000017", now());
        let broken = accounts[0].rows.windows(2).filter(|pair| {
            let change = if pair[1].credit { pair[1].amount } else { -pair[1].amount };
            pair[0].balance + change != pair[1].balance
        });
        assert!(broken.count() > 0);
    }
}
