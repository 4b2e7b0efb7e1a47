//! What an honest analysis of the bank's rows says, in paise: the ground truth of the analyser and of the demo.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};

use super::statement::opening_balance;
use crate::sandbox::bank::{BankAccount, BankRow, Kind, day_in_india};

/// One calendar month in India over all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthFigures {
    /// Money in.
    pub credits: i64,
    /// Money out.
    pub debits: i64,
    /// Salary within the credits.
    pub salary: i64,
    /// Loan instalments and the like within the debits.
    pub obligations: i64,
    /// The sum of all accounts' balances at the month's end.
    pub closing: i64,
}

/// The figures of all deposit accounts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The day of the first row.
    pub from: Date,
    /// The day of the last row.
    pub to: Date,
    /// Months by their first day, without a gap.
    pub months: BTreeMap<Date, MonthFigures>,
    /// Rows that report a returned payment.
    pub bounces: usize,
}

impl Figures {
    /// The figures of the deposit accounts; none if they have no row.
    pub fn of(accounts: &[BankAccount]) -> Option<Self> {
        let deposits: Vec<_> = accounts.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. })).collect();
        let rows = || deposits.iter().flat_map(|account| &account.rows);
        let from = rows().map(|row| day_in_india(row.at)).min()?;
        let to = rows().map(|row| day_in_india(row.at)).max()?;
        let mut months = empty_months(from, to);
        for account in &deposits {
            add_account(&mut months, account);
        }
        Some(Self { from, to, months, bounces: rows().filter(|row| is_bounce(row)).count() })
    }

    /// The sum of credits.
    pub fn total_credits(&self) -> i64 {
        self.months.values().map(|month| month.credits).sum()
    }

    /// The sum of debits.
    pub fn total_debits(&self) -> i64 {
        self.months.values().map(|month| month.debits).sum()
    }

    /// The average of the month-end balances of all accounts, to the nearest paisa below.
    pub fn average_monthly_balance(&self) -> i64 {
        average(self.months.values().map(|month| month.closing))
    }

    /// The lowest month-end balance of all accounts.
    pub fn minimum_monthly_balance(&self) -> i64 {
        self.months.values().map(|month| month.closing).min().unwrap_or(0)
    }

    /// Salary a month, over the months that had one.
    pub fn average_monthly_income(&self) -> i64 {
        average(self.months.values().map(|month| month.salary).filter(|salary| *salary > 0))
    }

    /// How steady salary is, 0 to 100: months with a salary within a tenth of the average, out of all months.
    pub fn income_stability_score(&self) -> i64 {
        let usual = self.average_monthly_income();
        let steady = self.months.values().filter(|month| month.salary > 0 && (month.salary - usual).abs() * 10 <= usual).count();
        count(steady) * 100 / count(self.months.len()).max(1)
    }

    /// Obligations out of salary, in ten thousandths.
    pub fn obligations_per_myriad(&self) -> i64 {
        let income: i64 = self.months.values().map(|month| month.salary).sum();
        let bound: i64 = self.months.values().map(|month| month.obligations).sum();
        if income == 0 { 0 } else { bound * 10_000 / income }
    }
}

/// Whether a row pays a salary.
pub fn is_salary(row: &BankRow) -> bool {
    row.credit && contains(row, "SALARY")
}

/// Whether a row pays off a loan: an automatic debit, or one that calls itself an EMI.
pub fn is_obligation(row: &BankRow) -> bool {
    !row.credit && (contains(row, "EMI") || matches!(row.mode, "NACH" | "ECS" | "AUTO_DEBIT"))
}

fn is_bounce(row: &BankRow) -> bool {
    contains(row, "BOUNCE") || contains(row, "RETURN CHARGE")
}

fn contains(row: &BankRow, word: &str) -> bool {
    row.narration.to_ascii_uppercase().contains(word)
}

fn empty_months(from: Date, to: Date) -> BTreeMap<Date, MonthFigures> {
    let mut months = BTreeMap::new();
    let mut month = from.first_of_month();
    while month <= to {
        months.insert(month, MonthFigures::default());
        month = month.saturating_add(1.month());
    }
    months
}

fn add_account(months: &mut BTreeMap<Date, MonthFigures>, account: &BankAccount) {
    let mut closing: BTreeMap<Date, i64> = BTreeMap::new();
    for row in &account.rows {
        let key = day_in_india(row.at).first_of_month();
        let Some(month) = months.get_mut(&key) else { continue };
        let amount = row.amount;
        if row.credit {
            month.credits += amount
        } else {
            month.debits += amount
        }
        month.salary += if is_salary(row) { amount } else { 0 };
        month.obligations += if is_obligation(row) { amount } else { 0 };
        closing.insert(key, row.balance);
    }
    // A month without a row keeps the balance of the month before.
    let mut balance = opening_balance(account);
    for (key, month) in months.iter_mut() {
        balance = closing.get(key).copied().unwrap_or(balance);
        month.closing += balance;
    }
}

fn average(values: impl Iterator<Item = i64>) -> i64 {
    let (sum, number) = values.fold((0, 0), |(sum, number), value| (sum + value, number + 1));
    if number == 0 { 0 } else { sum / number }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sandbox::finpass::samples::{row, savings};

    #[test]
    fn quiet_months_carry_the_balance_over_all_accounts() {
        let mut first = savings();
        first.rows = vec![
            row("1", true, 5_000_000, 6_000_000, "2025-01-31T09:00:00+05:30", "NEFT SALARY DEMO LTD"),
            row("2", false, 1_000_000, 5_000_000, "2025-03-05T09:00:00+05:30", "EMI DEMO FINANCE"),
        ];
        let mut second = savings();
        second.rows = vec![row("3", false, 100, 9_900, "2025-02-10T09:00:00+05:30", "UPI/DR/tea")];
        let figures = Figures::of(&[first, second]).unwrap();
        assert_eq!(figures.total_credits(), 5_000_000);
        assert_eq!(figures.total_debits(), 1_000_100);
        let closing: Vec<_> = figures.months.values().map(|month| month.closing).collect();
        assert_eq!(closing, [6_010_000, 6_009_900, 5_009_900]);
        assert_eq!(figures.average_monthly_balance(), (6_010_000 + 6_009_900 + 5_009_900) / 3);
        assert_eq!(figures.minimum_monthly_balance(), 5_009_900);
        assert_eq!(figures.average_monthly_income(), 5_000_000);
        assert_eq!(figures.obligations_per_myriad(), 2_000);
        assert_eq!(figures.income_stability_score(), 33);
    }

    #[test]
    fn nothing_is_said_of_accounts_without_rows() {
        let mut account = savings();
        account.rows.clear();
        assert_eq!(Figures::of(&[account]), None);
    }
}
