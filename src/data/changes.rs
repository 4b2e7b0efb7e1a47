//! What lies between two fetches of one consent: a comparison of their whole rows.

use std::collections::{HashMap, HashSet, VecDeque};

use prost::Message;

use super::{
    rows::{Entry, EntryKind, Rows, RowsBuilder},
    time::Day,
    values, view, wire,
};
use crate::pb::{self, ChangeCounts, ChangeKind, View};

/// Numbers of fields of `Transaction`, as `financial.proto` has them.
const TRANSACTION_ID: u32 = 1;
const TRANSACTION_DATE: u32 = 10;
const BANK_TRANSACTION_ID: u32 = 14;

/// Days from the first to the last; an end that is `None` is not known.
pub type Days = (Option<Day>, Option<Day>);

/// One of two fetches.
#[derive(Debug, Clone, Copy)]
pub struct Side<'r> {
    /// Its rows, in full.
    pub rows: &'r Rows,
    /// The days that were asked for.
    pub asked: Days,
}

/// What has changed, encoded: each entry is field 1 or 2 of FetchChangesResponse.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The entries. Its counts are of changes.
    pub rows: Rows,
    /// How much has changed, whatever the view shows.
    pub counts: ChangeCounts,
}

/// Rows that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("rows cannot be compared")]
pub struct Incomparable;

/// One change.
struct Found {
    what: EntryKind,
    kind: ChangeKind,
    before: Option<Entry>,
    after: Option<Entry>,
    outside: bool,
}

/// An account of one side.
struct Part<'r> {
    entry: Entry,
    head: pb::Account,
    rows: &'r [Entry],
    days: Days,
}

/// Compares two fetches; the changes are shown in `view`.
pub fn compare(before: Side<'_>, after: Side<'_>, view: View) -> Result<Changes, Incomparable> {
    let (old, new) = (parts(before)?, parts(after)?);
    let by_id: HashMap<&str, &Part<'_>> = old.iter().map(|part| (part.head.account_id.as_str(), part)).collect();
    let mut found = Vec::new();
    for part in &new {
        match by_id.get(part.head.account_id.as_str()) {
            Some(earlier) => {
                if !same_head(&earlier.head, &part.head) {
                    found.push(Found::account(ChangeKind::Changed, Some(earlier.entry), Some(part.entry)));
                }
                rows(before.rows, earlier, after.rows, part, &mut found);
            }
            None => {
                found.push(Found::account(ChangeKind::Added, None, Some(part.entry)));
                // All of it is new, so no row lies outside a range that does not exist.
                found.extend(part.rows.iter().map(|row| Found::row(ChangeKind::Added, None, Some(*row), false)));
            }
        }
    }
    let kept: HashSet<&str> = new.iter().map(|part| part.head.account_id.as_str()).collect();
    let gone = old.iter().filter(|part| !kept.contains(part.head.account_id.as_str()));
    found.extend(gone.map(|part| Found::account(ChangeKind::Removed, Some(part.entry), None)));
    let counts = count(&found);
    let rows = encode(before.rows, after.rows, &found, view)?;
    Ok(Changes { rows, counts })
}

/// What a provider calls its latest, as changes that it reports. The rows are of that answer alone, so nothing is said of its completeness.
pub fn reported(rows: &Rows, view: View) -> Result<Changes, Incomparable> {
    let none = RowsBuilder::with_capacity(0).finish().ok_or(Incomparable)?;
    let rows = unjudged(rows)?;
    let found: Vec<Found> = rows
        .entries
        .iter()
        .map(|entry| Found { what: entry.kind, kind: ChangeKind::Reported, before: None, after: Some(*entry), outside: false })
        .collect();
    let counts = count(&found);
    Ok(Changes { rows: encode(&none, &rows, &found, view)?, counts })
}

/// The same rows without a word on completeness, and of no fetch.
fn unjudged(rows: &Rows) -> Result<Rows, Incomparable> {
    let mut out = RowsBuilder::with_capacity(rows.bytes.len());
    for entry in &rows.entries {
        match entry.kind {
            EntryKind::Account => {
                let head = pb::Account::decode(rows.message(*entry)).map_err(|_| Incomparable)?;
                let head = pb::Account { completeness: None, fetch_id: String::new(), ..head };
                out.framed(EntryKind::Account, &pb::FetchDataResponse { accounts: vec![head], ..Default::default() });
            }
            EntryKind::Transaction => out.row(|bytes| wire::message(bytes, 2, rows.message(*entry))),
        }
    }
    out.finish().ok_or(Incomparable)
}

