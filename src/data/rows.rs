//! Rows of a fetch, kept as they go over the wire.

use bytes::Bytes;
use prost::Message;

use super::{account, time::Day, wire};
use crate::pb;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An `Account`: field 1 of FetchDataResponse.
    Account,
    /// A `Transaction`: field 2 of FetchDataResponse. It belongs to the account entry before it.
    Transaction,
}

/// One framed entry: tag, length and message, so that a page is a plain concatenation of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Where it begins, tag included.
    pub offset: u32,
    /// How long it is, tag and length included.
    pub len: u32,
}

/// All rows of a fetch, in full: each account, then its transactions in the provider's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The entries, one after another.
    pub bytes: Bytes,
    /// Where each is.
    pub entries: Vec<Entry>,
    /// How many accounts.
    pub accounts: u32,
    /// How many transactions.
    pub transactions: u64,
}

/// Kept bytes that are not what was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("kept rows are damaged")]
pub struct KeptDamaged;

/// The form of [`Rows::to_kept_bytes`]: a byte for the form, both counts, then the entries.
const KEPT_VERSION: u8 = 1;
const KEPT_HEAD: usize = 1 + 4 + 8;

/// Fields of an account, as `financial.proto` numbers them.
const ACCOUNT_ID: u32 = 1;
const DELIVERED: u32 = 21;

impl Rows {
    /// The message of an entry, without tag and length; empty if the entry is none of these rows.
    pub fn message(&self, entry: Entry) -> &[u8] {
        let frame = self.bytes.get(entry.offset as usize..).and_then(|rest| rest.get(..entry.len as usize)).unwrap_or_default();
        frame_head(frame).and_then(|(_, head, _)| frame.get(head..)).unwrap_or_default()
    }

    /// The rows of several, one after another; `None` if they are beyond four gigabytes.
    pub fn joined(all: &[Self]) -> Option<Self> {
        let mut bytes = Vec::with_capacity(all.iter().map(|rows| rows.bytes.len()).sum());
        let mut entries = Vec::with_capacity(all.iter().map(|rows| rows.entries.len()).sum());
        for rows in all {
            let shift = u32::try_from(bytes.len()).ok()?;
            for entry in &rows.entries {
                entries.push(Entry { offset: entry.offset.checked_add(shift)?, ..*entry });
            }
            bytes.extend_from_slice(&rows.bytes);
        }
        let (accounts, transactions) =
            (all.iter().map(|rows| rows.accounts).sum(), all.iter().map(|rows| rows.transactions).sum());
        Some(Self { bytes: bytes.into(), entries, accounts, transactions })
    }

    /// The rows without these accounts and their transactions, by `account_id`.
    pub fn without(&self, account_ids: &[String]) -> Self {
        let mut kept = RowsBuilder::with_capacity(self.bytes.len());
        let mut taken = true;
        for entry in &self.entries {
            let message = self.message(*entry);
            if entry.kind == EntryKind::Account {
                let id = wire::find_bytes(message, ACCOUNT_ID).unwrap_or_default();
                taken = !account_ids.iter().any(|other| other.as_bytes() == id);
            }
            if taken {
                kept.message(entry.kind, |out| {
                    out.extend_from_slice(message);
                    Some(())
                });
            }
        }
        let RowsBuilder { bytes, entries, accounts, transactions } = kept;
        Self { bytes: bytes.into(), entries, accounts, transactions }
    }

    /// Whether an account is listed whose data did not come.
    pub fn lacks_accounts(&self) -> bool {
        let heads = self.entries.iter().filter(|entry| entry.kind == EntryKind::Account);
        heads.into_iter().any(|entry| wire::find_number(self.message(*entry), DELIVERED) == 0)
    }

    /// A compact form for the store. Nothing else of the rows is left.
    pub fn into_kept_bytes(self) -> Vec<u8> {
        self.to_kept_bytes()
    }

    /// The same of rows that are still needed.
    pub fn to_kept_bytes(&self) -> Vec<u8> {
        let mut kept = Vec::with_capacity(KEPT_HEAD + self.bytes.len());
        kept.push(KEPT_VERSION);
        kept.extend_from_slice(&self.accounts.to_le_bytes());
        kept.extend_from_slice(&self.transactions.to_le_bytes());
        kept.extend_from_slice(&self.bytes);
        kept
    }

