//! What an honest analysis of the bank's rows says, in paise: the ground truth of the simulators' analyses and of the tests.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};

use super::{BankAccount, BankRow, Kind, day_in_india};

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
    /// The sum of all accounts' balances before the month's first row.
    pub opening: i64,
    /// The sum of all accounts' balances at the month's end.
    pub closing: i64,
    /// The average of the balances at the end of each day.
    pub average: Average,
}

/// An average that is not rounded yet: a sum of paise over a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Average {
    /// The sum in paise.
    pub sum: i64,
    /// Over how many.
    pub number: i64,
}

impl Average {
    fn of(values: impl IntoIterator<Item = i64>) -> Self {
        values.into_iter().fold(Self::default(), |all, value| Self { sum: all.sum + value, number: all.number + 1 })
    }

    /// In paise, rounded half to even.
    pub fn paise(self) -> i64 {
        let number = self.number.max(1);
        let (below, rest) = (self.sum.div_euclid(number), self.sum.rem_euclid(number));
        let up = rest * 2 > number || (rest * 2 == number && below % 2 != 0);
        below + i64::from(up)
    }

    /// In rupees, as a program that counts in doubles writes it: with all decimals of the division.
    #[allow(clippy::cast_precision_loss)]
    pub fn rupees(self) -> f64 {
        self.sum as f64 / (self.number.max(1) * 100) as f64
    }
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
    /// The balance of all accounts at the end of each day, without a gap.
    pub days: BTreeMap<Date, i64>,
    /// Salary by row: the month's first day and the amount, account after account.
    pub salaries: Vec<(Date, i64)>,
    /// Rows that report a returned payment.
    pub bounces: usize,
    /// Loan instalments: how many, and their sum.
    pub instalments: (usize, i64),
    /// Paid in as cash.
    pub cash_in: i64,
    /// Paid out by UPI.
    pub upi_out: i64,
}

