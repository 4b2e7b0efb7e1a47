//! Ids of accounts and rows: opaque, equal on every replica and every reload, telling nothing of what they are made from.

use std::{borrow::Cow, collections::HashMap};

use super::row::{Row, RowReading};
use crate::seal::KeyedHash;

/// What an id is made of: sixteen bytes.
pub type Key = [u8; 16];

/// How long an id's text is: four characters of prefix and 26 of base 32.
pub const ID_LEN: usize = 30;

/// Who a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowIdentity {
    /// Its key.
    pub key: Key,
    /// Whether another row of the account equals it in every field.
    pub duplicate_row: bool,
    /// Whether an earlier one does.
    pub repeats: bool,
    /// Whether its bank transaction id occurs on another row.
    pub duplicate_id: bool,
}

/// Where ids come from.
pub trait Identity {
    /// The key of an account, from what is stable about it. Asked twice for the same, it answers two different keys.
    fn account(&mut self, parts: &[&str]) -> Key;
    /// The rows of an account, in order.
    fn rows(&mut self, account: &Key, rows: &[Row<'_>], reading: RowReading) -> Vec<RowIdentity>;
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Two characters for each ten bits: one look-up instead of two.
#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse it")]
const PAIRS: [[u8; 2]; 1024] = {
    let mut pairs = [[0; 2]; 1024];
    let mut at = 0;
    while at < 1024 {
        pairs[at] = [ALPHABET[at >> 5], ALPHABET[at & 31]];
        at += 1;
    }
    pairs
};

/// The id with that key: the prefix, such as `acc_`, and 26 characters.
#[inline]
#[expect(clippy::indexing_slicing, reason = "places in arrays of a known size, by bits that cannot be more")]
pub fn text(prefix: [u8; 4], key: &Key) -> [u8; ID_LEN] {
    let mut out = [b'0'; ID_LEN];
    out[..4].copy_from_slice(&prefix);
    let number = u128::from_be_bytes(*key);
    // In words of the machine: 8 bits, then twice 60.
    out[4..6].copy_from_slice(&PAIRS[(number >> 120) as usize & 1023]);
    for (half, place) in [(number >> 60, 6), (number, 18)] {
        let half = half as u64;
        for pair in 0..6 {
            let bits = (half >> (50 - 10 * pair)) as usize & 1023;
            out[place + 2 * pair..place + 2 * pair + 2].copy_from_slice(&PAIRS[bits]);
        }
    }
    out
}

/// Marks a key that is made from a link reference.
pub(super) const BY_LINK: &str = "link";

/// The id of the account with this link reference under a consent, as its row carries it.
pub fn account_id(hash: &KeyedHash, consent_id: &str, link_ref: &str) -> String {
    let key = Keyed::new(hash, consent_id).account(&[BY_LINK, link_ref]);
    String::from_utf8_lossy(&text(*b"acc_", &key)).into_owned()
}

/// Ids from a keyed hash over the consent, the account and the row's content.
pub struct Keyed<'a> {
    hash: &'a KeyedHash,
    consent_id: &'a str,
    accounts: HashMap<Key, u32>,
    content: Vec<u8>,
}

impl<'a> Keyed<'a> {
    /// Ids under one consent.
    pub fn new(hash: &'a KeyedHash, consent_id: &'a str) -> Self {
        Self { hash, consent_id, accounts: HashMap::new(), content: Vec::new() }
    }

    fn key<'p>(&self, parts: impl IntoIterator<Item = &'p [u8]>) -> Key {
        let digest = self.hash.digest(parts);
        let mut key = Key::default();
        key.copy_from_slice(&digest[..16]);
        key
    }

    /// The key of the `ordinal`th thing that looks like `key`; the first keeps it.
    fn again(&self, key: Key, ordinal: u32) -> Key {
        match ordinal {
            0 => key,
            _ => self.key([&key[..], &ordinal.to_le_bytes()]),
        }
    }
}

impl Identity for Keyed<'_> {
    fn account(&mut self, parts: &[&str]) -> Key {
        let own = [b"account".as_slice(), self.consent_id.as_bytes()];
        let key = self.key(own.into_iter().chain(parts.iter().map(|part| part.as_bytes())));
        let seen = self.accounts.entry(key).or_default();
        let ordinal = *seen;
        *seen += 1;
        self.again(key, ordinal)
    }

    fn rows(&mut self, account: &Key, rows: &[Row<'_>], reading: RowReading) -> Vec<RowIdentity> {
        let mut contents: HashMap<Key, (u32, u32)> = HashMap::with_capacity(rows.len());
        let mut bank_ids: HashMap<Cow<'_, str>, u32> = HashMap::with_capacity(rows.len());
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let mut content = std::mem::take(&mut self.content);
            content.clear();
            row.write_content(reading, &mut content);
            let key = self.key([&account[..], &content]);
            self.content = content;
            contents.entry(key).or_default().0 += 1;
            if let Some(id) = row.bank_id() {
                *bank_ids.entry(id).or_default() += 1;
            }
            keys.push(key);
        }
        rows.iter()
            .zip(keys)
            .map(|(row, key)| {
                let (count, ordinal) = contents.entry(key).or_default();
                let identity = RowIdentity {
                    key: self.again(key, *ordinal),
                    duplicate_row: *count > 1,
                    repeats: *ordinal > 0,
                    duplicate_id: row.bank_id().is_some_and(|id| bank_ids.get(&id) > Some(&1)),
                };
                *ordinal += 1;
                identity
            })
            .collect()
    }
}