    /// Back from [`Rows::to_kept_bytes`]. Entries are found again by walking over the frames, without a copy of them.
    pub fn from_kept_bytes(kept: impl Into<Bytes>) -> Result<Self, KeptDamaged> {
        let mut kept: Bytes = kept.into();
        if kept.len() < KEPT_HEAD || kept.len() > u32::MAX as usize {
            return Err(KeptDamaged);
        }
        let head = kept.split_to(KEPT_HEAD);
        let (version, kept_counts) = head.split_first().ok_or(KeptDamaged)?;
        let (accounts, transactions) = kept_counts.split_at_checked(4).ok_or(KeptDamaged)?;
        let count = |bytes: &[u8]| bytes.iter().rev().fold(0, |count: u64, byte| count << 8 | u64::from(*byte));
        let entries = count(accounts).saturating_add(count(transactions));
        let rows = Self::walk(kept, entries)?;
        let counts = [&rows.accounts.to_le_bytes()[..], &rows.transactions.to_le_bytes()].concat();
        if *version == KEPT_VERSION && kept_counts == counts { Ok(rows) } else { Err(KeptDamaged) }
    }

    fn walk(bytes: Bytes, entries: u64) -> Result<Self, KeptDamaged> {
        // An entry is two bytes at the least, whatever a damaged head says.
        let mut entries = Vec::with_capacity(usize::try_from(entries).unwrap_or(usize::MAX).min(bytes.len() / 2));
        let (mut accounts, mut transactions) = (0, 0);
        let mut at = 0;
        while at < bytes.len() {
            let (kind, head, message) = bytes.get(at..).and_then(frame_head).ok_or(KeptDamaged)?;
            let len = head.checked_add(message).ok_or(KeptDamaged)?;
            if len > bytes.len() - at {
                return Err(KeptDamaged);
            }
            match kind {
                EntryKind::Account => accounts += 1,
                EntryKind::Transaction if accounts > 0 => transactions += 1,
                EntryKind::Transaction => return Err(KeptDamaged),
            }
            entries.push(Entry { kind, offset: at as u32, len: len as u32 });
            at += len;
        }
        Ok(Self { bytes, entries, accounts, transactions })
    }
}

/// Kind, length of tag and length, and length of the message of the frame that `bytes` begins with.
fn frame_head(bytes: &[u8]) -> Option<(EntryKind, usize, usize)> {
    let (tag, mut rest) = bytes.split_first()?;
    let kind = match tag {
        tag if *tag == wire::tag(1) => EntryKind::Account,
        tag if *tag == wire::tag(2) => EntryKind::Transaction,
        _ => return None,
    };
    let message = prost::encoding::decode_varint(&mut rest).ok()?;
    Some((kind, bytes.len() - rest.len(), usize::try_from(message).ok()?))
}

/// By how many bytes the buffer of rows grows at least.
const STEP: usize = 64 * 1024;
/// Hardly a row is longer; one that is costs a larger step.
const USUAL_ROW: usize = 2 * 1024;

/// Puts rows together.
#[derive(Debug)]
pub struct RowsBuilder {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    accounts: u32,
    transactions: u64,
}

/// Where the delivered range of an account that was begun stands.
#[derive(Debug, Clone, Copy)]
pub struct RangePlace {
    entry: usize,
    at: usize,
    len: usize,
}

