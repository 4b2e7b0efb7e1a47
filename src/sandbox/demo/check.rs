//! Whether what the gateway said is what the banks know.

use std::collections::HashSet;

use super::{Row, drive::state_name};
use crate::{
    pb,
    sandbox::bank::{BankAccount, Kind, Truth},
};

const LEAST_ACCOUNTS: usize = 3;
const LEAST_ROWS: usize = 2_000;

/// Everything that is wrong, one line each.
pub(super) fn faults(rows: &[Row<'_>], truth: &[BankAccount]) -> Vec<String> {
    let deposits = truth.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. }));
    let truth = Truth::of(deposits.flat_map(|account| &account.rows));
    rows.iter().flat_map(|row| of_journey(row, &truth)).collect()
}

fn of_journey((plan, seen): &Row<'_>, truth: &Truth) -> Vec<String> {
    let mut out = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            out.push(format!("{}: {what}", plan.label));
        }
    };
    let state = seen.journey.state();
    must(state == pb::JourneyState::Ready, format!("its state is {}", state_name(state)));
    must(seen.accounts.len() >= LEAST_ACCOUNTS, format!("{} accounts instead of at least {LEAST_ACCOUNTS}", seen.accounts.len()));
    let rows = seen.transactions.len();
    must(rows >= LEAST_ROWS, format!("{rows} transactions instead of at least {LEAST_ROWS}"));

    let deposits: HashSet<&str> = seen
        .accounts
        .iter()
        .filter(|account| account.fi_type() == pb::FiType::Deposit)
        .map(|account| account.account_id.as_str())
        .collect();
    let delivered = deposit_truth(&seen.transactions, &deposits);
    must(
        delivered == *truth,
        format!(
            "the deposit accounts have {} rows with {} paise in and {} out, the banks {} with {} and {}",
            delivered.rows, delivered.credits, delivered.debits, truth.rows, truth.credits, truth.debits
        ),
    );
    if plan.has_analytics() {
        let credits = seen.analysis.as_ref().and_then(|core| core.total_credits.as_ref()).map(|money| money.minor_units);
        must(
            credits == Some(truth.credits),
            format!("its analysis says {credits:?} paise of credits, the banks {}", truth.credits),
        );
    }
    out
}

fn deposit_truth(transactions: &[pb::Transaction], deposits: &HashSet<&str>) -> Truth {
    let rows = transactions.iter().filter(|row| deposits.contains(row.account_id.as_str()));
    rows.fold(Truth::default(), |mut sum, row| {
        let amount = row.amount.as_ref().map_or(0, |money| money.minor_units);
        sum.rows += 1;
        match row.r#type() {
            pb::TransactionType::Credit => sum.credits += amount,
            pb::TransactionType::Debit => sum.debits += amount,
            _ => {}
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::sandbox::{
        bank::Bank,
        demo::drive::{Plan, Seen, plans},
    };

    fn honest(truth: &[BankAccount]) -> Seen {
        let mut seen = Seen::default();
        seen.journey.set_state(pb::JourneyState::Ready);
        let money = |paise| Some(pb::Money { minor_units: paise, currency_code: "INR".into() });
        for account in truth.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. })) {
            seen.accounts.push(pb::Account {
                account_id: account.link_ref.clone(),
                fi_type: pb::FiType::Deposit.into(),
                ..pb::Account::default()
            });
            seen.transactions.extend(account.rows.iter().map(|row| pb::Transaction {
                account_id: account.link_ref.clone(),
                r#type: if row.credit { pb::TransactionType::Credit } else { pb::TransactionType::Debit }.into(),
                amount: money(row.amount),
                ..pb::Transaction::default()
            }));
        }
        let credits =
            Truth::of(truth.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. })).flat_map(|a| &a.rows)).credits;
        seen.analysis = Some(pb::AnalyticsCore { total_credits: money(credits), ..pb::AnalyticsCore::default() });
        seen
    }

    fn judged(plan: &Plan, seen: &Seen, truth: &[BankAccount]) -> usize {
        faults(&[(plan, seen)], truth).len()
    }

    #[test]
    fn an_honest_answer_passes_and_every_lie_is_named() {
        let truth = Bank::accounts_for("9000000001", "2026-11-20T10:00:00Z".parse().unwrap());
        let plan = &plans()[0];
        assert_eq!(judged(plan, &honest(&truth), &truth), 0);
        let mut short = honest(&truth);
        short.transactions.pop();
        assert_eq!(judged(plan, &short, &truth), 1);
        let mut pending = honest(&truth);
        pending.journey.set_state(pb::JourneyState::Fetching);
        assert_eq!(judged(plan, &pending, &truth), 1);
        let mut wrong = honest(&truth);
        wrong.analysis = None;
        assert_eq!(judged(plan, &wrong, &truth), 1);
        assert_eq!(judged(plan, &Seen::default(), &truth), 5);
    }
}
