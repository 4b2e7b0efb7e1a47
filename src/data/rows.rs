//! Rows of a fetch, kept as they go over the wire.

use bytes::Bytes;

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
