//! Follows the running balance of a statement: which rows do not follow from the row before them, and in which order the rows have to be
//! read for that. Recorded statements are sorted by time, while their balances follow the order in which the bank booked.

use std::collections::HashMap;

use super::{Fact, months::Month};
use crate::{
    data::row::Row,
    pb::{BalanceHabit, BalanceOrder},
};

/// How many breaks are told one by one.
const TOLD: usize = 20;

/// A row whose balance does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The row's place in the provider's order.
    pub row: usize,
    /// What follows from the row before, minor units.
    pub expected: i64,
    /// What the row states, minor units.
    pub found: i64,
}

/// What following the balances showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// What the balances are balances of.
    pub habit: BalanceHabit,
    /// The order.
    pub order: BalanceOrder,
    /// How many rows do not follow.
    pub breaks: usize,
    /// The first of them, in the order of the walk.
    pub told: Vec<Break>,
    /// Rows that were compared with the balance before them.
    pub compared: usize,
    /// Rows that could not be compared with anything.
    pub unchecked: usize,
    /// Rows equal to an earlier one whose balance would break the chain: they came twice.
    pub came_again: usize,
    /// Pairs of months with rows between which the balance carries over.
    pub carried: Vec<(Month, Month)>,
    /// Balance before the first row.
    pub before: Option<i64>,
    /// Balance after the last row.
    pub after: Option<i64>,
    /// Rows since a balance was last stated.
    pub(super) open: usize,
    /// Whether a row was taken.
    pub(super) begun: bool,
    /// The month of the last row that was followed.
    pub(super) last_month: Option<Month>,
}

