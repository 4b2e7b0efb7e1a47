//! Which rows a reader wants. The fields that decide are read from the encoded rows in place; nothing else of them is decoded.

use std::ops::Range;

use super::{
    rows::{EntryKind, Rows},
    time::Day,
    wire,
};
use crate::pb::FiType;

/// Numbers of the fields that decide, as `financial.proto` has them.
const ACCOUNT_ID: u32 = 1;
const FI_TYPE: u32 = 4;
const TRANSACTION_DATE: u32 = 10;

/// A choice of rows. Empty lists and no days choose everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these accounts.
    pub account_ids: Vec<String>,
    /// Only accounts of these kinds.
    pub fi_types: Vec<FiType>,
    /// Only transactions from the first to the last day (IST). A row without a day lies in no range.
    pub days: Option<(Day, Day)>,
}

impl Filter {
    /// Whether it chooses everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A text that two filters share only if they choose the same in the same words.
    pub fn fingerprint(&self) -> String {
        if self.is_empty() { String::new() } else { format!("{self:?}") }
    }

    /// Places in `account_ids` of those that are no account of these rows.
    pub fn strangers(&self, rows: &Rows) -> Vec<usize> {
        if self.account_ids.is_empty() {
            return Vec::new();
        }
        let heads = rows.entries.iter().filter(|entry| entry.kind == EntryKind::Account);
        let known: Vec<&[u8]> = heads.filter_map(|entry| account_id(rows.message(*entry))).collect();
        let unknown = |(_, id): &(usize, &String)| !known.contains(&id.as_bytes());
        self.account_ids.iter().enumerate().filter(unknown).map(|(place, _)| place).collect()
    }

    /// The places of the chosen entries from `begin` on, in order. An account is chosen with or without rows.
    pub fn picks<'r>(&'r self, rows: &'r Rows, begin: usize) -> impl Iterator<Item = usize> + 'r {
        let entries = &rows.entries;
        let begin = begin.min(entries.len());
        // What `begin` belongs to was decided by the account before it.
        let mut chosen = entries
            .iter()
            .take(begin)
            .rfind(|entry| entry.kind == EntryKind::Account)
            .is_some_and(|entry| self.takes_account(rows.message(*entry)));
        entries.iter().enumerate().skip(begin).filter_map(move |(place, entry)| {
            let taken = match entry.kind {
                EntryKind::Account => {
                    chosen = self.takes_account(rows.message(*entry));
                    chosen
                }
                EntryKind::Transaction => chosen && self.takes_row(rows.message(*entry)),
            };
            taken.then_some(place)
        })
    }

    /// The chosen entries as runs of neighbours, so that each run is one slice of the kept bytes.
    pub fn runs(&self, rows: &Rows) -> Vec<Range<usize>> {
        if self.is_empty() {
            return std::iter::once(0..rows.entries.len()).filter(|run| !run.is_empty()).collect();
        }
        let mut runs: Vec<Range<usize>> = Vec::new();
        for place in self.picks(rows, 0) {
            match runs.last_mut() {
                Some(run) if run.end == place => run.end += 1,
                _ => runs.push(place..place + 1),
            }
        }
        runs
    }

    fn takes_account(&self, head: &[u8]) -> bool {
        let by_id = self.account_ids.is_empty()
            || account_id(head).is_some_and(|id| self.account_ids.iter().any(|wanted| wanted.as_bytes() == id));
        by_id
            && (self.fi_types.is_empty() || self.fi_types.iter().any(|wanted| *wanted as u64 == wire::find_number(head, FI_TYPE)))
    }

    fn takes_row(&self, row: &[u8]) -> bool {
        let Some((first, last)) = self.days else { return true };
        wire::find_day(row, TRANSACTION_DATE).is_some_and(|day| first <= day && day <= last)
    }
}

