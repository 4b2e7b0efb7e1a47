//! What the balances of an account are balances of. Running balances are the rule; any other habit needs rows that running balances cannot
//! explain and that the habit explains one after another, since a statement with a missing row must never pass for a habit.

use super::{
    Fact,
    balances::{self, Walk},
    day_end,
};
use crate::{
    data::row::Row,
    pb::{BalanceHabit, BalanceOrder},
};

/// So many rows must contradict running balances before the balance before each row is considered: one missing row contradicts them once, a
/// wrong balance twice.
const CONTRADICTIONS: usize = 3;

/// Follows the balances of an account by the habit that its rows show.
pub fn recognise(facts: &[Fact], rows: &[Row<'_>]) -> Walk {
    if facts.is_empty() {
        return Walk::default();
    }
    if states_nothing(facts) {
        return Walk { habit: BalanceHabit::None, order: BalanceOrder::Provider, unchecked: facts.len(), ..Walk::default() };
    }
    let running = balances::follow(facts, rows);
    if running.loss() == 0 {
        return running;
    }
    if let Some(days) = day_end::follow(facts).filter(|days| days.loss() < running.loss()) {
        return days;
    }
    opening(facts, rows, &running).unwrap_or(running)
}

/// Whether no row states a balance, or all state zero though money goes in and out, which no account does.
fn states_nothing(facts: &[Fact]) -> bool {
    if facts.iter().all(|fact| fact.balance.get().is_none()) {
        return true;
    }
    let changes = |sign: i64| facts.iter().filter_map(|fact| fact.change.get()).any(|change| change.signum() == sign);
    facts.len() > CONTRADICTIONS && facts.iter().all(|fact| fact.balance.get() == Some(0)) && changes(1) && changes(-1)
}

/// The balances as those before each row, if nearly all rows follow that way and most do not follow as running balances.
fn opening(facts: &[Fact], rows: &[Row<'_>], running: &Walk) -> Option<Walk> {
    if running.breaks < CONTRADICTIONS || running.breaks * 2 <= running.compared {
        return None;
    }
    let after = |fact: &Fact| Some(fact.balance.get()?.wrapping_add(fact.change.get()?));
    let moved: Vec<Fact> = facts.iter().map(|fact| Fact { balance: after(fact).into(), ..*fact }).collect();
    let mut walk = balances::follow(&moved, rows);
    if walk.loss() * 4 > walk.compared || walk.compared < CONTRADICTIONS {
        return None;
    }
    walk.habit = BalanceHabit::Opening;
    for found in &mut walk.told {
        let change = facts.get(found.row).and_then(|fact| fact.change.get()).unwrap_or_default();
        found.expected = found.expected.wrapping_sub(change);
        found.found = found.found.wrapping_sub(change);
    }
    Some(walk)
}

#[cfg(test)]
mod tests;
