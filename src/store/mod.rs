//! The journey store. What is personal is sealed before it is written; look-ups go by keyed hash.

mod sqlite;

pub use sqlite::{SqliteStore as Store, journeys::Versioned};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use jiff::Timestamp;

use crate::{data::Provenance, seal::Unsealable};

/// The store cannot be used. Its text is for the log and holds no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database answered with a fault.
    #[error("database: {0}")]
    Database(String),
    /// A row cannot be opened or read back.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(&'static str),
    /// Another writer was there first, again and again.
    #[error("too many writers at once")]
    Contended,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // A database's message can quote values; its code and kind cannot.
        let what = match &error {
            sqlx::Error::Database(database) => {
                format!("code {}", database.code().unwrap_or_default())
            }
            sqlx::Error::Io(io) => format!("io {}", io.kind()),
            sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
            sqlx::Error::PoolClosed => "closed".to_owned(),
            _ => "unexpected answer".to_owned(),
        };
        Self::Database(what)
    }
}

impl From<Unsealable> for StoreError {
    fn from(_: Unsealable) -> Self {
        Self::Unreadable("sealed under another key, or damaged")
    }
}

/// What begins when a write's request id is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The first time: go on.
    New,
    /// It was answered before; the sealed answer, opened.
    Answered(Vec<u8>),
    /// It came before with another body.
    Reused,
    /// It is in flight; the journey that it opens or concerns.
    InFlight(String),
}

/// A document of an analysis, kept until its data's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The media type.
    pub media_type: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// The normalised rows of a fetch, kept until its data's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSnapshot {
    /// The rows in their kept form.
    pub rows: Vec<u8>,
    /// Where they come from.
    pub provenance: Provenance,
}

/// What a fetch's rows were made from, as the provider sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvidence {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub media_type: String,
    /// The provider call that brought it, by the adapter's name for it.
    pub endpoint: String,
    /// When it came.
    pub received_at: Timestamp,
}

impl KeptEvidence {
    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &self.bytes).as_ref());
        sha256
    }
}

/// Evidence as it is found, with what belongs to its snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedFetch {
    /// The body.
    pub evidence: KeptEvidence,
    /// Which normaliser made the rows that are kept of it.
    pub normaliser_version: u32,
    /// When both are deleted.
    pub purge_at: Timestamp,
}

/// A snapshot that an older normaliser made and that can be made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// The journey.
    pub journey_id: String,
    /// The fetch.
    pub fetch_id: String,
    /// Which normaliser made it.
    pub normaliser_version: u32,
}
