//! The transaction that every write of several statements goes through.
//!
//! `BEGIN`, `COMMIT` and `ROLLBACK` are plain statements here. PostgreSQL answers a `COMMIT` of an aborted transaction with success and rolls
//! back, so a statement goes before it that an aborted transaction refuses. A connection returns to the pool only after the server has said
//! that the transaction ended; in any other case it is closed, and the server undoes what was not committed.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Execute, Executor, Postgres,
    pool::PoolConnection,
    postgres::{PgRow, PgStatement, PgTypeInfo},
    raw_sql,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    BULK, BULK_STATEMENT,
    statements::{Bounds, Statements, Step, UNDO, bounded, give_back, is_late},
};
use crate::store::{StoreError, outcomes::WriteOutcomes};

/// One round trip: in an aborted transaction the first statement fails, and the second is not done.
const COMMIT: &str = "SELECT 1; COMMIT";
/// SQLSTATEs, or their classes, with which a server refuses a commit: constraints, transaction states, conflicts, no room, a lock that it waited
/// for too long, its own time limit. After any other error it may have been done.
const REFUSALS: [&str; 6] = ["23", "25", "40", "53", "55P03", "57014"];

/// One write: a transaction that ends with [`Write::commit`] or [`Write::rollback`]. Dropped before that, also by a caller who leaves, it is
/// undone.
#[derive(Debug)]
pub(super) struct Write {
    connection: Option<PoolConnection<Postgres>>,
    /// The first error of a statement, and whether it is about the database and not about the statement.
    failed: Option<(StoreError, bool)>,
    outcomes: Arc<WriteOutcomes>,
    /// How long the answer to a statement is waited for.
    patience: Duration,
}

impl Write {
    /// Begins a write on a connection of the pool.
    pub(super) async fn begin(pool: &Statements, outcomes: &Arc<WriteOutcomes>) -> Result<Self, StoreError> {
        let mut write = Self::on_connection(pool, outcomes).await?;
        match raw_sql("BEGIN").execute(&mut write).await {
            Ok(_) => Ok(write),
            // The connection was lost while it rested. Nothing is begun, so another one may be used.
            Err(error) if pool.note_lost(&error) => {
                write.throw_away();
                write.failed = None;
                let mut write = Self::on_connection(pool, outcomes).await?;
                raw_sql("BEGIN").execute(&mut write).await?;
                Ok(write)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn on_connection(pool: &Statements, outcomes: &Arc<WriteOutcomes>) -> Result<Self, StoreError> {
        let connection = pool.pool().acquire().await.map_err(StoreError::from);
        let connection = connection.inspect_err(|error| outcomes.failed(error.clone()))?;
        Ok(Self { connection: Some(connection), failed: None, outcomes: outcomes.clone(), patience: pool.patience() })
    }

    /// Gives the statements of this transaction the time of the background.
    pub(super) async fn in_bulk(&mut self) -> Result<(), StoreError> {
        raw_sql(BULK_STATEMENT).execute(&mut *self).await?;
        self.patience = self.patience.max(Bounds::patience(BULK));
        Ok(())
    }

    /// Commits. [`StoreError::Undecided`] if the server did not say what became of it.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if let Some((error, _)) = &self.failed {
            return Err(error.clone());
        }
        match raw_sql(COMMIT).execute(&mut self).await {
            Ok(_) => {
                self.outcomes.committed();
                self.give_back();
                Ok(())
            }
            Err(error) => {
                self.throw_away();
                if refused(&error) { Err(error.into()) } else { Err(StoreError::Undecided(StoreError::from(error).to_string())) }
            }
        }
    }

    /// Undoes what was written.
    pub(super) async fn rollback(mut self) -> Result<(), StoreError> {
        match raw_sql("ROLLBACK").execute(&mut self).await {
            Ok(_) => {
                self.give_back();
                Ok(())
            }
            Err(error) => {
                self.throw_away();
                Err(error.into())
            }
        }
    }

    fn give_back(&mut self) {
        if let Some(connection) = self.connection.take() {
            give_back(connection);
        }
    }

    fn throw_away(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some((error, true)) = self.failed.take() {
            self.outcomes.failed(error);
        }
        let (Some(mut connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            match timeout(UNDO, raw_sql("ROLLBACK").execute(&mut *connection)).await {
                Ok(Ok(_)) => give_back(connection),
                _ => connection.close_on_drop(),
            }
        });
    }
}

fn refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    REFUSALS.iter().any(|class| code.starts_with(class))
}

/// Notes an error. A connection whose server does not answer is closed: a rollback would wait for it as long again.
fn note(failed: &mut Option<(StoreError, bool)>, connection: &mut Option<PoolConnection<Postgres>>, error: &sqlx::Error) {
    note_first(failed, error);
    if is_late(error)
        && let Some(mut connection) = connection.take()
    {
        connection.close_on_drop();
    }
}

fn note_first(failed: &mut Option<(StoreError, bool)>, error: &sqlx::Error) {
    if failed.is_none() {
        *failed = Some((StoreError::of(error), StoreError::concerns_database(error)));
    }
}

impl<'c> Executor<'c> for &'c mut Write {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Write { connection, failed, patience, .. } = self;
        let steps = async move {
            let Some(open) = connection.as_mut() else { return Err(sqlx::Error::WorkerCrashed) };
            let steps: Result<Vec<_>, _> = bounded(*patience, open.fetch_many(query).try_collect()).await;
            steps.inspect_err(|error| note(failed, connection, error))
        };
        stream::once(steps).map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Write { connection, failed, patience, .. } = self;
        Box::pin(async move {
            let Some(open) = connection.as_mut() else { return Err(sqlx::Error::WorkerCrashed) };
            let row = bounded(*patience, open.fetch_optional(query)).await;
            row.inspect_err(|error| note(failed, connection, error))
        })
    }

    fn prepare_with<'e>(self, sql: sqlx::SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return Box::pin(std::future::ready(Err(sqlx::Error::WorkerCrashed))) };
        Box::pin(connection.prepare_with(sql, parameters).inspect_err(move |error| note_first(failed, error)))
    }
}
