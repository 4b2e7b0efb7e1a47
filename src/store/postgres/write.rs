//! The transaction that every write of several statements goes through.
//!
//! `BEGIN`, `COMMIT` and `ROLLBACK` are plain statements here. PostgreSQL answers a `COMMIT` of an aborted transaction with success and rolls
//! back, so a statement goes before it that an aborted transaction refuses. A connection returns to the pool only after the server has said
//! that the transaction ended; in any other case it is closed, and the server undoes what was not committed.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryFutureExt, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Either, Execute, Executor, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
    raw_sql,
};
use tokio::{runtime::Handle, time::timeout};

use crate::store::{StoreError, outcomes::WriteOutcomes};

/// How long a rollback may take before the connection is closed instead.
const UNDO: Duration = Duration::from_secs(5);
/// One round trip: in an aborted transaction the first statement fails, and the second is not done.
const COMMIT: &str = "SELECT 1; COMMIT";
/// Classes of SQLSTATE with which a server refuses a commit: constraints, transaction states, conflicts, no room. After any other error it may
/// have been done.
const REFUSALS: [&str; 4] = ["23", "25", "40", "53"];

/// One write: a transaction that ends with [`Write::commit`] or [`Write::rollback`]. Dropped before that, also by a caller who leaves, it is
/// undone.
#[derive(Debug)]
pub(super) struct Write {
    connection: Option<PoolConnection<Postgres>>,
    /// The first error of a statement, and whether it is about the database and not about the statement.
    failed: Option<(StoreError, bool)>,
    outcomes: Arc<WriteOutcomes>,
}

impl Write {
    /// Begins a write on a connection of the pool.
    pub(super) async fn begin(pool: &PgPool, outcomes: &Arc<WriteOutcomes>) -> Result<Self, StoreError> {
        let connection = pool.acquire().await.map_err(StoreError::from);
        let connection = connection.inspect_err(|error| outcomes.failed(error.clone()))?;
        let mut write = Self { connection: Some(connection), failed: None, outcomes: outcomes.clone() };
        raw_sql("BEGIN").execute(&mut write).await?;
        Ok(write)
    }

    /// Commits. [`StoreError::Undecided`] if the server did not say what became of it.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if let Some((error, _)) = &self.failed {
            return Err(error.clone());
        }
        match raw_sql(COMMIT).execute(&mut self).await {
            Ok(_) => {
                self.outcomes.committed();
                self.connection = None;
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
                self.connection = None;
                Ok(())
            }
            Err(error) => {
                self.throw_away();
                Err(error.into())
            }
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
            let undone = timeout(UNDO, raw_sql("ROLLBACK").execute(&mut *connection)).await;
            if !matches!(undone, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

fn refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    REFUSALS.iter().any(|class| code.starts_with(class))
}

fn note(failed: &mut Option<(StoreError, bool)>, error: &sqlx::Error) {
    if failed.is_none() {
        *failed = Some((StoreError::of(error), StoreError::concerns_database(error)));
    }
}

impl<'c> Executor<'c> for &'c mut Write {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return futures_util::stream::iter([Err(sqlx::Error::WorkerCrashed)]).boxed() };
        let steps = connection.fetch_many(query).inspect(move |step| {
            if let Err(error) = step {
                note(failed, error);
            }
        });
        steps.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return Box::pin(std::future::ready(Err(sqlx::Error::WorkerCrashed))) };
        Box::pin(connection.fetch_optional(query).inspect_err(move |error| note(failed, error)))
    }

    fn prepare_with<'e>(self, sql: sqlx::SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let Write { connection, failed, .. } = self;
        let Some(connection) = connection else { return Box::pin(std::future::ready(Err(sqlx::Error::WorkerCrashed))) };
        Box::pin(connection.prepare_with(sql, parameters).inspect_err(move |error| note(failed, error)))
    }
}