impl Found {
    fn account(kind: ChangeKind, before: Option<Entry>, after: Option<Entry>) -> Self {
        Self { what: EntryKind::Account, kind, before, after, outside: false }
    }

    fn row(kind: ChangeKind, before: Option<Entry>, after: Option<Entry>, outside: bool) -> Self {
        Self { what: EntryKind::Transaction, kind, before, after, outside }
    }
}

/// The accounts of a side with their rows.
fn parts(side: Side<'_>) -> Result<Vec<Part<'_>>, Incomparable> {
    let entries = &side.rows.entries;
    let is_head = |(place, entry): (usize, &Entry)| (entry.kind == EntryKind::Account).then_some(place);
    let heads: Vec<usize> = entries.iter().enumerate().filter_map(is_head).collect();
    let ends = heads.iter().skip(1).copied().chain([entries.len()]);
    let part = |(start, end): (&usize, usize)| {
        let (entry, rows) = entries.get(*start..end).and_then(<[Entry]>::split_first).ok_or(Incomparable)?;
        let head = pb::Account::decode(side.rows.message(*entry)).map_err(|_| Incomparable)?;
        let days = head.stated_range.as_ref().map_or(side.asked, stated);
        Ok(Part { entry: *entry, head, rows, days })
    };
    heads.iter().zip(ends).map(part).collect()
}

fn stated(range: &pb::DateRange) -> Days {
    let day = |date: &Option<pb::Date>| {
        let date = (*date)?;
        Day::new(date.year.try_into().ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?)
    };
    (day(&range.from), day(&range.to))
}

/// Whether two heads say the same of the account. Each fetch has its own id and time, and that alone is no change; neither is another
/// spelling.
fn same_head(before: &pb::Account, after: &pb::Account) -> bool {
    before == after || values::of_account(&before.encode_to_vec()) == values::of_account(&after.encode_to_vec())
}

/// Compares the rows of an account that both fetches have. A row's id stands for its account, everything that the provider said of it,
/// and its number among equal ones; so equal ids are equal rows, wherever they stand. An older version made ids from the spelling, so rows
/// of the same values are equal too.
fn rows(before: &Rows, old: &Part<'_>, after: &Rows, new: &Part<'_>, found: &mut Vec<Found>) {
    let old_ids: HashSet<&[u8]> = old.rows.iter().map(|row| id(before, *row)).collect();
    let new_ids: HashSet<&[u8]> = new.rows.iter().map(|row| id(after, *row)).collect();
    // With whether another has taken its place.
    let mut lost: Vec<(Entry, bool)> =
        old.rows.iter().filter(|row| !new_ids.contains(id(before, **row))).map(|row| (*row, false)).collect();
    let mut added: Vec<Entry> = new.rows.iter().copied().filter(|row| !old_ids.contains(id(after, *row))).collect();
    same_values(before, &mut lost, after, &mut added);
    // Places in `lost` by the bank's id. It is not unique: the first goes with the first.
    let mut by_bank: HashMap<&[u8], VecDeque<usize>> = HashMap::new();
    for (place, (row, _)) in lost.iter().enumerate() {
        if let Some(bank) = bank_id(before, *row) {
            by_bank.entry(bank).or_default().push_back(place);
        }
    }
    for row in added {
        let partner = bank_id(after, row).and_then(|bank| by_bank.get_mut(bank)?.pop_front());
        found.push(match partner.and_then(|place| lost.get_mut(place)) {
            Some((old, replaced)) => {
                *replaced = true;
                Found::row(ChangeKind::Changed, Some(*old), Some(row), false)
            }
            None => Found::row(ChangeKind::Added, None, Some(row), outside(after, row, old.days)),
        });
    }
    // Of an account that was listed and not delivered nothing is known, so nothing of it is gone.
    if new.head.delivered {
        let gone = lost.iter().filter(|(_, replaced)| !replaced);
        found.extend(gone.map(|(row, _)| Found::row(ChangeKind::Removed, Some(*row), None, outside(before, *row, new.days))));
    }
}

/// Takes the rows out that say the same on both sides, one for one.
fn same_values(before: &Rows, lost: &mut Vec<(Entry, bool)>, after: &Rows, added: &mut Vec<Entry>) {
    if lost.is_empty() || added.is_empty() {
        return;
    }
    let mut by_value: HashMap<Vec<u8>, usize> = HashMap::with_capacity(lost.len());
    for (row, _) in lost.iter() {
        *by_value.entry(values::of_row(before.message(*row))).or_default() += 1;
    }
    let mut paired: HashMap<Vec<u8>, usize> = HashMap::new();
    added.retain(|row| {
        let key = values::of_row(after.message(*row));
        let Some(left) = by_value.get_mut(&key).filter(|left| **left > 0) else { return true };
        *left -= 1;
        *paired.entry(key).or_default() += 1;
        false
    });
    if paired.is_empty() {
        return;
    }
    lost.retain(|(row, _)| match paired.get_mut(&values::of_row(before.message(*row))).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            false
        }
        None => true,
    });
}