impl RowsBuilder {
    /// With room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(bytes / 192 + 1), accounts: 0, transactions: 0 }
    }

    /// For the rows of a body of `body` bytes: rows are shorter than their JSON.
    pub fn for_body(body: usize) -> Self {
        let mut builder = Self::with_capacity(body / 8 * 5);
        builder.entries = Vec::with_capacity(body / 256 + 1);
        builder
    }

    /// Makes room for `needed` more bytes, in small steps: the buffer of a large fetch must not double.
    #[inline]
    fn room(&mut self, needed: usize) {
        if self.bytes.capacity() - self.bytes.len() < needed {
            self.grow(needed);
        }
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        self.bytes.reserve_exact(needed.max(STEP));
    }

    fn entry(&mut self, kind: EntryKind, offset: usize) {
        // Beyond four gigabytes `finish` answers nothing, so that a cut offset is never used.
        self.entries.push(Entry { kind, offset: offset as u32, len: (self.bytes.len() - offset) as u32 });
    }

    /// Writes an account's head, with room for its delivered range if it has rows.
    pub fn begin_account(&mut self, head: &pb::Account) -> RangePlace {
        let (head_bytes, place) = account::encoded_head(head);
        let (before, after) = head_bytes.split_at(place);
        let room = Day::new(2000, 1, 1)
            .filter(|_| head.transaction_count > 0)
            .map_or(Vec::new(), |day| account::delivered_range(day, day));
        self.room(head_bytes.len() + room.len() + 16);
        let start = self.bytes.len();
        self.bytes.push(wire::tag(1));
        wire::varint(&mut self.bytes, (before.len() + room.len() + after.len()) as u64);
        self.bytes.extend_from_slice(before);
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&room);
        self.bytes.extend_from_slice(after);
        self.accounts += 1;
        let entry = self.entries.len();
        self.entry(EntryKind::Account, start);
        RangePlace { entry, at, len: room.len() }
    }

    /// Writes a row of the account that was begun last.
    #[inline]
    pub fn row<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.room(USUAL_ROW);
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        self.transactions += 1;
        self.entry(EntryKind::Transaction, start);
        written
    }

    /// Adds a page of one entry.
    pub fn framed(&mut self, kind: EntryKind, page: &pb::FetchDataResponse) {
        let start = self.bytes.len();
        self.room(page.encoded_len());
        // Room is there, so nothing is refused.
        let _ = page.encode(&mut self.bytes);
        match kind {
            EntryKind::Account => self.accounts += 1,
            EntryKind::Transaction => self.transactions += 1,
        }
        self.entry(kind, start);
    }

    /// Adds an entry whose message `write` appends; none where it answers `None`.
    pub fn message(&mut self, kind: EntryKind, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) {
        let frame = match kind {
            EntryKind::Account => wire::begin(&mut self.bytes, 1),
            EntryKind::Transaction => wire::begin(&mut self.bytes, 2),
        };
        if write(&mut self.bytes).is_none() {
            self.bytes.truncate(frame);
            return;
        }
        wire::end(&mut self.bytes, frame);
        match kind {
            EntryKind::Account => self.accounts += 1,
            EntryKind::Transaction => self.transactions += 1,
        }
        self.entry(kind, frame);
    }

    /// Ends the account: sets its delivered range, or takes its room away where no row has a day, and adds its completeness. The head is
    /// written again, and its rows move once behind it.
    #[expect(clippy::indexing_slicing, reason = "places that this builder gave out, in what it only appends to")]
    pub fn end_account(&mut self, place: RangePlace, delivered: Option<(Day, Day)>, judged: &pb::Completeness) {
        let old = self.entries[place.entry];
        let (start, end) = (old.offset as usize, old.offset as usize + old.len as usize);
        let range = delivered.filter(|_| place.len > 0).map_or(Vec::new(), |(first, last)| account::delivered_range(first, last));
        let Some((_, head, _)) = frame_head(&self.bytes[start..end]) else {
            return;
        };
        let parts = [
            &self.bytes[start + head..place.at],
            &range,
            &self.bytes[place.at + place.len..end],
            &account::completeness_field(judged),
        ];
        let message = parts.concat();
        self.replace(place.entry, &message);
    }

    /// Adds what stands around the list of accounts to the first one; nothing if there is none.
    pub fn extend_first_account(&mut self, kept: &prost_types::Struct) {
        let Some(first) = self.entries.first() else { return };
        let (start, end) = (first.offset as usize, first.offset as usize + first.len as usize);
        let frame = self.bytes.get(start..end).unwrap_or_default();
        let message = frame_head(frame).and_then(|(_, head, _)| frame.get(head..)).unwrap_or_default();
        let message = [message, &account::answer_field(kept)].concat();
        self.replace(0, &message);
    }

    /// Writes an account's message in the place of what it had; the entries behind it move.
    #[expect(clippy::indexing_slicing, reason = "an entry that this builder has, in what it only appends to")]
    fn replace(&mut self, entry: usize, message: &[u8]) {
        let old = self.entries[entry];
        let (start, end) = (old.offset as usize, old.offset as usize + old.len as usize);
        let mut frame = Vec::with_capacity(message.len() + 8);
        frame.push(wire::tag(1));
        wire::varint(&mut frame, message.len() as u64);
        frame.extend_from_slice(message);
        let longer = (frame.len() as u32).wrapping_sub(old.len);
        self.entries[entry].len = frame.len() as u32;
        self.room(frame.len());
        self.bytes.splice(start..end, frame);
        for entry in &mut self.entries[entry + 1..] {
            entry.offset = entry.offset.wrapping_add(longer);
        }
    }

    /// The rows; `None` if they are beyond four gigabytes.
    pub fn finish(self) -> Option<Rows> {
        u32::try_from(self.bytes.len()).ok()?;
        Some(Rows { bytes: self.bytes.into(), entries: self.entries, accounts: self.accounts, transactions: self.transactions })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    fn sample(days: [Option<(Day, Day)>; 2]) -> Rows {
        let mut builder = RowsBuilder::with_capacity(0);
        for (at, day) in days.into_iter().enumerate() {
            let head =
                pb::Account { account_id: format!("acc_{at}"), transaction_count: 2, delivered: true, ..pb::Account::default() };
            let place = builder.begin_account(&head);
            for text in ["short".to_owned(), "long".repeat(5000)] {
                builder.row(|out| {
                    let start = wire::begin(out, 2);
                    wire::string(out, 12, &text);
                    wire::end(out, start);
                });
            }
            builder.end_account(place, day, &pb::Completeness { score: 7, ..Default::default() });
        }
        builder.finish().unwrap()
    }

    fn page(rows: &Rows) -> pb::FetchDataResponse {
        pb::FetchDataResponse::decode(rows.bytes.clone()).unwrap()
    }

    #[test]
    fn a_range_is_set_behind_the_rows_and_left_out_where_no_row_has_a_day() {
        let (first, last) = (Day::new(2024, 1, 2).unwrap(), Day::new(2025, 12, 31).unwrap());
        for days in [[None, Some((first, last))], [Some((first, last)), None], [None, None]] {
            let rows = sample(days);
            let found = page(&rows);
            for (account, day) in found.accounts.iter().zip(days) {
                assert_eq!(account.delivered_range.is_some(), day.is_some());
                assert!(account.delivered);
                assert_eq!(account.completeness.as_ref().map(|judged| judged.score), Some(7));
                assert_eq!(account.transaction_count, 2);
            }
            for (at, entry) in rows.entries.iter().filter(|entry| entry.kind == EntryKind::Transaction).enumerate() {
                let row = pb::Transaction::decode(rows.message(*entry)).unwrap();
                assert_eq!(row, found.transactions[at]);
            }
            assert_eq!(found.encode_to_vec().len(), rows.bytes.len());
        }
    }

    #[test]
    fn kept_rows_come_back() {
        let rows = sample([None, None]);
        assert_eq!(Rows::from_kept_bytes(rows.to_kept_bytes()), Ok(rows));
        let empty = RowsBuilder::with_capacity(0).finish().unwrap();
        assert_eq!(Rows::from_kept_bytes(empty.to_kept_bytes()), Ok(empty));
    }

    #[test]
    fn kept_rows_that_are_cut_or_of_another_form_are_damaged() {
        let kept = sample([None, None]).to_kept_bytes();
        for len in 0..kept.len().min(80) {
            assert_eq!(Rows::from_kept_bytes(kept[..len].to_vec()), Err(KeptDamaged), "{len}");
        }
        for at in 0..KEPT_HEAD + 1 {
            let mut other = kept.clone();
            other[at] ^= 0x55;
            assert_eq!(Rows::from_kept_bytes(other), Err(KeptDamaged), "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_kept_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in "[\\x0a\\x12][\\x00-\\x7f]{0,40}") {
            let _ = Rows::from_kept_bytes(bytes);
            let kept = [&[KEPT_VERSION][..], &[0; 12], tail.as_bytes()].concat();
            let _ = Rows::from_kept_bytes(kept);
        }
    }
}
