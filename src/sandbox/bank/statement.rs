//! Deposit accounts and their statements, written forward day by day from a fixed day, so that the past never changes.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, date},
};

use super::{
    BankAccount, BankRow, Kind, day_in_india,
    institutions::{ACME, Institution, METRO, NORTH},
    ist,
    month::{self, Habit, Movement},
    person,
    random::Random,
    shown_from,
};
use crate::sandbox::scenario::Scenario;

/// Every statement begins here, unless the clock stands so early that a year would not fit.
const FIRST_DAY: Date = date(2024, 1, 1);

/// The day on which the customer's accounts begin.
pub(super) fn first_day(now: Timestamp) -> Date {
    FIRST_DAY.min(shown_from(now).saturating_sub(30.days()))
}

struct Plan {
    bank: Institution,
    habit: Habit,
    per_day: i64,
    opening: i64,
    /// What the monthly sweep leaves, paise.
    keep: i64,
    overdraft: i64,
}

fn plans(scenario: Scenario) -> [Plan; 3] {
    let overdrawn = scenario == Scenario::NegativeBalances;
    let more = if scenario == Scenario::Huge { 25 } else { 0 };
    let most = if scenario == Scenario::LargeAccount { 280 } else { 0 };
    [
        Plan { bank: ACME, habit: Habit::Salary, per_day: 3 + more + most, opening: 4_500_000, keep: 6_000_000, overdraft: 0 },
        Plan { bank: NORTH, habit: Habit::Second, per_day: 1 + more, opening: 2_000_000, keep: 3_000_000, overdraft: 0 },
        Plan {
            bank: METRO,
            habit: Habit::Business,
            per_day: 2 + more,
            opening: if overdrawn { -9_000_000 } else { 3_000_000 },
            keep: if overdrawn { -9_000_000 } else { 8_000_000 },
            overdraft: if overdrawn { 30_000_000 } else { 0 },
        },
    ]
}

/// The three deposit accounts.
pub(super) fn accounts(mobile: &str, now: Timestamp, scenario: Scenario) -> Vec<BankAccount> {
    plans(scenario).iter().enumerate().map(|(index, plan)| account(mobile, now, scenario, index, plan)).collect()
}

fn account(mobile: &str, now: Timestamp, scenario: Scenario, index: usize, plan: &Plan) -> BankAccount {
    let seed = format!("{mobile}/{index}");
    let mut random = Random::seeded(&["account", &seed]);
    let first = first_day(now);
    let from = shown_from(now);
    let number = random.digits(if index == 1 { 14 } else { 11 });
    let prefix = format!("{}{index}", plan.bank.ifsc);
    let mut book = Book { balance: plan.opening, floor: -plan.overdraft, keep: plan.keep, rows: Vec::new() };
    let mut day = first;
    while day <= day_in_india(now) {
        book.day(&prefix, day, month::day(plan.habit, &seed, day, plan.per_day), now, scenario);
        day = day.saturating_add(1.day());
    }
    let balance = book.balance;
    let rows: Vec<_> = book.rows.into_iter().filter(|row| day_in_india(row.at) >= from).collect();
    BankAccount {
        fip_id: plan.bank.id.to_owned(),
        fip_name: plan.bank.name.to_owned(),
        fip_code: plan.bank.code.to_owned(),
        number,
        link_ref: random.uuid(),
        kind: Kind::Deposit { current: plan.habit == Habit::Business, overdraft_limit: plan.overdraft },
        branch: "BENGALURU MAIN".to_owned(),
        ifsc: format!("{}0{:06}", plan.bank.ifsc, random.between(1, 999)),
        micr: random.digits(9),
        opening_date: first.saturating_sub(random.between(400, 3000).days()),
        balance,
        balance_at: now,
        holders: vec![person(mobile)],
        rows,
    }
}

struct Book {
    balance: i64,
    floor: i64,
    keep: i64,
    rows: Vec<BankRow>,
}

impl Book {
    fn day(&mut self, prefix: &str, day: Date, movements: Vec<Movement>, now: Timestamp, scenario: Scenario) {
        let count = movements.len() as i64;
        for (position, movement) in (0..).zip(movements) {
            let Some(at) = instant(day, position, count, scenario) else {
                continue;
            };
            if at > now {
                return;
            }
            let movement = if day.day() == 27 && position == 0 { self.sweep().unwrap_or(movement) } else { movement };
            self.write(format!("{prefix}{}{position:03}", day.strftime("%Y%m%d")), at, movement);
        }
    }

    /// Once a month what is above the usual goes away, so that balances stay where a household's are.
    fn sweep(&self) -> Option<Movement> {
        let amount = self.balance - self.keep;
        let narration = "NEFT TO BROKER ACCOUNT".to_owned();
        (amount > 0).then_some(Movement { credit: false, mode: "NEFT", amount, narration, fixed: true })
    }

    fn write(&mut self, id: String, at: Timestamp, movement: Movement) {
        let there = self.balance - self.floor;
        let mut random = Random::seeded(&["row", &id, &at.to_string()]);
        let credit = movement.credit || there < 10_000;
        let limit = if movement.fixed { there / 2 } else { there / 12 };
        let amount = if credit { movement.amount } else { movement.amount.min(limit) }.max(100);
        self.balance += if credit { amount } else { -amount };
        let narration = if credit == movement.credit { movement.narration } else { "UPI/SELF TRANSFER/TOP UP".to_owned() };
        self.rows.push(BankRow {
            id,
            credit,
            event: None,
            mode: movement.mode,
            amount,
            balance: self.balance,
            at,
            value_date: day_in_india(at),
            narration,
            reference: random.digits(12),
            lot: None,
        });
    }
}

/// When the row at this position of the day was booked. The first of the day is booked just after midnight in India, which is the day
/// before in UTC; a late bank books everything there.
fn instant(day: Date, position: i64, count: i64, scenario: Scenario) -> Option<Timestamp> {
    let window = if scenario == Scenario::BookedAfterMidnight { 300 } else { 1_380 };
    let minutes = 12 + position * window / count.max(1);
    let at = day.at(0, 0, (position % 60) as i8, 0).to_zoned(ist()).ok()?.checked_add(minutes.minutes()).ok()?;
    Some(at.timestamp())
}