fn id(rows: &Rows, row: Entry) -> &[u8] {
    wire::find_bytes(rows.message(row), TRANSACTION_ID).unwrap_or_default()
}

fn bank_id(rows: &Rows, row: Entry) -> Option<&[u8]> {
    wire::find_bytes(rows.message(row), BANK_TRANSACTION_ID)
}

fn outside(rows: &Rows, row: Entry, (from, to): Days) -> bool {
    let day = wire::find_day(rows.message(row), TRANSACTION_DATE);
    day.is_some_and(|day| from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to))
}

fn count(found: &[Found]) -> ChangeCounts {
    let of = |what, kind| found.iter().filter(|one| one.what == what && one.kind == kind).count() as i64;
    ChangeCounts {
        accounts_added: of(EntryKind::Account, ChangeKind::Added),
        accounts_removed: of(EntryKind::Account, ChangeKind::Removed),
        accounts_changed: of(EntryKind::Account, ChangeKind::Changed),
        transactions_added: of(EntryKind::Transaction, ChangeKind::Added),
        transactions_removed: of(EntryKind::Transaction, ChangeKind::Removed),
        transactions_changed: of(EntryKind::Transaction, ChangeKind::Changed),
        accounts_reported: of(EntryKind::Account, ChangeKind::Reported),
        transactions_reported: of(EntryKind::Transaction, ChangeKind::Reported),
    }
}

fn encode(before: &Rows, after: &Rows, found: &[Found], view: View) -> Result<Rows, Incomparable> {
    let seen: Vec<&Found> = found.iter().filter(|one| view != View::Summary || one.what == EntryKind::Account).collect();
    let old = shown(before, seen.iter().filter_map(|one| one.before), view)?;
    let new = shown(after, seen.iter().filter_map(|one| one.after), view)?;
    let (mut old_entries, mut new_entries) = (old.entries.iter(), new.entries.iter());
    let mut out = Vec::with_capacity(old.bytes.len() + new.bytes.len() + seen.len() * 16);
    let mut rows = Rows { bytes: bytes::Bytes::new(), entries: Vec::with_capacity(seen.len()), accounts: 0, transactions: 0 };
    for one in seen {
        let field = match one.what {
            EntryKind::Account => 1,
            EntryKind::Transaction => 2,
        };
        let start = wire::begin(&mut out, field);
        wire::number(&mut out, 1, one.kind as u64);
        if one.before.is_some() {
            wire::message(&mut out, 2, old.message(*old_entries.next().ok_or(Incomparable)?));
        }
        if one.after.is_some() {
            wire::message(&mut out, 3, new.message(*new_entries.next().ok_or(Incomparable)?));
        }
        wire::number(&mut out, 4, one.outside.into());
        wire::end(&mut out, start);
        let (offset, end) = (u32::try_from(start), u32::try_from(out.len()));
        let (offset, end) = (offset.map_err(|_| Incomparable)?, end.map_err(|_| Incomparable)?);
        rows.entries.push(Entry { kind: one.what, offset, len: end - offset });
        match one.what {
            EntryKind::Account => rows.accounts += 1,
            EntryKind::Transaction => rows.transactions += 1,
        }
    }
    rows.bytes = out.into();
    Ok(rows)
}

/// Some entries as a view shows them, each of them.
fn shown(rows: &Rows, entries: impl Iterator<Item = Entry>, view: View) -> Result<Rows, Incomparable> {
    let mut some = Rows { bytes: bytes::Bytes::new(), entries: Vec::new(), accounts: 0, transactions: 0 };
    let mut bytes = Vec::new();
    for entry in entries {
        let frame =
            rows.bytes.get(entry.offset as usize..).and_then(|rest| rest.get(..entry.len as usize)).ok_or(Incomparable)?;
        some.entries.push(Entry { offset: u32::try_from(bytes.len()).map_err(|_| Incomparable)?, ..entry });
        bytes.extend_from_slice(frame);
    }
    some.bytes = bytes.into();
    let shown = view::apply(&some, view);
    // A view leaves out what it cannot read; then before and after would not belong together any more.
    if shown.entries.len() == some.entries.len() { Ok(shown) } else { Err(Incomparable) }
}

#[cfg(test)]
mod tests;
