#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::{
    data::RowsBuilder,
    pb::{FetchChangesResponse, FetchDataResponse},
};

/// A row: its id, its bank's id, its day of January 2025, its narration.
type Given = (&'static str, &'static str, i32, &'static str);

fn head(id: &str) -> pb::Account {
    pb::Account { account_id: id.to_owned(), fetch_id: "fch".to_owned(), delivered: true, ..Default::default() }
}

fn row((id, bank, day, narration): &Given, ordinal: usize) -> pb::Transaction {
    pb::Transaction {
        transaction_id: (*id).to_owned(),
        bank_transaction_id: (*bank).to_owned(),
        transaction_date: Some(pb::Date { year: 2025, month: 1, day: *day }),
        narration: (*narration).to_owned(),
        ordinal: ordinal as i32,
        ..Default::default()
    }
}

fn of(accounts: &[(pb::Account, &[Given])]) -> Rows {
    let mut builder = RowsBuilder::with_capacity(0);
    for (head, rows) in accounts {
        builder.framed(EntryKind::Account, &FetchDataResponse { accounts: vec![head.clone()], ..Default::default() });
        for (ordinal, given) in rows.iter().enumerate() {
            let page = FetchDataResponse { transactions: vec![row(given, ordinal)], ..Default::default() };
            builder.framed(EntryKind::Transaction, &page);
        }
    }
    builder.finish().unwrap()
}

fn side(rows: &Rows) -> Side<'_> {
    Side { rows, asked: (None, None) }
}

/// The answer, as a client reads it.
fn read(changes: &Changes) -> FetchChangesResponse {
    let answer = FetchChangesResponse::decode(changes.rows.bytes.clone()).unwrap();
    let end = changes.rows.entries.iter().fold(0, |end, entry| {
        assert_eq!(entry.offset, end);
        end + entry.len
    });
    assert_eq!(end as usize, changes.rows.bytes.len());
    assert_eq!(answer.accounts.len() + answer.transactions.len(), changes.rows.entries.len());
    answer
}

#[test]
fn what_a_provider_reports_is_told_in_its_order_and_not_judged() {
    let judged = pb::Account { completeness: Some(pb::Completeness::default()), ..head("a") };
    let rows = of(&[(judged, &[("1", "b1", 3, "x"), ("2", "", 1, "y")]), (head("b"), &[])]);
    let changes = reported(&rows, View::Full).unwrap();
    assert_eq!((changes.counts.accounts_reported, changes.counts.transactions_reported), (2, 2));
    let answer = read(&changes);
    assert!(answer.accounts.iter().all(|one| one.kind() == ChangeKind::Reported && one.before.is_none()));
    let bare = |id: &str| Some(pb::Account { fetch_id: String::new(), ..head(id) });
    assert!(answer.accounts.iter().map(|one| one.after.clone()).eq([bare("a"), bare("b")]));
    let wanted = |id: &str| (ChangeKind::Reported, String::new(), id.to_owned(), false);
    assert_eq!(told(&answer), [wanted("1"), wanted("2")]);
    let masked = read(&reported(&rows, View::Masked).unwrap());
    assert!(masked.transactions.iter().all(|one| one.after.as_ref().unwrap().narration.is_empty()));
    let summary = reported(&rows, View::Summary).unwrap();
    assert_eq!((read(&summary).transactions.len(), summary.counts), (0, changes.counts));
    let none = reported(&of(&[]), View::Full).unwrap();
    assert_eq!((none.rows.entries.len(), none.counts), (0, ChangeCounts::default()));
}

/// Transactions as kind, id before, id after, outside.
fn told(answer: &FetchChangesResponse) -> Vec<(ChangeKind, String, String, bool)> {
    let id = |row: &Option<pb::Transaction>| row.as_ref().map(|row| row.transaction_id.clone()).unwrap_or_default();
    let told = |one: &pb::TransactionChange| (one.kind(), id(&one.before), id(&one.after), one.outside_other_range);
    answer.transactions.iter().map(told).collect()
}

fn between(before: &[Given], after: &[Given]) -> FetchChangesResponse {
    let (before, after) = (of(&[(head("a"), before)]), of(&[(head("a"), after)]));
    read(&compare(side(&before), side(&after), View::Full).unwrap())
}