impl Figures {
    /// The figures of the deposit accounts; none if they have no row.
    pub fn of(accounts: &[BankAccount]) -> Option<Self> {
        let deposits: Vec<_> = accounts.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. })).collect();
        let rows = || deposits.iter().flat_map(|account| &account.rows);
        let from = rows().map(|row| day_in_india(row.at)).min()?;
        let to = rows().map(|row| day_in_india(row.at)).max()?;
        let mut months = empty_months(from, to);
        let mut days: BTreeMap<Date, i64> = from.series(1.day()).take_while(|day| *day <= to).map(|day| (day, 0)).collect();
        for account in &deposits {
            add_rows(&mut months, account);
            add_balances(&mut days, account);
        }
        close(&mut months, &days, deposits.iter().map(|account| opening_balance(account)).sum());
        let sum = |wanted: &dyn Fn(&&BankRow) -> bool| rows().filter(wanted).map(|row| row.amount).sum();
        Some(Self {
            from,
            to,
            months,
            days,
            salaries: rows()
                .filter(|row| is_salary(row))
                .map(|row| (day_in_india(row.at).first_of_month(), row.amount))
                .collect(),
            bounces: rows().filter(|row| is_bounce(row)).count(),
            instalments: (rows().filter(|row| is_instalment(row)).count(), sum(&|row| is_instalment(row))),
            cash_in: sum(&|row| row.credit && row.mode == "CASH"),
            upi_out: sum(&|row| !row.credit && row.mode == "UPI"),
        })
    }

    /// The sum of credits.
    pub fn total_credits(&self) -> i64 {
        self.months.values().map(|month| month.credits).sum()
    }

    /// The sum of debits.
    pub fn total_debits(&self) -> i64 {
        self.months.values().map(|month| month.debits).sum()
    }

    /// Credits a month.
    pub fn average_monthly_credits(&self) -> Average {
        Average::of(self.months.values().map(|month| month.credits))
    }

    /// The average of the month-end balances of all accounts.
    pub fn average_monthly_balance(&self) -> Average {
        Average::of(self.months.values().map(|month| month.closing))
    }

    /// The lowest month-end balance of all accounts.
    pub fn minimum_monthly_balance(&self) -> i64 {
        self.months.values().map(|month| month.closing).min().unwrap_or(0)
    }

    /// The lowest and the highest balance at the end of a day.
    pub fn extremes(&self) -> (i64, i64) {
        let of = |extreme: Option<&i64>| extreme.copied().unwrap_or(0);
        (of(self.days.values().min()), of(self.days.values().max()))
    }

    /// The average balance at the end of a day, over the three months up to the last row.
    pub fn average_of_three_months(&self) -> Average {
        let first = self.to.saturating_sub(3.months());
        Average::of(self.days.range(first..).map(|(_, balance)| *balance))
    }

    /// How much the balance at the end of a day varies: standard deviation over average, in ten thousandths.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub fn volatility_per_myriad(&self) -> i64 {
        let all = Average::of(self.days.values().copied());
        let mean = all.sum as f64 / all.number.max(1) as f64;
        let squares: f64 = self.days.values().map(|balance| (*balance as f64 - mean).powi(2)).sum();
        let deviation = (squares / all.number.max(1) as f64).sqrt();
        if mean == 0.0 { 0 } else { (deviation / mean.abs() * 10_000.0).round() as i64 }
    }

    /// Salary a month, over the months that had one.
    pub fn average_monthly_income(&self) -> Average {
        Average::of(self.months.values().map(|month| month.salary).filter(|salary| *salary > 0))
    }

    /// How steady salary is, 0 to 100: months with a salary within a tenth of the average, out of all months.
    pub fn income_stability_score(&self) -> i64 {
        let usual = self.average_monthly_income().paise();
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

/// Whether a row is the instalment of a loan by its own word.
fn is_instalment(row: &BankRow) -> bool {
    let mut words = row.narration.split(|char: char| !char.is_ascii_alphanumeric());
    !row.credit && words.any(|word| word.eq_ignore_ascii_case("EMI"))
}

fn is_bounce(row: &BankRow) -> bool {
    contains(row, "BOUNCE") || contains(row, "RETURN CHARGE")
}

fn contains(row: &BankRow, word: &str) -> bool {
    row.narration.to_ascii_uppercase().contains(word)
}

/// The balance before the first row; without rows, the balance.
pub fn opening_balance(account: &BankAccount) -> i64 {
    account.rows.first().map_or(
        account.balance,
        |row| {
            if row.credit { row.balance - row.amount } else { row.balance + row.amount }
        },
    )
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

fn add_rows(months: &mut BTreeMap<Date, MonthFigures>, account: &BankAccount) {
    for row in &account.rows {
        let Some(month) = months.get_mut(&day_in_india(row.at).first_of_month()) else { continue };
        let amount = row.amount;
        if row.credit {
            month.credits += amount
        } else {
            month.debits += amount
        }
        month.salary += if is_salary(row) { amount } else { 0 };
        month.obligations += if is_obligation(row) { amount } else { 0 };
    }
}

/// A day without a row keeps the balance of the day before.
fn add_balances(days: &mut BTreeMap<Date, i64>, account: &BankAccount) {
    let closing: BTreeMap<Date, i64> = account.rows.iter().map(|row| (day_in_india(row.at), row.balance)).collect();
    let mut balance = opening_balance(account);
    for (day, all) in days {
        balance = closing.get(day).copied().unwrap_or(balance);
        *all += balance;
    }
}

/// What follows for each month from the balances of its days.
fn close(months: &mut BTreeMap<Date, MonthFigures>, days: &BTreeMap<Date, i64>, opening: i64) {
    let mut balance = opening;
    for (first, month) in months {
        let within = || days.range(*first..=first.last_of_month()).map(|(_, balance)| *balance);
        month.opening = balance;
        balance = within().next_back().unwrap_or(balance);
        month.closing = balance;
        month.average = Average::of(within());
    }
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
        let closing: Vec<_> = figures.months.values().map(|month| (month.opening, month.closing)).collect();
        assert_eq!(closing, [(1_010_000, 6_010_000), (6_010_000, 6_009_900), (6_009_900, 5_009_900)]);
        assert_eq!(figures.average_monthly_balance().paise(), 5_676_600);
        assert_eq!(figures.minimum_monthly_balance(), 5_009_900);
        assert_eq!(figures.average_monthly_income().paise(), 5_000_000);
        assert_eq!(figures.obligations_per_myriad(), 2_000);
        assert_eq!(figures.income_stability_score(), 33);
        assert_eq!(figures.instalments, (1, 1_000_000));
        assert_eq!((figures.extremes(), figures.days.len()), ((5_009_900, 6_010_000), 34));
        let february = figures.months.values().nth(1).unwrap();
        assert_eq!(february.average, Average { sum: 9 * 6_010_000 + 19 * 6_009_900, number: 28 });
        assert_eq!(figures.salaries, [("2025-01-01".parse().unwrap(), 5_000_000)]);
    }

    #[test]
    fn averages_are_rounded_half_to_even() {
        for (sum, number, paise) in [(1, 2, 0), (3, 2, 2), (-1, 2, 0), (-3, 2, -2), (2, 3, 1), (1, 3, 0), (0, 0, 0)] {
            assert_eq!(Average { sum, number }.paise(), paise, "{sum}/{number}");
        }
    }

    #[test]
    fn nothing_is_said_of_accounts_without_rows() {
        let mut account = savings();
        account.rows.clear();
        assert_eq!(Figures::of(&[account]), None);
    }
}
