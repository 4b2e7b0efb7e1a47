//! What stands in the log: rows, and checkpoints over all chains of rows. Both are made of ids of ours and words from closed lists, and
//! each carries the hash of the one before it.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::seal::KeyedHash;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What stands before the first of a chain.
pub const NOTHING: Hash = [0; 32];

/// One row. Its chain is that of its tenant and its writer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The tenant.
    pub tenant: String,
    /// The run of a process that wrote it.
    pub writer: String,
    /// Its place in the chain, from 1 without a gap.
    pub seq: i64,
    /// When, in milliseconds since 1970; never before the row before it.
    pub at: i64,
    /// The texts, in the order of [`TEXTS`].
    #[serde(flatten, with = "texts")]
    pub texts: [String; TEXTS.len()],
    /// The hash of the row before it.
    #[serde(with = "hex")]
    pub previous: Hash,
    /// The hash of all the above.
    #[serde(with = "hex")]
    pub hash: Hash,
}

/// The names of a row's texts, in the order in which they are hashed: who, what, with what result, of which journey, attempt, consents and
/// fetches, for which purposes, in which view, learnt from where, removed why, and in which call.
pub const TEXTS: [&str; 12] = [
    "caller",
    "act",
    "result",
    "journey_id",
    "attempt_id",
    "consent_ids",
    "fetch_ids",
    "purposes",
    "view",
    "source",
    "reason",
    "call_id",
];

impl AuditRow {
    /// The hash that its content has: SHA-256 over each part behind its length (eight bytes, the lowest first); numbers are eight bytes,
    /// the lowest first.
    pub fn content_hash(&self) -> Hash {
        let (seq, at) = (self.seq.to_le_bytes(), self.at.to_le_bytes());
        let head: [&[u8]; 6] = [b"sangam audit row", self.tenant.as_bytes(), self.writer.as_bytes(), &seq, &at, &self.previous];
        sha256(head.into_iter().chain(self.texts.iter().map(String::as_bytes)))
    }

    /// One of its texts by its name; empty if there is no such name.
    pub fn text(&self, name: &str) -> &str {
        TEXTS.iter().zip(&self.texts).find(|(known, _)| **known == name).map_or("", |(_, text)| text)
    }

    /// Where its chain stands with it.
    pub fn head(&self) -> Head {
        Head { tenant: self.tenant.clone(), writer: self.writer.clone(), seq: self.seq, hash: self.hash }
    }
}

/// A row by its place and hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Head {
    /// The tenant.
    pub tenant: String,
    /// The writer.
    pub writer: String,
    /// The row's place.
    pub seq: i64,
    /// The row's hash.
    #[serde(with = "hex")]
    pub hash: Hash,
}

impl Head {
    fn digest(&self) -> Hash {
        let parts: [&[u8]; 5] =
            [b"sangam audit head", self.tenant.as_bytes(), self.writer.as_bytes(), &self.seq.to_le_bytes(), &self.hash];
        sha256(parts)
    }
}

/// A head in a checkpoint: itself, or, for whoever is not to read of it, its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mark {
    /// The head.
    Head(Head),
    /// Its hash.
    Hidden(#[serde(with = "hex")] Hash),
}

impl Mark {
    fn digest(&self) -> Hash {
        match self {
            Self::Head(head) => head.digest(),
            Self::Hidden(hash) => *hash,
        }
    }

    /// The head, if it is shown.
    pub fn head(&self) -> Option<&Head> {
        match self {
            Self::Head(head) => Some(head),
            Self::Hidden(_) => None,
        }
    }

    /// The same with the heads of other tenants hidden.
    fn only(&self, tenant: &str) -> Self {
        match self {
            Self::Head(head) if head.tenant != tenant => Self::Hidden(head.digest()),
            other => other.clone(),
        }
    }
}

/// How far chains had come at a moment. Checkpoints of all processes are one chain, so a chain whose end was cut off is found by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its place, from 1 without a gap.
    pub number: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who made it.
    pub writer: String,
    /// The newest rows of chains that have grown.
    pub heads: Vec<Mark>,
    /// The last rows that were removed because of their age, where their chains still count.
    pub floors: Vec<Mark>,
    /// The last checkpoint that was removed because of its age; 0 if none was.
    pub dropped: i64,
    /// Its hash.
    #[serde(with = "hex")]
    pub dropped_hash: Hash,
    /// The newest checkpoint with such removals, itself included; 0 if there is none.
    pub trimmed_by: i64,
    /// The hash of the checkpoint before it.
    #[serde(with = "hex")]
    pub previous: Hash,
    /// The hash of all the above.
    #[serde(with = "hex")]
    pub hash: Hash,
    /// The hash once more, under a key that is derived from the sealing key: whoever can write to the store alone cannot make it.
    #[serde(with = "hex")]
    pub mac: Hash,
}

impl Checkpoint {
    /// The hash that its content has, made as that of a row; of heads and floors their own hashes count, behind how many there are.
    pub fn content_hash(&self) -> Hash {
        let numbers = [self.number, self.at, self.dropped, self.trimmed_by].map(i64::to_le_bytes);
        let counts = [self.heads.len(), self.floors.len()].map(|count| (count as u64).to_le_bytes());
        let marks: Vec<Hash> = self.heads.iter().chain(&self.floors).map(Mark::digest).collect();
        let head: [&[u8]; 4] = [b"sangam audit checkpoint", self.writer.as_bytes(), &self.dropped_hash, &self.previous];
        let numbers = numbers.iter().chain(&counts).map(<[u8; 8]>::as_slice);
        sha256(head.into_iter().chain(numbers).chain(marks.iter().map(Hash::as_slice)))
    }

    /// The same with its hash, and that under the key.
    pub fn signed(mut self, key: &KeyedHash) -> Self {
        self.hash = self.content_hash();
        self.mac = mac(key, &self.hash);
        self
    }

    /// Whether whoever made it had the key.
    pub fn is_signed(&self, key: &KeyedHash) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&mac(key, &self.hash), &self.mac).is_ok()
    }

    /// The same with the heads of other tenants hidden; its hash does not change.
    #[must_use]
    pub fn only(mut self, tenant: &str) -> Self {
        for mark in self.heads.iter_mut().chain(&mut self.floors) {
            *mark = mark.only(tenant);
        }
        self
    }
}

/// The key of checkpoints.
pub fn checkpoint_key(hash: &KeyedHash) -> KeyedHash {
    hash.derive("audit checkpoints", "")
}

fn mac(key: &KeyedHash, hash: &Hash) -> Hash {
    key.digest([hash.as_slice()])
}

fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut hash = NOTHING;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Hash;

    pub fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::hex(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom("no hash"))
    }

    fn read(text: &str) -> Option<Hash> {
        let mut hash = super::NOTHING;
        if text.len() != 2 * hash.len() {
            return None;
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(hash)
    }
}

mod texts {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de::Error, ser::SerializeMap};

    use super::TEXTS;

    pub fn serialize<S: Serializer>(texts: &[String; TEXTS.len()], serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(TEXTS.len()))?;
        for (name, text) in TEXTS.iter().zip(texts) {
            map.serialize_entry(name, text)?;
        }
        map.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[String; TEXTS.len()], D::Error> {
        let mut named = BTreeMap::<String, String>::deserialize(deserializer)?;
        let mut texts: [String; TEXTS.len()] = Default::default();
        for (slot, name) in texts.iter_mut().zip(TEXTS) {
            *slot = named.remove(name).ok_or_else(|| D::Error::missing_field(name))?;
        }
        if named.is_empty() { Ok(texts) } else { Err(D::Error::custom("an unknown field")) }
    }
}
