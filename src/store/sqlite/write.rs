//! The one writer connection, and the transaction that every write of this store goes through.
//!
//! SQLite rolls back by itself after some errors (a full disk, a failed read or write). The driver's own transactions count their depth and do
//! not notice: their next "commit" only releases a savepoint, and what was acknowledged is lost at the next start. So `BEGIN`, `COMMIT` and
//! `ROLLBACK` are plain statements here. SQLite refuses a `BEGIN` inside a transaction and a `COMMIT` outside of one, so each that succeeds
//! proves that the transaction began or ended; after any error the connection is closed and the next write opens a new one.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryFutureExt, future::BoxFuture, stream::BoxStream};
use sqlx::{
    ConnectOptions, Connection, Either, Execute, Executor, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
    time::{Instant, timeout},
};

use crate::store::{StoreError, faults::SQLITE_BUSY, outcomes::WriteOutcomes};

/// How long a write waits for its turn.
const TURN: Duration = Duration::from_secs(30);

const IOERR_WRITE: &str = "778";

/// The writer connection. SQLite has one writer, and waiting for it here is fair where its busy handler is not. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    slot: Arc<Mutex<Slot>>,
    pub(super) outcomes: Arc<WriteOutcomes>,
    #[cfg(test)]
    pub(super) full: fault::FullDisk,
}

#[derive(Debug)]
struct Slot {
    options: SqliteConnectOptions,
    /// Outside of any transaction, as SQLite has said; `None` after an error.
    connection: Option<SqliteConnection>,
    /// When a write last gave up because another process held the file, and its error.
    held: Option<(Instant, StoreError)>,
    closed: bool,
}

impl Slot {
    fn note_held(&mut self, error: &sqlx::Error) {
        if StoreError::sqlite_code(error) == Some(SQLITE_BUSY) {
            self.held = Some((Instant::now(), StoreError::of(error)));
        }
    }
}

impl Writer {
    /// Opens the connection.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = Some(options.connect().await?);
        let slot = Slot { options, connection, held: None, closed: false };
        Ok(Self {
            slot: Arc::new(Mutex::new(slot)),
            outcomes: Arc::default(),
            #[cfg(test)]
            full: fault::FullDisk::default(),
        })
    }

    /// Begins a write, when its turn has come. Nothing else is written until it ends.
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        let mut write = self.connected().await?;
        // IMMEDIATE: another process that writes to the file is waited for here, and never in the middle.
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut write).await {
            Ok(_) => Ok(write),
            Err(error) => {
                write.note_held(&error);
                Err(error.into())
            }
        }
    }

    /// Does one statement in a write of its own; returns how many rows it changed.
    pub(super) async fn execute(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        let done = statement.execute(&mut write).await?;
        write.commit().await?;
        Ok(done.rows_affected())
    }

    /// Moves what was written from the log into the file and empties the log.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let mut write = self.connected().await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_optional(&mut write).await?;
        write.put_back();
        Ok(())
    }

    /// How many connections are open, and how many of them are at work.
    pub(super) fn connections(&self) -> (u32, u32) {
        match self.slot.try_lock() {
            Ok(slot) => (u32::from(slot.connection.is_some()), 0),
            Err(_) => (1, 1),
        }
    }

    /// Waits for the write that is under way and closes the connection.
    pub(super) async fn close(&self) {
        let mut slot = self.slot.lock().await;
        slot.closed = true;
        if let Some(connection) = slot.connection.take() {
            // Every commit is on the disk already.
            let _ = connection.close().await;
        }
    }

    async fn connected(&self) -> Result<Write, StoreError> {
        let mut write = Write {
            connection: None,
            turn: Some(self.turn().await?),
            failed: None,
            outcomes: self.outcomes.clone(),
            #[cfg(test)]
            full: self.full.clone(),
        };
        write.connect().await?;
        Ok(write)
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<Slot>, StoreError> {
        let came = Instant::now();
        let waited = timeout(TURN, self.slot.clone().lock_owned()).await;
        let slot = waited.map_err(|_| StoreError::Unreachable("no turn to write in time".to_owned()));
        let slot = slot.inspect_err(|error| self.outcomes.failed(error.clone()))?;
        match &slot.held {
            _ if slot.closed => Err(StoreError::Database("closed".to_owned())),
            // The write before this one has found the file held meanwhile. Waiting again would add up over all that wait.
            Some((at, error)) if *at >= came => Err(error.clone()),
            _ => Ok(slot),
        }
    }
}

