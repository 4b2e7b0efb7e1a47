//! The journey store. What is personal is sealed before it is written; look-ups go by keyed hash.

mod audit;
mod backup;
mod census;
mod changes;
mod columns;
mod documents;
mod events;
mod evidence;
mod find;
mod inbox;
mod increments;
mod intents;
mod items;
mod journeys;
mod keys;
mod migrations;
mod notices;
mod postgres;
mod purges;
mod requests;
pub mod rotation;
mod sealed;
mod snapshots;
mod sqlite;
mod vault;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

pub use audit::{Aged, AuditStore, Chains, KeptCheckpoint, Trim};
pub use backup::{BackupError, backup};
pub use census::{Census, CensusStore, Connections, InState, Waiting};
pub use changes::{ChangeStore, Changed, Ear, Told};
pub use documents::{DocumentStore, KeptDocument};
pub use events::{Event, EventStore, FeedEvent, FeedNote, FeedPage, FeedPosition};
pub use evidence::{EvidenceStore, KeptEvidence, Outdated, RetainedFetch};
pub use find::{Behind, FindStore, Wanted};
pub use inbox::{Addressee, InboxStore, Message, MessageState, NewMessage, Replay, Settled};
pub use increments::{IncrementStore, KeptIncrement};
pub use intents::{Claim, Guard, IntentStore};
pub use journeys::{JourneyStore, Look, Versioned};
pub use keys::{KeyStore, KeyUse, NeededKey, ResealCursor, Resealed, report as key_report};
pub use purges::{KeptReceipt, Overdue, OverdueItem, PurgeStore, Purging, ReceiptLife};
pub use requests::{Begun, REQUEST_LIFE, RequestStore};
pub use snapshots::{KeptSnapshot, SnapshotStore};

use crate::{
    config,
    seal::{KeyId, Keys, Unsealable},
};

/// A store, shared.
pub type Store = Arc<dyn Storage>;

/// What a store is: one trait for each kind of what it keeps, and each of them implemented in the file of the same name.
#[async_trait]
pub trait Storage:
    AuditStore
    + CensusStore
    + ChangeStore
    + JourneyStore
    + EventStore
    + FindStore
    + RequestStore
    + IntentStore
    + SnapshotStore
    + EvidenceStore
    + DocumentStore
    + IncrementStore
    + InboxStore
    + PurgeStore
    + KeyStore
    + 'static
{
    /// Begins to serve: what a process that is gone was at work on is due. For whoever serves, and not for commands, which may run beside him.
    /// [`StoreError::Served`] while another process serves what only one may.
    async fn begin_serving(&self) -> Result<(), StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Ends every connection; what was acknowledged stays.
    async fn close(&self);
}

/// Opens the store that the configuration names, and brings its schema up to date.
pub async fn connect(config: &config::Store, keys: &Keys) -> Result<Store, StoreError> {
    match config.database().map_err(|_| StoreError::Address)? {
        config::Database::File(path) => open(&path, keys).await,
        config::Database::Server(settings) => Ok(Arc::new(postgres::PostgresStore::open(&settings, keys).await?)),
    }
}

/// Opens the store in one SQLite file, makes it if there is none, and brings its schema up to date.
pub async fn open(path: &Path, keys: &Keys) -> Result<Store, StoreError> {
    Ok(Arc::new(sqlite::SqliteStore::open(path, keys).await?))
}

/// The store cannot be used. Its text is for the log and holds no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database answered with a fault.
    #[error("database: {0}")]
    Database(String),
    /// The database cannot be reached, or takes nobody in yet.
    #[error("database: {0}")]
    Unreachable(String),
    /// A row cannot be opened or read back.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(&'static str),
    /// Something that is kept may be sealed under a key that this process does not hold.
    #[error(
        "the key {0} is needed for what is stored, and neither seal.key_file nor seal.previous_key_files holds it; \
         `sangam keys status` with that key tells what hangs on it"
    )]
    MissingKey(KeyId),
    /// The database's schema is of a later release that this binary cannot work with.
    #[error("the database has been migrated beyond what this version can work with")]
    Outdated,
    /// The setting that names the database cannot be read.
    #[error("store.url cannot be read")]
    Address,
    /// Another process serves the file: two would take each other's work for what somebody left who is gone.
    #[error("another process serves the file of the store")]
    Served,
    /// A request is not this process's any more: it was silent for too long, and another one has taken it over.
    #[error("the request was taken over by another process")]
    Disowned,
    /// Another writer was there first, again and again.
    #[error("too many writers at once")]
    Contended,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // A database's message can quote values; its code and kind cannot.
        let what = match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                // Class 08 of SQL: no connection. 53300 and 57P0x of PostgreSQL: too many connections; stopping, or starting still.
                if code.starts_with("08") || code.starts_with("57P0") || code == "53300" {
                    return Self::Unreachable(format!("code {code}"));
                }
                format!("code {code}")
            }
            sqlx::Error::Io(io) => return Self::Unreachable(format!("io {}", io.kind())),
            sqlx::Error::PoolTimedOut => return Self::Unreachable("no connection in time".to_owned()),
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
