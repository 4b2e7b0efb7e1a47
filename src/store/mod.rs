//! The journey store. What is personal is sealed before it is written; look-ups go by keyed hash.

mod audit;
mod backup;
mod census;
mod changes;
mod columns;
mod documents;
mod events;
mod evidence;
mod faults;
mod find;
mod inbox;
mod increments;
mod intents;
mod items;
mod journeys;
mod keys;
mod lanes;
mod migrations;
mod notices;
mod outcomes;
mod postgres;
mod purges;
mod requests;
pub mod rotation;
mod sealed;
mod sizes;
mod snapshots;
mod sqlite;
mod vault;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
pub use lanes::{ClaimedJourney, DueLane, Lane, LaneStore, Share};
pub use purges::{KeptReceipt, Overdue, OverdueItem, PurgeStore, Purging, ReceiptLife};
pub use requests::{Begun, REQUEST_LIFE, RequestStore};
pub use sizes::{LargeValue, SizeStore};
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
    + LaneStore
    + EventStore
    + FindStore
    + RequestStore
    + IntentStore
    + SnapshotStore
    + SizeStore
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
    /// Whether the store reads and writes. A write is made for it only if none was committed lately; [`StoreError`] also if a write failed
    /// since the last call.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Ends every connection; what was acknowledged stays.
    async fn close(&self);
}

/// Opens the store that the configuration names, and brings its schema up to date.
pub async fn connect(config: &config::Store, keys: &Keys) -> Result<Store, StoreError> {
    match config.database().map_err(|_| StoreError::Address)? {
        config::Database::File(path) => {
            Ok(Arc::new(sqlite::SqliteStore::open(&path, Serving::Beside, config.expect_existing, keys).await?))
        }
        config::Database::Server(settings) => Ok(Arc::new(postgres::PostgresStore::open(&settings, keys).await?)),
    }
}

/// The same, to serve it: a SQLite file is locked before anything reads or writes it.
pub async fn serve(config: &config::Store, keys: &Keys) -> Result<Store, StoreError> {
    let store: Store = match config.database().map_err(|_| StoreError::Address)? {
        config::Database::File(path) => {
            Arc::new(sqlite::SqliteStore::open(&path, Serving::Alone, config.expect_existing, keys).await?)
        }
        config::Database::Server(_) => connect(config, keys).await?,
    };
    store.begin_serving().await?;
    Ok(store)
}

/// Opens the store in one SQLite file, makes it if there is none, and brings its schema up to date.
pub async fn open(path: &Path, keys: &Keys) -> Result<Store, StoreError> {
    Ok(Arc::new(sqlite::SqliteStore::open(path, Serving::Beside, false, keys).await?))
}

/// Whether a store is opened to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serving {
    /// By the one process that serves it.
    Alone,
    /// By a command, which may run beside that process.
    Beside,
}

/// The store cannot be used. Its text is for the log and holds no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database answered with a fault.
    #[error("database: {0}")]
    Database(String),
    /// There is no room for what was to be written, and nothing of it was.
    #[error("the disk of the database is full ({0}): make room, writes then go on without a restart")]
    Full(String),
    /// What was read is not what was written.
    #[error(
        "the database is damaged ({0}): stop the gateway, keep a copy of the files, and restore the latest backup; \
         see docs/runbooks/full-or-damaged-store.md"
    )]
    Damaged(String),
    /// The file is not a database of this gateway.
    #[error("the file {} is not a database of this gateway ({found}): check store.path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: &'static str,
    },
    /// A database should be there and is not.
    #[error(
        "the database {database} is missing or empty although {reason}: nothing is begun anew. Check the volume and store.path, or restore the \
         latest backup; see docs/runbooks/full-or-damaged-store.md"
    )]
    Lost {
        /// The file, or what stands for a server.
        database: String,
        /// Why there should be one.
        reason: String,
    },
    /// The answer to a commit did not come, or the disk failed in it: it may have been done or not.
    #[error("the outcome of a commit is unknown: {0}")]
    Undecided(String),
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

impl From<Unsealable> for StoreError {
    fn from(_: Unsealable) -> Self {
        Self::Unreadable("sealed under another key, or damaged")
    }
}