/// Ids that only count: for measuring what reading costs without its hashes.
#[derive(Debug, Default)]
pub struct Ordinal(u128);

impl Identity for Ordinal {
    fn account(&mut self, _: &[&str]) -> Key {
        self.0 += 1;
        self.0.to_be_bytes()
    }

    fn rows(&mut self, _: &Key, rows: &[Row<'_>], _: RowReading) -> Vec<RowIdentity> {
        rows.iter()
            .map(|_| {
                self.0 += 1;
                RowIdentity { key: self.0.to_be_bytes(), duplicate_row: false, repeats: false, duplicate_id: false }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{row::Currency, scalar::Scalar, time::Zoneless};

    const READING: RowReading = RowReading { currency: Some(Currency { code: *b"INR", decimals: 2 }), zoneless: Zoneless::Ist };

    fn row(id: &'static str, narration: &'static str) -> Row<'static> {
        Row { id: Scalar::Text(id), narration: Scalar::Text(narration), ..Row::default() }
    }

    #[test]
    fn equal_rows_are_two_and_both_say_so() {
        let hash = KeyedHash::new(b"key");
        let rows = [row("T1", "a"), row("T1", "b"), row("T2", "c"), row("T1", "a")];
        let identify = || Keyed::new(&hash, "cns_1").rows(&[0; 16], &rows, READING);
        let found = identify();
        let keys: std::collections::HashSet<Key> = found.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), 4);
        assert_eq!(found.iter().map(|row| row.duplicate_row).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(found.iter().map(|row| row.duplicate_id).collect::<Vec<_>>(), [true, true, false, true]);
        assert_eq!(found, identify());
    }

    fn spelt<'a>(kind: Scalar<'a>, amount: Scalar<'a>, time: Scalar<'a>, narration: Scalar<'a>) -> Key {
        let row = Row { kind, amount, time, narration, ..Row::default() };
        Keyed::new(&KeyedHash::new(b"key"), "cns_1").rows(&[0; 16], &[row], READING)[0].key
    }

    #[test]
    fn a_row_that_is_spelt_otherwise_keeps_its_id() {
        let text = |text| Scalar::Text(text);
        let usual = || spelt(text("CREDIT"), text("100.00"), text("2026-10-03T04:30:00.000Z"), text("a"));
        for other in [
            spelt(text("credit"), text("100.0"), text("2026-10-03T10:00:00+05:30"), text(" a ")),
            spelt(text("CR"), Scalar::Int(100), text("2026-10-03 10:00"), text("a")),
            spelt(text("CREDIT"), text("1e2"), text("2026-10-03T04:30:00Z"), text("a")),
            spelt(text("CREDIT"), text("Rs. 100"), text("2026-10-03T04:30:00.0Z"), text("a")),
            spelt(text("CREDIT"), text("100.00000000001"), text("03-10-2026 10:00:00"), text("a")),
        ] {
            assert_eq!(other, usual());
        }
        for other in [
            spelt(text("DEBIT"), text("100.00"), text("2026-10-03T04:30:00.000Z"), text("a")),
            spelt(text("CREDIT"), text("100.01"), text("2026-10-03T04:30:00.000Z"), text("a")),
            spelt(text("CREDIT"), text("100.00"), text("2026-10-03T04:30:00.001Z"), text("a")),
            spelt(text("CREDIT"), text("100.00"), text("2026-10-03"), text("a")),
            spelt(text("CREDIT"), text("100.00"), text("2026-10-03T04:30:00.000Z"), text("A")),
        ] {
            assert_ne!(other, usual());
        }
    }

    #[test]
    fn a_number_is_an_id_like_a_text() {
        let rows = [Scalar::Int(9998), Scalar::Text("9998"), Scalar::Text("18446744073709551616")]
            .map(|id| Row { id, ..Row::default() });
        let found = Keyed::new(&KeyedHash::new(b"key"), "cns_1").rows(&[0; 16], &rows, READING);
        assert_eq!(found.iter().map(|row| row.duplicate_id).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn a_row_in_front_changes_no_id() {
        let hash = KeyedHash::new(b"key");
        let before = Keyed::new(&hash, "cns_1").rows(&[0; 16], &[row("T1", "a")], READING);
        let after = Keyed::new(&hash, "cns_1").rows(&[0; 16], &[row("T0", "z"), row("T1", "a")], READING);
        assert_eq!(before[0], after[1]);
    }

    #[test]
    fn ids_differ_by_key_consent_account_and_repetition() {
        let (one, two) = (KeyedHash::new(b"1"), KeyedHash::new(b"2"));
        let mut ids = Keyed::new(&one, "cns_1");
        let keys = [
            ids.account(&["link"]),
            ids.account(&["link"]),
            ids.account(&["other"]),
            Keyed::new(&one, "cns_2").account(&["link"]),
            Keyed::new(&two, "cns_1").account(&["link"]),
        ];
        let distinct: std::collections::HashSet<&Key> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(Keyed::new(&one, "cns_1").account(&["link"]), keys[0]);
    }

    #[test]
    fn an_id_is_prefix_and_base_32() {
        assert_eq!(&text(*b"acc_", &[0; 16]), b"acc_00000000000000000000000000");
        assert_eq!(&text(*b"txn_", &[255; 16]), b"txn_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let mut key = [0; 16];
        key[14..].copy_from_slice(&[0b0000_0100, 0b0100_0011]);
        assert_eq!(&text(*b"txn_", &key), b"txn_00000000000000000000000123");
    }
}