fn account_id(head: &[u8]) -> Option<&[u8]> {
    wire::find_bytes(head, ACCOUNT_ID)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use prost::Message;

    use super::*;
    use crate::{
        data::RowsBuilder,
        pb::{self, FetchDataResponse},
    };

    /// Two deposits and a term deposit with a row on each of the first four days of 2025 and one without a day.
    fn rows() -> Rows {
        let mut builder = RowsBuilder::with_capacity(0);
        for (at, fi_type) in [FiType::Deposit, FiType::TermDeposit, FiType::Deposit].into_iter().enumerate() {
            let account = pb::Account { account_id: id(at), fi_type: fi_type.into(), transaction_count: 5, ..Default::default() };
            let page = FetchDataResponse { accounts: vec![account], ..Default::default() };
            builder.framed(EntryKind::Account, &page);
            for day in 0..5 {
                let date = (day > 0).then_some(pb::Date { year: 2025, month: 1, day });
                let row = pb::Transaction {
                    account_id: id(at),
                    transaction_id: format!("txn_{at}{day}"),
                    transaction_date: date,
                    value_date: Some(pb::Date { year: 2025, month: 1, day: 2 }),
                    narration: "a long text".repeat(40),
                    ..Default::default()
                };
                builder.framed(EntryKind::Transaction, &FetchDataResponse { transactions: vec![row], ..Default::default() });
            }
        }
        builder.finish().unwrap()
    }

    fn id(at: usize) -> String {
        format!("acc_{at}")
    }

    fn day(day: u8) -> Day {
        Day::new(2025, 1, day).unwrap()
    }

    /// What is chosen, as ids.
    fn chosen(filter: &Filter) -> Vec<String> {
        let rows = rows();
        let whole: Vec<usize> = filter.runs(&rows).into_iter().flatten().collect();
        assert_eq!(whole, filter.picks(&rows, 0).collect::<Vec<_>>());
        for begin in 0..rows.entries.len() + 2 {
            let rest: Vec<usize> = whole.iter().copied().filter(|place| *place >= begin).collect();
            assert_eq!(filter.picks(&rows, begin).collect::<Vec<_>>(), rest, "{begin}");
        }
        let mut ids = Vec::new();
        for place in whole {
            let entry = rows.entries[place];
            ids.push(match entry.kind {
                EntryKind::Account => pb::Account::decode(rows.message(entry)).unwrap().account_id,
                EntryKind::Transaction => pb::Transaction::decode(rows.message(entry)).unwrap().transaction_id,
            });
        }
        ids
    }

    #[test]
    fn an_empty_filter_chooses_everything_in_one_run() {
        assert_eq!(chosen(&Filter::default()).len(), 18);
        assert_eq!(Filter::default().runs(&rows()), vec![Range { start: 0, end: 18 }]);
        assert!(Filter::default().runs(&RowsBuilder::with_capacity(0).finish().unwrap()).is_empty());
    }

    #[test]
    fn accounts_are_chosen_by_id_and_kind_together() {
        let by_id = Filter { account_ids: vec![id(2), id(1)], ..Filter::default() };
        assert_eq!(chosen(&by_id).len(), 12);
        let by_kind = Filter { fi_types: vec![FiType::Deposit], ..Filter::default() };
        assert_eq!(chosen(&by_kind)[..2], ["acc_0", "txn_00"]);
        assert_eq!(chosen(&by_kind)[6], "acc_2");
        let both = Filter { fi_types: vec![FiType::Deposit], ..by_id };
        assert_eq!(chosen(&both), ["acc_2", "txn_20", "txn_21", "txn_22", "txn_23", "txn_24"]);
        let none = Filter { fi_types: vec![FiType::Other], ..Filter::default() };
        assert!(chosen(&none).is_empty());
    }

    #[test]
    fn days_are_those_of_the_transaction_and_both_ends_belong_to_them() {
        let filter = Filter { account_ids: vec![id(1)], days: Some((day(2), day(3))), ..Filter::default() };
        assert_eq!(chosen(&filter), ["acc_1", "txn_12", "txn_13"]);
        let late = Filter { days: Some((day(9), day(9))), ..Filter::default() };
        assert_eq!(chosen(&late), ["acc_0", "acc_1", "acc_2"]);
    }

    #[test]
    fn ids_of_no_account_are_found() {
        let filter = Filter { account_ids: vec![id(0), id(9), id(2), "txn_00".to_owned()], ..Filter::default() };
        assert_eq!(filter.strangers(&rows()), [1, 3]);
    }

    #[test]
    fn different_filters_have_different_fingerprints() {
        let texts: std::collections::HashSet<String> = [
            Filter::default(),
            Filter { account_ids: vec![id(0)], ..Filter::default() },
            Filter { account_ids: vec!["acc_0\", \"acc_1".to_owned()], ..Filter::default() },
            Filter { account_ids: vec![id(0), id(1)], ..Filter::default() },
            Filter { fi_types: vec![FiType::Deposit], ..Filter::default() },
            Filter { days: Some((day(1), day(2))), ..Filter::default() },
            Filter { days: Some((day(1), day(3))), ..Filter::default() },
        ]
        .iter()
        .map(Filter::fingerprint)
        .collect();
        assert_eq!(texts.len(), 7);
    }
}