#[test]
fn rows_are_added_removed_and_changed_and_moves_are_nothing() {
    use ChangeKind::{Added, Changed, Removed};
    let before = [("t1", "b1", 1, "x"), ("t2", "b2", 2, "y"), ("t3", "", 3, "z"), ("t4", "b4", 4, "w")];
    let after = [("t4", "b4", 4, "w"), ("t2'", "b2", 2, "Y"), ("t5", "b5", 5, "v"), ("t1", "b1", 1, "x")];
    let answer = between(&before, &after);
    let text = str::to_owned;
    assert_eq!(
        told(&answer),
        [(Changed, text("t2"), text("t2'"), false), (Added, text(""), text("t5"), false), (Removed, text("t3"), text(""), false),]
    );
    assert_eq!(answer.transactions[0].before, Some(row(&before[1], 1)));
    assert_eq!(answer.transactions[0].after, Some(row(&after[1], 1)));
    assert!(answer.accounts.is_empty());
}

#[test]
fn rows_of_equal_values_are_the_same_whatever_their_ids() {
    // As between a snapshot whose ids an older version made from the spelling, and one of today.
    let before = [("o1", "b1", 1, "x"), ("o2", "", 2, "y"), ("o3", "", 2, "y"), ("o4", "b4", 4, "w")];
    let after = [("n3", "", 2, "y"), ("n2", "", 2, "y"), ("n1", "b1", 1, "x"), ("n5", "", 2, "y"), ("n4", "b4", 4, "W")];
    let answer = between(&before, &after);
    let kinds: Vec<_> = told(&answer).into_iter().map(|(kind, old, new, _)| (kind, old, new)).collect();
    let text = str::to_owned;
    assert_eq!(kinds, [(ChangeKind::Added, text(""), text("n5")), (ChangeKind::Changed, text("o4"), text("n4"))]);
}

#[test]
fn rows_that_share_a_bank_id_pair_in_order_and_only_those_that_differ() {
    use ChangeKind::{Added, Changed};
    let before = [("t1", "b", 1, "x"), ("t2", "b", 1, "y")];
    let after = [("t2'", "b", 1, "Y"), ("t1", "b", 1, "x"), ("t3", "b", 1, "z")];
    let kinds: Vec<_> = told(&between(&before, &after)).into_iter().map(|(kind, old, new, _)| (kind, old, new)).collect();
    assert_eq!(kinds, [(Changed, "t2".to_owned(), "t2'".to_owned()), (Added, String::new(), "t3".to_owned())]);
    // The same bank id in another account is another row.
    let before = of(&[(head("a"), &before), (head("b"), &[])]);
    let moved = of(&[(head("a"), &[]), (head("b"), &[("u1", "b", 1, "x"), ("u2", "b", 1, "y")])]);
    let counts = compare(side(&before), side(&moved), View::Full).unwrap().counts;
    assert_eq!((counts.transactions_added, counts.transactions_removed, counts.transactions_changed), (2, 2, 0));
}

#[test]
fn accounts_come_go_and_change_and_their_fetch_alone_is_no_change() {
    let rows: &[Given] = &[("t1", "b1", 1, "x")];
    let again = pb::Account { fetch_id: "other".to_owned(), fetch_time: Some(prost_types::Timestamp::default()), ..head("same") };
    let holder = pb::Holder { name: "A Sample".to_owned(), ..Default::default() };
    let changed = pb::Account { holders: vec![holder], ..head("changed") };
    let before = of(&[(head("same"), rows), (head("gone"), rows), (head("changed"), rows)]);
    let after = of(&[(changed.clone(), rows), (head("new"), rows), (again, rows)]);
    let changes = compare(side(&before), side(&after), View::Full).unwrap();
    let answer = read(&changes);
    let kinds: Vec<_> = answer.accounts.iter().map(|one| (one.kind(), one.before.is_some(), one.after.is_some())).collect();
    let (added, removed) = ((ChangeKind::Added, false, true), (ChangeKind::Removed, true, false));
    assert_eq!(kinds, [(ChangeKind::Changed, true, true), added, removed]);
    assert_eq!(answer.accounts[0].after, Some(changed));
    // The rows of the new account are listed; those of the removed one went with it.
    assert_eq!(told(&answer), [(ChangeKind::Added, String::new(), "t1".to_owned(), false)]);
    let counts = changes.counts;
    assert_eq!((counts.accounts_added, counts.accounts_removed, counts.accounts_changed), (1, 1, 1));
    assert_eq!((counts.transactions_added, counts.transactions_removed, counts.transactions_changed), (1, 0, 0));
}

#[test]
fn what_did_not_come_is_not_gone() {
    let before = of(&[(head("a"), &[("t1", "b1", 1, "x")])]);
    let absent = of(&[(pb::Account { delivered: false, ..head("a") }, &[])]);
    let changes = compare(side(&before), side(&absent), View::Full).unwrap();
    let only = ChangeCounts { accounts_changed: 1, ..Default::default() };
    assert_eq!(changes.counts, only);
    let back = compare(side(&absent), side(&before), View::Full).unwrap();
    assert_eq!(back.counts, ChangeCounts { transactions_added: 1, ..only });
}

