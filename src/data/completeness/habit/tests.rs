#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use proptest::prelude::*;

use super::*;
use crate::data::time::Day;

/// A row of January 2025: its day, what it adds, the balance it states. Rows of a day differ in time by their place.
fn facts(rows: &[(u8, i64, i64)]) -> Vec<Fact> {
    let fact = |(at, (day, change, balance)): (usize, &(u8, i64, i64))| {
        let day = Day::new(2025, 1, *day).unwrap();
        Fact {
            day: Some(day),
            moment: Some(day.number() * 86_400 + at as i64).into(),
            change: Some(*change).into(),
            balance: Some(*balance).into(),
            ..Fact::default()
        }
    };
    rows.iter().enumerate().map(fact).collect()
}

fn walk(rows: &[(u8, i64, i64)]) -> Walk {
    recognise(&facts(rows), &rows.iter().map(|_| Row::default()).collect::<Vec<_>>())
}

/// Running balances from 1,000, as a bank writes them that is in order.
fn running(changes: &[(u8, i64)]) -> Vec<(u8, i64, i64)> {
    let mut balance = 1_000;
    let row = |(day, change): &(u8, i64)| {
        balance += change;
        (*day, *change, balance)
    };
    changes.iter().map(row).collect()
}

/// The same with each day's last balance on all rows of the day.
fn day_end(changes: &[(u8, i64)]) -> Vec<(u8, i64, i64)> {
    let rows = running(changes);
    let last = |day: u8| rows.iter().rfind(|row| row.0 == day).unwrap().2;
    rows.iter().map(|row| (row.0, row.1, last(row.0))).collect()
}

/// The same with the balance before each row.
fn opening(changes: &[(u8, i64)]) -> Vec<(u8, i64, i64)> {
    running(changes).into_iter().map(|(day, change, balance)| (day, change, balance - change)).collect()
}

const BUSY: [(u8, i64); 9] = [(3, 100), (3, -50), (5, 10), (5, -30), (5, 7), (6, 500), (8, -21), (8, -22), (8, 43)];

fn shuffled<T>(rows: &mut [T], seed: u64) {
    for at in (1..rows.len()).rev() {
        rows.swap(at, (seed.rotate_left(at as u32 * 7) % (at as u64 + 1)) as usize);
    }
}

#[test]
fn balances_of_the_days_end_break_nowhere() {
    let two_days = walk(&[(3, 10_000, 105_000), (3, -5_000, 105_000), (5, 1_000, 103_000), (5, -3_000, 103_000)]);
    assert_eq!((two_days.habit, two_days.order, two_days.loss()), (BalanceHabit::DayEnd, BalanceOrder::Day, 0));
    assert_eq!((two_days.before, two_days.after, two_days.unchecked), (Some(100_000), Some(103_000), 0));
    let busy = walk(&day_end(&BUSY));
    assert_eq!((busy.habit, busy.loss()), (BalanceHabit::DayEnd, 0));
}

#[test]
fn a_row_that_a_days_end_lacks_breaks_on_its_day() {
    for missing in 2..BUSY.len() {
        let mut rows = day_end(&BUSY);
        let (day, change, _) = rows.remove(missing);
        let found = walk(&rows);
        assert_eq!((found.habit, found.breaks), (BalanceHabit::DayEnd, 1), "{missing}");
        let broken = found.told[0];
        // A day of which nothing is left breaks on the day after it.
        let on = if rows.iter().any(|row| row.0 == day) { day } else { 8 };
        assert_eq!((rows[broken.row].0, broken.found - broken.expected), (on, change), "{missing}");
    }
}

#[test]
fn a_row_with_another_balance_than_its_day_breaks() {
    let mut rows = day_end(&BUSY);
    rows[3].2 += 1;
    let found = walk(&rows);
    assert_eq!((found.habit, found.breaks, found.told[0].row), (BalanceHabit::DayEnd, 1, 3));
}

#[test]
fn a_row_of_a_days_end_that_came_twice_is_counted_once() {
    let mut rows = facts(&day_end(&BUSY));
    rows.insert(6, Fact { repeats: true, ..rows[5] });
    let found = recognise(&rows, &[]);
    assert_eq!((found.habit, found.breaks, found.came_again), (BalanceHabit::DayEnd, 0, 1));
    // Two equal payments of one day are two where the balance has both.
    let twice = day_end(&[(3, 10), (4, 5), (4, 5), (6, 1), (6, 2)]);
    let mut rows = facts(&twice);
    rows[2].repeats = true;
    let found = recognise(&rows, &[]);
    assert_eq!((found.habit, found.loss()), (BalanceHabit::DayEnd, 0));
}

#[test]
fn rows_in_disorder_within_their_days_follow_by_day() {
    let rows = running(&BUSY);
    let mixed: Vec<_> = [1, 0, 4, 2, 3, 5, 7, 8, 6].map(|at: usize| rows[at]).to_vec();
    let found = walk(&mixed);
    assert_eq!((found.habit, found.order, found.breaks), (BalanceHabit::Running, BalanceOrder::Day, 0));
    let newest_first: Vec<_> = mixed.into_iter().rev().collect();
    assert_eq!((walk(&newest_first).habit, walk(&newest_first).breaks), (BalanceHabit::Running, 0));
}

