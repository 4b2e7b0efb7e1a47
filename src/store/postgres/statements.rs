//! The connections of the pool, and the bounds of each statement that goes over them.
//!
//! The server ends a statement that waits for a lock, or that takes too long; its limits are settings of each connection. A server that is
//! stopped or cut off ends nothing, so a statement has a limit here as well, after which its connection is closed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection, Either, Execute, Executor, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
    raw_sql,
};
use tokio::{runtime::Handle, time::timeout};

use crate::store::StoreError;

/// How long a connection may take to end what a caller has left, before it is closed.
pub(super) const UNDO: Duration = Duration::from_secs(5);
/// After this a connection that nobody used may have been lost unnoticed.
const RESTED: Duration = Duration::from_secs(1);
/// How much longer than the server's own limit a statement is waited for: the way there and back.
const WAY: Duration = Duration::from_millis(500);

/// The limits of a connection's statements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How long a statement waits for a lock that another session holds.
    pub lock: Duration,
    /// How long a statement may take.
    pub statement: Duration,
    /// How long a transaction may wait for its next statement: a process that stops in the middle of one must not keep its locks.
    pub idle_in_transaction: Duration,
}

impl Bounds {
    /// The same connection with these limits.
    pub(super) fn of(self, options: PgConnectOptions) -> PgConnectOptions {
        let millis = |limit: Duration| limit.as_millis().to_string();
        options.options([
            ("lock_timeout", millis(self.lock)),
            ("statement_timeout", millis(self.statement)),
            ("idle_in_transaction_session_timeout", millis(self.idle_in_transaction)),
        ])
    }

    /// How long the answer to a statement is waited for here.
    pub(super) fn patience(statement: Duration) -> Duration {
        statement + WAY
    }
}

/// A pool whose statements end in time. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Statements {
    pool: PgPool,
    patience: Duration,
    lost: Lost,
}

/// When a connection was last found to be lost.
#[derive(Debug, Clone, Default)]
struct Lost(Arc<Mutex<Option<Instant>>>);

impl Lost {
    fn note(&self, error: &sqlx::Error) -> bool {
        let lost = is_lost(error);
        if lost {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        lost
    }

    /// Whether a connection of this age was open at that time. What ended one may have ended it too.
    fn concerns(&self, age: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() <= age)
    }
}

impl Statements {
    /// A pool, before any connection is made. `statement` is the server's own limit.
    pub(super) fn lazy(pool: PgPoolOptions, options: PgConnectOptions, statement: Duration) -> Self {
        let lost = Lost::default();
        let noted = lost.clone();
        let pool = pool
            // A connection is tried when it comes back; before it goes out it is tried again only if it may have been lost meanwhile.
            .test_before_acquire(false)
            .before_acquire(move |connection, known| {
                let doubtful = known.idle_for > RESTED || noted.concerns(known.age);
                Box::pin(async move {
                    if doubtful {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Self { pool, patience: Bounds::patience(statement), lost }
    }

    /// A pool whose statements may take as long as they need.
    pub(super) fn unbounded(pool: PgPool) -> Self {
        Self { pool, patience: Duration::MAX, lost: Lost::default() }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How long the answer to a statement is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Notes what an error says about the other connections; answers whether it says that one was lost.
    pub(super) fn note_lost(&self, error: &sqlx::Error) -> bool {
        self.lost.note(error)
    }

    async fn run<'q>(&self, mut query: impl Execute<'q, Postgres>) -> Result<Vec<Step>, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let sql = query.sql();
        match self.run_once(sql.clone(), arguments.clone()).await {
            Ok(steps) => Ok(steps),
            // It was lost at rest, or with the statement under way. A read may be repeated in any case.
            Err((error, undone)) if self.note_lost(&error) && (undone || is_read(&sql)) => {
                self.run_once(sql, arguments).await.map_err(|(error, _)| error)
            }
            Err((error, _)) => Err(error),
        }
    }

    /// Runs a statement on one connection. With the error comes whether the server said that it ended the session before the statement was done.
    async fn run_once(&self, sql: SqlStr, arguments: Option<PgArguments>) -> Result<Vec<Step>, (sqlx::Error, bool)> {
        let connection = self.pool.acquire().await.map_err(|error| (error, false))?;
        let mut lease = Lease { connection: Some(connection) };
        let Some(connection) = &mut lease.connection else { return Err((sqlx::Error::PoolClosed, false)) };
        let mut answers = match arguments {
            Some(arguments) => connection.fetch_many(sqlx::query_with(sql, arguments)),
            None => connection.fetch_many(raw_sql(sql)),
        };
        let mut steps = Vec::new();
        let all = async {
            while let Some(step) = answers.try_next().await? {
                steps.push(step);
            }
            Ok(())
        };
        let done = bounded(self.patience, all).await;
        drop(answers);
        match done {
            Ok(()) => Ok(steps),
            Err(error) => {
                if is_late(&error) {
                    lease.close();
                }
                // The end of a statement is sent before its commit is made, so without it nothing is committed.
                let undone = steps.is_empty() && is_ended(&error);
                Err((error, undone))
            }
        }
    }
}

/// A row, or the end of a statement.
pub(super) type Step = Either<PgQueryResult, PgRow>;

/// A connection with a statement under way.
struct Lease {
    connection: Option<PoolConnection<Postgres>>,
}

impl Lease {
    fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            give_back(connection);
        }
    }
}

/// Returns a connection to its pool. Closes it if the server does not end an abandoned statement within [`UNDO`]: the pool itself would wait
/// without a limit, with one connection fewer meanwhile.
pub(super) fn give_back(mut connection: PoolConnection<Postgres>) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(timeout(UNDO, connection.return_to_pool()));
    }
}

/// The work, or an error after its time.
pub(super) async fn bounded<T>(patience: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

/// Whether the statement was given up here.
pub(super) fn is_late(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether an error is about the connection and not about the statement.
fn is_lost(error: &sqlx::Error) -> bool {
    !is_late(error) && !matches!(error, sqlx::Error::PoolTimedOut) && matches!(StoreError::of(error), StoreError::Unreachable(_))
}

/// Whether the server itself said that it ends the session (57P01 to 57P05 of PostgreSQL).
fn is_ended(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("57P0"))
}

/// Whether a statement only reads, so that it may be sent a second time.
fn is_read(sql: &SqlStr) -> bool {
    sql.as_str().trim_start().starts_with("SELECT")
}

impl<'p> Executor<'p> for &'_ Statements {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statements = self.clone();
        let steps = stream::once(async move { statements.run(query).await });
        steps.map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statements = self.clone();
        Box::pin(async move { Ok(statements.run(query).await?.into_iter().find_map(Either::right)) })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        self.pool.prepare_with(sql, parameters)
    }
}