#[test]
fn a_window_that_moves_is_told_from_a_statement_that_changes() {
    let date = |day| Some(pb::Date { year: 2025, month: 1, day });
    let stating = |from, to| pb::Account { stated_range: Some(pb::DateRange { from: date(from), to: date(to) }), ..head("a") };
    let old: &[Given] = &[("t1", "", 1, "x"), ("t5", "", 5, "x")];
    let new: &[Given] = &[("t4", "", 4, "x"), ("t9", "", 9, "x")];
    let outside = |before: Side<'_>, after: Side<'_>| -> Vec<(String, bool)> {
        let answer = read(&compare(before, after, View::Full).unwrap());
        told(&answer).into_iter().map(|(_, before, after, outside)| (before + &after, outside)).collect()
    };
    let wanted = [("t4", false), ("t9", true), ("t1", true), ("t5", false)].map(|(id, outside)| (id.to_owned(), outside));
    let (before, after) = (of(&[(stating(1, 5), old)]), of(&[(stating(4, 9), new)]));
    assert_eq!(outside(side(&before), side(&after)), wanted);
    // What was asked for counts where the account states nothing.
    let (before, after) = (of(&[(head("a"), old)]), of(&[(head("a"), new)]));
    let asked = |rows, from, to| Side { rows, asked: (Day::new(2025, 1, from), Day::new(2025, 1, to)) };
    assert_eq!(outside(asked(&before, 1, 5), asked(&after, 4, 9)), wanted);
    assert!(outside(side(&before), side(&after)).iter().all(|(_, outside)| !outside));
}

#[test]
fn views_hide_what_they_hide_but_what_differs_is_found() {
    let before = of(&[(head("a"), &[("t1", "b1", 1, "secret one")])]);
    let after = of(&[(pb::Account { masked_number: "XXXX1234".to_owned(), ..head("a") }, &[("t2", "b1", 1, "secret two")])]);
    let masked = compare(side(&before), side(&after), View::Masked).unwrap();
    assert_eq!(masked.counts.transactions_changed, 1);
    assert!(!masked.rows.bytes.windows(6).any(|window| window == b"secret"));
    let answer = read(&masked);
    assert_eq!(answer.transactions[0].after.as_ref().unwrap().transaction_id, "t2");
    let summary = compare(side(&before), side(&after), View::Summary).unwrap();
    assert_eq!(summary.counts, masked.counts);
    assert_eq!((read(&summary).accounts.len(), read(&summary).transactions.len()), (1, 0));
}

#[test]
fn rows_that_cannot_be_read_are_not_compared() {
    let good = of(&[(head("a"), &[])]);
    let mut bad = good.clone();
    // The frame stays, its message does not.
    let mut bytes = vec![0xff; good.bytes.len()];
    bytes[..2].copy_from_slice(&good.bytes[..2]);
    bad.bytes = bytes.into();
    assert_eq!(compare(side(&good), side(&bad), View::Full), Err(Incomparable));
}

proptest! {
    /// Taking what is told out of and into the earlier rows gives the newer ones.
    #[test]
    fn the_changes_lead_from_one_fetch_to_the_other(
        before in proptest::collection::vec((0_usize..12, 0_usize..4), 0..20),
        after in proptest::collection::vec((0_usize..12, 0_usize..4), 0..20),
    ) {
        const IDS: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
        const BANK: [&str; 4] = ["", "b1", "b2", "b3"];
        let given = |list: &[(usize, usize)]| {
            // An id is an id of one content, and occurs once.
            let mut seen = HashSet::new();
            let once = list.iter().filter(|(id, _)| seen.insert(*id));
            once.map(|(id, _)| (IDS[*id], BANK[id % 4], 1, IDS[*id])).collect::<Vec<Given>>()
        };
        let (before, after) = (given(&before), given(&after));
        let mut ids: HashSet<String> = before.iter().map(|row| row.0.to_owned()).collect();
        for (kind, old, new, _) in told(&between(&before, &after)) {
            prop_assert_eq!(kind == ChangeKind::Added, old.is_empty());
            prop_assert_eq!(kind == ChangeKind::Removed, new.is_empty());
            prop_assert!(old.is_empty() || ids.remove(&old));
            prop_assert!(new.is_empty() || ids.insert(new));
        }
        prop_assert_eq!(ids, after.iter().map(|row| row.0.to_owned()).collect::<HashSet<_>>());
    }
}