/// One write: a transaction that ends with [`Write::commit`] or [`Write::rollback`]. Dropped before that, also by a caller who leaves, it
/// closes the connection, which undoes it.
#[derive(Debug)]
pub(super) struct Write {
    connection: Option<SqliteConnection>,
    turn: Option<OwnedMutexGuard<Slot>>,
    /// The first error of a statement: SQLite may have rolled back because of it.
    failed: Option<Failed>,
    outcomes: Arc<WriteOutcomes>,
    #[cfg(test)]
    full: fault::FullDisk,
}

impl Write {
    /// Commits. Success means that SQLite has left the transaction and that it is on the disk.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if let Some((error, _)) = &self.failed {
            // What is left of the transaction would be a part of it.
            return Err(error.clone());
        }
        match sqlx::query("COMMIT").execute(&mut self).await {
            Ok(_) => {
                self.outcomes.committed();
                self.put_back();
                Ok(())
            }
            Err(error) if undecided(&error) => Err(StoreError::Undecided(StoreError::from(error).to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Undoes what was written.
    pub(super) async fn rollback(mut self) -> Result<(), StoreError> {
        sqlx::query("ROLLBACK").execute(&mut self).await?;
        self.put_back();
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), StoreError> {
        let Some(turn) = self.turn.as_mut() else { return Err(StoreError::Database("closed".to_owned())) };
        // Taken out: a caller who leaves from here on leaves no connection behind that is in an unknown state.
        self.connection = turn.connection.take();
        if self.connection.is_none() {
            let options = turn.options.clone();
            let opened = options.connect().await.inspect_err(|error| turn.note_held(error)).map_err(StoreError::from);
            self.connection = Some(opened.inspect_err(|error| self.outcomes.failed(error.clone()))?);
        }
        Ok(())
    }

    /// Keeps the connection if its transaction could not begin because another process holds the file: nothing has happened on it, and opening a
    /// new one would need that file.
    fn note_held(&mut self, error: &sqlx::Error) {
        if StoreError::sqlite_code(error) == Some(SQLITE_BUSY)
            && let Some(turn) = &mut self.turn
        {
            turn.note_held(error);
            self.outcomes.failed(StoreError::of(error));
            self.failed = None;
            self.put_back();
        }
    }

    /// Gives back a connection of which SQLite has just said that it is outside of any transaction.
    fn put_back(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.connection = self.connection.take();
        }
        self.turn = None;
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some((error, true)) = self.failed.take() {
            self.outcomes.failed(error);
        }
        let (Some(connection), turn) = (self.connection.take(), self.turn.take()) else { return };
        // The turn ends when the connection is closed: the next write would only wait for the file's lock.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = connection.close().await;
                drop(turn);
            });
        }
    }
}

/// Whether a commit with this error may be found by the next start. Its last page is in the log, and only the way to the disk failed; where that
/// page could not be written (SQLITE_IOERR_WRITE), or SQLite did not try, nothing is found.
fn undecided(error: &sqlx::Error) -> bool {
    match error.as_database_error() {
        Some(known) => StoreError::sqlite_code(error) == Some(10) && known.code().is_none_or(|code| code != IOERR_WRITE),
        None => true,
    }
}

/// An error of a statement, and whether it is about the database and not about the statement.
type Failed = (StoreError, bool);

fn note(failed: &mut Option<Failed>, error: &sqlx::Error) {
    if failed.is_none() {
        *failed = Some((StoreError::of(error), StoreError::concerns_database(error)));
    }
}

impl<'c> Executor<'c> for &'c mut Write {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        #[cfg(test)]
        if self.full.strikes() {
            return self.fetch_many(sqlx::raw_sql(fault::FILL));
        }
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return futures_util::stream::iter([Err(sqlx::Error::WorkerCrashed)]).boxed() };
        let steps = connection.fetch_many(query).inspect(move |step| {
            if let Err(error) = step {
                note(failed, error);
            }
        });
        steps.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        #[cfg(test)]
        if self.full.strikes() {
            return Box::pin(self.execute(sqlx::raw_sql(fault::FILL)).map_ok(|_| None));
        }
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return Box::pin(std::future::ready(Err(sqlx::Error::WorkerCrashed))) };
        Box::pin(connection.fetch_optional(query).inspect_err(move |error| note(failed, error)))
    }

    fn prepare_with<'e>(
        self,
        sql: sqlx::SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return Box::pin(std::future::ready(Err(sqlx::Error::WorkerCrashed))) };
        Box::pin(connection.prepare_with(sql, parameters).inspect_err(move |error| note(failed, error)))
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod fault;
#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