#[test]
fn the_balance_before_each_row_is_a_habit_in_both_directions() {
    let found = walk(&opening(&BUSY));
    assert_eq!((found.habit, found.order, found.loss()), (BalanceHabit::Opening, BalanceOrder::Provider, 0));
    assert_eq!((found.before, found.after), (Some(1_000), Some(1_537)));
    let newest_first: Vec<_> = opening(&BUSY).into_iter().rev().collect();
    let found = walk(&newest_first);
    assert_eq!((found.habit, found.order, found.loss()), (BalanceHabit::Opening, BalanceOrder::Reversed, 0));
}

#[test]
fn a_missing_row_breaks_balances_before_each_row() {
    let mut rows = opening(&BUSY);
    rows.remove(5);
    let found = walk(&rows);
    assert_eq!((found.habit, found.breaks), (BalanceHabit::Opening, 1));
    // The row behind the gap states what it states, and would state 500 less.
    assert_eq!((found.told[0].row, found.told[0].found, found.told[0].expected), (5, 1_537, 1_037));
}

#[test]
fn rows_without_a_balance_have_no_habit() {
    let mut rows = facts(&running(&BUSY));
    rows.iter_mut().for_each(|row| row.balance = None.into());
    let found = recognise(&rows, &[]);
    assert_eq!((found.habit, found.breaks, found.unchecked), (BalanceHabit::None, 0, 9));
    rows.iter_mut().for_each(|row| row.balance = Some(0).into());
    let found = recognise(&rows, &[]);
    assert_eq!((found.habit, found.breaks, found.unchecked), (BalanceHabit::None, 0, 9));
    assert_eq!(recognise(&[], &[]).habit, BalanceHabit::Unspecified);
}

#[test]
fn one_day_of_two_rows_is_no_habit() {
    // A wrong balance that happens to be the day's last looks the same.
    let found = walk(&[(3, 100, 1_100), (4, 50, 1_120), (4, -30, 1_120), (5, 1, 1_121)]);
    assert_eq!(found.habit, BalanceHabit::Running);
    assert!(found.breaks > 0);
}

/// Days in order, and what each row adds: never nothing, since a missing row of nothing is not to be found.
fn statement() -> impl Strategy<Value = Vec<(u8, i64)>> {
    let change = prop_oneof![-60_i64..=-1, 1_i64..60];
    proptest::collection::vec((1_u8..8, change), 3..24).prop_map(|mut rows| {
        rows.sort_by_key(|row| row.0);
        rows
    })
}

proptest! {
    #[test]
    fn a_missing_row_is_never_taken_for_a_habit(changes in statement(), place in any::<prop::sample::Index>()) {
        let mut rows = running(&changes);
        // At an edge of the statement nothing shows that a row is missing.
        rows.remove(1 + place.index(rows.len() - 2));
        let found = walk(&rows);
        prop_assert!(found.loss() > 0 && found.habit == BalanceHabit::Running, "{rows:?} {found:?}");
        let newest_first: Vec<_> = rows.into_iter().rev().collect();
        prop_assert!(walk_in_time(&newest_first).loss() > 0);
    }

    #[test]
    fn a_wrong_balance_is_never_taken_for_a_habit(changes in statement(), place in any::<prop::sample::Index>(), wrong in 1_i64..60) {
        let mut rows = running(&changes);
        let at = place.index(rows.len());
        rows[at].2 += wrong;
        let found = walk(&rows);
        prop_assert!(found.loss() > 0, "{rows:?} {found:?}");
    }

    #[test]
    fn days_ends_follow_in_any_order_and_show_what_is_missing(changes in statement(), seed in any::<u64>(), place in any::<prop::sample::Index>()) {
        // Two days of several rows prove the habit.
        let changes: Vec<(u8, i64)> = [(0, 9), (0, 4)].into_iter().chain(changes).chain([(9, 3), (9, -8), (10, 1), (10, -2)])
            .map(|(day, change)| (day + 1, change)).collect();
        let whole = day_end(&changes);
        let mut mixed = whole.clone();
        shuffled(&mut mixed, seed);
        let found = walk(&mixed);
        prop_assert_eq!((found.habit, found.loss()), (BalanceHabit::DayEnd, 0));
        let missing = whole[2 + place.index(whole.len() - 2)];
        let mut lacking = mixed;
        let at = lacking.iter().position(|row| *row == missing).unwrap();
        lacking.remove(at);
        prop_assert!(walk(&lacking).breaks > 0);
    }

    #[test]
    fn any_rows_are_followed_without_a_panic(rows in proptest::collection::vec((1_u8..5, any::<Option<i64>>(), any::<Option<i64>>(), any::<bool>()), 0..40)) {
        let plain = facts(&rows.iter().map(|row| (row.0, 0, 0)).collect::<Vec<_>>());
        let facts: Vec<Fact> = plain.into_iter().zip(&rows)
            .map(|(fact, row)| Fact { change: row.1.into(), balance: row.2.into(), repeats: row.3, ..fact })
            .collect();
        let walk = recognise(&facts, &[]);
        prop_assert!(walk.breaks + walk.came_again + walk.unchecked <= 2 * facts.len());
    }
}

/// The same with times that fall from row to row.
fn walk_in_time(rows: &[(u8, i64, i64)]) -> Walk {
    let mut facts = facts(rows);
    let count = facts.len() as i64;
    for (at, fact) in facts.iter_mut().enumerate() {
        fact.moment = Some(fact.day.unwrap().number() * 86_400 + count - at as i64).into();
    }
    recognise(&facts, &[])
}
