//! Balances at the end of each day: every row of a day states the same one, whatever the order of the rows.

use super::{
    Fact,
    balances::{self, Walk},
};
use crate::pb::{BalanceHabit, BalanceOrder};

/// Days that speak for the habit or against it.
#[derive(Default)]
struct Witnesses {
    /// Days of several rows that move money and state one balance, which running balances cannot.
    days: usize,
    /// How many rows of them running balances contradict.
    rows: usize,
    /// Those whose balance is the one of the day before plus their rows.
    proven: usize,
    /// Days of several rows that state different balances.
    against: usize,
}

impl Witnesses {
    /// A missing row, or a wrong balance, makes one such day of two rows at the most; and a day that it makes does not follow.
    fn convince(&self) -> bool {
        let enough = self.days > 2 || (self.proven > 0 && (self.days > 1 || self.rows > 2));
        enough && self.against * 2 <= self.days
    }
}

/// Follows the balances from day to day; `None` if the rows do not show the habit.
pub(super) fn follow(facts: &[Fact]) -> Option<Walk> {
    let sequence = balances::by_day(facts)?;
    let mut walk = Walk { habit: BalanceHabit::DayEnd, order: BalanceOrder::Day, ..Walk::default() };
    let mut witnesses = Witnesses::default();
    for rows in sequence.chunk_by(|one, other| balances::same_day(facts, *one, *other)) {
        let day = Day::of(facts, rows);
        let outcome = day.step(&mut walk);
        day.testify(outcome, &mut witnesses);
    }
    walk.unchecked += walk.open;
    walk.open = 0;
    witnesses.convince().then_some(walk)
}

/// How a day's balance follows from the day before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// With all its rows.
    Follows,
    /// Without the rows that equal an earlier one: they came twice.
    FollowsOnce,
    /// Not at all.
    Breaks,
    /// There is nothing to compare.
    Open,
}

/// The rows of a day.
struct Day<'f> {
    facts: Vec<(usize, &'f Fact)>,
    /// What all of them add to the balance; `None` if a row does not tell.
    change: Option<i64>,
    /// The same without rows that equal an earlier one.
    change_once: Option<i64>,
}

impl<'f> Day<'f> {
    fn of(facts: &'f [Fact], rows: &[usize]) -> Self {
        let facts: Vec<_> = rows.iter().filter_map(|row| Some((*row, facts.get(*row)?))).collect();
        let sum = |wanted: fn(&Fact) -> bool| {
            let mut changes = facts.iter().filter(|(_, fact)| wanted(fact)).map(|(_, fact)| fact.change.get());
            changes.try_fold(0_i64, |sum, change| sum.checked_add(change?))
        };
        let (change, change_once) = (sum(|_| true), sum(|fact| !fact.repeats));
        Self { facts, change, change_once }
    }

    /// Rows that state a balance, with it.
    fn stated(&self) -> impl Iterator<Item = (usize, i64)> {
        self.facts.iter().filter_map(|(row, fact)| Some((*row, fact.balance.get()?)))
    }

    fn states(&self, balance: Option<i64>) -> bool {
        self.stated().any(|(_, stated)| Some(stated) == balance)
    }

    /// Takes the day into the walk.
    fn step(&self, walk: &mut Walk) -> Outcome {
        let after = |change: Option<i64>| walk.after.zip(change).and_then(|(before, change)| before.checked_add(change));
        let (expected, expected_once) = (after(self.change), after(self.change_once));
        let Some((first, last)) = self.stated().next().zip(self.stated().last()) else {
            // Nothing is stated on this day; the next one shows whether it follows.
            walk.open += self.facts.len();
            walk.after = expected;
            return Outcome::Open;
        };
        let (outcome, balance) = match (expected, expected_once) {
            (Some(whole), _) if self.states(expected) => (Outcome::Follows, whole),
            (Some(_), Some(once)) if self.states(expected_once) => (Outcome::FollowsOnce, once),
            (Some(whole), _) => {
                walk.note_break(first.0, whole, first.1);
                (Outcome::Breaks, last.1)
            }
            (None, _) => (Outcome::Open, last.1),
        };
        match outcome {
            Outcome::Open if walk.begun || self.change.is_none() => walk.unchecked += self.facts.len() + walk.open,
            Outcome::Open => walk.before = self.change.and_then(|change| balance.checked_sub(change)),
            Outcome::Breaks => walk.compared += self.facts.len(),
            Outcome::Follows | Outcome::FollowsOnce => {
                walk.compared += self.facts.len();
                self.stated().filter(|row| row.1 != balance).for_each(|row| walk.note_break(row.0, balance, row.1));
            }
        }
        if outcome == Outcome::FollowsOnce {
            walk.came_again += self.facts.iter().filter(|(_, fact)| fact.repeats).count();
        }
        if let Some((_, fact)) = self.facts.first() {
            walk.note_month(fact, matches!(outcome, Outcome::Follows | Outcome::FollowsOnce));
        }
        walk.begun = true;
        walk.open = 0;
        walk.after = Some(balance);
        outcome
    }

    fn testify(&self, outcome: Outcome, witnesses: &mut Witnesses) {
        let first = self.stated().next().map(|row| row.1);
        let moving = self.facts.iter().filter(|(_, fact)| fact.change.get().is_some_and(|change| change != 0)).count();
        if self.stated().any(|row| Some(row.1) != first) {
            witnesses.against += 1;
        } else if moving > 1 && self.stated().count() == self.facts.len() && outcome != Outcome::FollowsOnce {
            witnesses.days += 1;
            witnesses.rows += moving - 1;
            witnesses.proven += usize::from(outcome == Outcome::Follows);
        }
    }
}