/// Follows running balances in each order that may explain them; the best. A row that is missing breaks once in the order of time, so an
/// order that explains it away has to explain more than that.
pub fn follow(facts: &[Fact], rows: &[Row<'_>]) -> Walk {
    let moment = |at: Option<&Fact>| at.and_then(|fact| fact.moment.get());
    let ends = moment(facts.first()).zip(moment(facts.last())).filter(|(first, last)| first != last);
    let orders = match ends {
        Some((first, last)) if first > last => [BalanceOrder::Reversed, BalanceOrder::Provider],
        _ => [BalanceOrder::Provider, BalanceOrder::Reversed],
    };
    let [forward, backward] = orders.map(|order| {
        move || match order {
            BalanceOrder::Reversed => walk(facts, (0..facts.len()).rev().collect(), order, same_moment),
            _ => walk(facts, (0..facts.len()).collect(), order, same_moment),
        }
    });
    let mut best = forward();
    // Most statements follow at once: no other order is even made for them.
    if best.loss() == 0 {
        return best;
    }
    let breaks = best.breaks;
    let disorder = |other: &Walk| breaks >= 2 && other.loss() * 4 <= breaks;
    let other = backward();
    if other.breaks < best.breaks && (ends.is_none() || disorder(&other)) {
        best = other;
    }
    if best.loss() > 0
        && let Some(sequence) = by_bank_id(rows)
    {
        let other = walk(facts, sequence, BalanceOrder::BankId, same_moment);
        if other.breaks < best.breaks {
            best = other;
        }
    }
    if best.loss() > 0
        && let Some(sequence) = by_day(facts)
    {
        let other = walk(facts, sequence, BalanceOrder::Day, same_day);
        if disorder(&other) && other.loss() < best.loss() {
            best = other;
        }
    }
    best
}

/// The rows by day, those of a day in the provider's order; `None` if a row has no day.
pub(super) fn by_day(facts: &[Fact]) -> Option<Vec<usize>> {
    if facts.iter().any(|fact| fact.day.is_none()) {
        return None;
    }
    let mut sequence: Vec<usize> = (0..facts.len()).collect();
    sequence.sort_by_key(|at| facts.get(*at).and_then(|fact| fact.day));
    Some(sequence)
}

/// The rows by bank id, shorter ids first as numbers are; `None` if a row has none or nothing would change.
fn by_bank_id(rows: &[Row<'_>]) -> Option<Vec<usize>> {
    if rows.iter().any(|row| row.bank_id().is_none()) {
        return None;
    }
    let key = |at: &usize| rows.get(*at).and_then(Row::bank_id).map(|id| (id.len(), id));
    let mut sequence: Vec<usize> = (0..rows.len()).collect();
    if sequence.is_sorted_by_key(key) {
        return None;
    }
    sequence.sort_by_key(key);
    Some(sequence)
}

/// Follows the balances along `sequence`. Neighbours that `together` holds for may stand in any order.
fn walk(facts: &[Fact], sequence: Vec<usize>, order: BalanceOrder, together: fn(&[Fact], usize, usize) -> bool) -> Walk {
    let mut walk = Walk { habit: BalanceHabit::Running, order, ..Walk::default() };
    for group in sequence.chunk_by(|one, other| together(facts, *one, *other)) {
        let before = (group.len() > 1).then(|| walk.clone());
        group.iter().for_each(|row| walk.step(facts, *row));
        if let Some(before) = before.filter(|before| walk.loss() > before.loss())
            && let Some(other) = rearranged(facts, group, before.after)
        {
            let mut trial = before;
            other.iter().for_each(|row| trial.step(facts, *row));
            if trial.loss() < walk.loss() {
                walk = trial;
            }
        }
    }
    walk.unchecked += walk.open;
    walk.open = 0;
    walk
}

fn same_moment(facts: &[Fact], one: usize, other: usize) -> bool {
    match (facts.get(one), facts.get(other)) {
        (Some(one), Some(other)) => one.moment.get().is_some() && one.moment == other.moment,
        _ => false,
    }
}

pub(super) fn same_day(facts: &[Fact], one: usize, other: usize) -> bool {
    match (facts.get(one), facts.get(other)) {
        (Some(one), Some(other)) => one.day.is_some() && one.day == other.day,
        _ => false,
    }
}

impl Walk {
    /// Rows that do not follow and rows that came again.
    pub(super) fn loss(&self) -> usize {
        self.breaks + self.came_again
    }

    /// Notes a row whose balance does not follow.
    pub(super) fn note_break(&mut self, row: usize, expected: i64, found: i64) {
        self.breaks += 1;
        if self.told.len() < TOLD {
            self.told.push(Break { row, expected, found });
        }
    }

    /// Takes one more row.
    fn step(&mut self, facts: &[Fact], row: usize) {
        let Some(fact) = facts.get(row) else { return };
        let first = !std::mem::replace(&mut self.begun, true);
        let follows = match (self.after, fact.change.get(), fact.balance.get()) {
            (Some(before), Some(change), Some(found)) => {
                let expected = before.wrapping_add(change);
                self.compared += 1;
                if expected == found {
                    self.open = 0;
                    true
                } else if fact.repeats {
                    self.came_again += 1;
                    return;
                } else {
                    self.note_break(row, expected, found);
                    self.open = 0;
                    false
                }
            }
            // Nothing is stated here; the next balance will tell.
            (Some(before), Some(change), None) => {
                self.open += 1;
                self.after = before.checked_add(change);
                return;
            }
            // The first row has nothing before it.
            (None, Some(_), Some(_)) => true,
            _ => {
                self.unchecked += 1 + self.open;
                self.open = 0;
                self.after = fact.balance.get();
                return;
            }
        };
        self.note_month(fact, follows && self.after.is_some());
        if first {
            self.before = fact.start();
        }
        self.after = fact.balance.get();
    }

    /// Notes the month of a row that is followed; `carries` if its balance follows from the row before.
    pub(super) fn note_month(&mut self, fact: &Fact, carries: bool) {
        let month = fact.day.map(Month::of);
        if let (Some(last), Some(month), true) = (self.last_month, month, carries)
            && last.next() < month
        {
            self.carried.push((last, month));
        }
        self.last_month = month.or(self.last_month);
    }
}

/// The rows of one moment in an order in which each balance follows from the one before, as far as there is one: a trail over balances
/// along the rows (C. Hierholzer), begun at `entry`. `None` where a row lacks what that needs.
fn rearranged(facts: &[Fact], group: &[usize], entry: Option<i64>) -> Option<Vec<usize>> {
    let ends = |row: usize| facts.get(row).and_then(|fact| Some((fact.start()?, fact.balance.get()?)));
    let mut from: HashMap<i64, Vec<usize>> = HashMap::new();
    let mut surplus: HashMap<i64, i64> = HashMap::new();
    // Rows are taken from the end of each list, so the provider's order is kept where it does not matter.
    for row in group.iter().rev() {
        let (start, end) = ends(*row)?;
        from.entry(start).or_default().push(*row);
        *surplus.entry(start).or_default() += 1;
        *surplus.entry(end).or_default() -= 1;
    }
    let mut order = Vec::with_capacity(group.len());
    let sources = group.iter().filter_map(|row| ends(*row)).map(|(start, _)| start);
    let leading = sources.clone().filter(|start| surplus.get(start) > Some(&0));
    for start in entry.into_iter().chain(leading).chain(sources) {
        trail(&mut from, start, ends, &mut order);
    }
    Some(order)
}

/// Appends the trail over the rows that are left and can be reached from `start`.
fn trail(from: &mut HashMap<i64, Vec<usize>>, start: i64, ends: impl Fn(usize) -> Option<(i64, i64)>, order: &mut Vec<usize>) {
    let begin = order.len();
    let mut open: Vec<(i64, Option<usize>)> = vec![(start, None)];
    while let Some((balance, row)) = open.last().copied() {
        match from.get_mut(&balance).and_then(Vec::pop) {
            Some(next) => open.extend(ends(next).map(|(_, end)| (end, Some(next)))),
            None => {
                open.pop();
                order.extend(row);
            }
        }
    }
    if let Some(part) = order.get_mut(begin..) {
        part.reverse();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::data::{scalar::Scalar, time::Day};

    fn fact(day: u8, change: i64, balance: i64) -> Fact {
        let date = Day::new(2025, 1, day).unwrap();
        Fact {
            day: Some(date),
            moment: Some(date.number() * 86_400).into(),
            change: Some(change).into(),
            balance: Some(balance).into(),
            ..Fact::default()
        }
    }

    fn plain(facts: &[Fact]) -> Walk {
        follow(facts, &facts.iter().map(|_| Row::default()).collect::<Vec<_>>())
    }

    #[test]
    fn balances_that_follow_break_nowhere() {
        let walk = plain(&[fact(1, 100, 1100), fact(2, -50, 1050), fact(3, 0, 1050)]);
        assert_eq!((walk.breaks, walk.unchecked, walk.order), (0, 0, BalanceOrder::Provider));
        assert_eq!((walk.before, walk.after), (Some(1000), Some(1050)));
    }

    #[test]
    fn a_missing_row_breaks_at_the_row_behind_it() {
        let walk = plain(&[fact(1, 100, 1100), fact(3, 10, 1060), fact(4, 1, 1061)]);
        assert_eq!(walk.told, [Break { row: 1, expected: 1110, found: 1060 }]);
    }

    #[test]
    fn a_wrong_balance_breaks_twice() {
        let walk = plain(&[fact(1, 100, 1100), fact(2, 1, 1111), fact(3, 1, 1102)]);
        assert_eq!(walk.told.iter().map(|found| found.row).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn rows_of_one_day_may_stand_in_any_order_and_of_two_days_not() {
        let mixed = [fact(1, 1, 1), fact(2, -5, 8), fact(2, 10, 13), fact(2, 2, 3), fact(3, 1, 9)];
        assert_eq!(plain(&mixed).breaks, 0);
        let moved = [fact(1, 1, 1), fact(2, 10, 13), fact(3, 2, 3), fact(4, -5, 8)];
        assert!(plain(&moved).breaks > 0);
    }

    #[test]
    fn a_break_within_a_day_stays_where_it_is() {
        let day = [fact(1, 1, 1), fact(2, 10, 11), fact(2, 3, 20), fact(2, 1, 21)];
        assert_eq!(plain(&day).told, [Break { row: 2, expected: 14, found: 20 }]);
    }

    #[test]
    fn the_newest_row_may_come_first() {
        let walk = plain(&[fact(3, 5, 16), fact(2, 10, 11), fact(1, 1, 1)]);
        assert_eq!((walk.breaks, walk.order, walk.after), (0, BalanceOrder::Reversed, Some(16)));
    }

    #[test]
    fn balances_may_follow_the_banks_ids() {
        let facts = [fact(1, 1, 1), fact(2, 2, 13), fact(3, 10, 11), fact(4, 1, 14)];
        let row = |id| Row { id: Scalar::Text(id), ..Row::default() };
        let walk = follow(&facts, &[row("T8"), row("T10"), row("T9"), row("T11")]);
        assert_eq!((walk.breaks, walk.order), (0, BalanceOrder::BankId));
    }

    #[test]
    fn a_row_that_came_again_breaks_nothing_and_one_that_fits_is_a_row() {
        let again = Fact { repeats: true, ..fact(1, 10, 10) };
        let walk = plain(&[fact(1, 10, 10), again, fact(2, 1, 11)]);
        assert_eq!((walk.breaks, walk.came_again), (0, 1));
        let walk = plain(&[fact(1, 10, 10), fact(1, -10, 0), again, fact(2, 1, 11)]);
        assert_eq!((walk.breaks, walk.came_again), (0, 0));
    }

    #[test]
    fn rows_without_a_balance_are_checked_by_the_next_one() {
        let bare = Fact { balance: None.into(), ..fact(2, 5, 0) };
        assert_eq!(plain(&[fact(1, 1, 1), bare, fact(3, 1, 7)]).unchecked, 0);
        assert_eq!(plain(&[fact(1, 1, 1), bare, fact(3, 1, 9)]).breaks, 1);
        assert_eq!(plain(&[fact(1, 1, 1), bare]).unchecked, 1);
        let nothing = Fact { change: None.into(), ..fact(2, 0, 50) };
        assert_eq!((plain(&[fact(1, 1, 1), nothing]).breaks, plain(&[fact(1, 1, 1), nothing]).unchecked), (0, 1));
    }

    proptest! {
        #[test]
        fn any_order_within_a_day_is_explained(changes in proptest::collection::vec(-20_i64..20, 1..30), seed in any::<u64>()) {
            let mut balance = 0;
            let mut facts: Vec<Fact> = changes.iter().map(|change| { balance += change; fact(2, *change, balance) }).collect();
            for at in (1..facts.len()).rev() {
                facts.swap(at, (seed.rotate_left(at as u32 * 7) % (at as u64 + 1)) as usize);
            }
            facts.insert(0, fact(1, 0, 0));
            prop_assert_eq!(plain(&facts).breaks, 0);
        }

        #[test]
        fn any_rows_are_followed_without_a_panic(rows in proptest::collection::vec((1_u8..5, any::<Option<i64>>(), any::<Option<i64>>(), any::<bool>()), 0..40)) {
            let facts: Vec<Fact> = rows.iter().map(|(day, change, balance, repeats)| Fact { change: (*change).into(), balance: (*balance).into(), repeats: *repeats, ..fact(*day, 0, 0) }).collect();
            let walk = plain(&facts);
            prop_assert!(walk.breaks + walk.came_again + walk.unchecked <= facts.len());
        }
    }
}
