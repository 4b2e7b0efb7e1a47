//! The store in a PostgreSQL database, for many replicas side by side. Every statement is right whoever else runs it at the same time.

use std::{str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Row,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Storage, StoreError, columns,
    items::Item,
    keys::begin,
    migrations::{self, Step},
    outcomes::{Noted, WriteHealth, WriteOutcomes},
    vault::Vault,
};
use crate::{access::TenantId, config::ServerSettings, data::Provenance, seal::Keys};

mod audit;
mod census;
mod changes;
mod documents;
mod events;
mod evidence;
mod find;
mod inbox;
mod increments;
mod intents;
mod journeys;
mod keys;
mod lanes;
mod presence;
mod purges;
mod requests;
mod sizes;
mod snapshots;
mod statements;
mod write;

use keys::KeyPool;
use statements::{Bounds, Statements};
use write::Write;

/// See [`migrations`] for what a migration may do.
pub(super) const STEPS: [Step; 12] = [
    (1, "init", include_str!("0001_init.sql")),
    (2, "incremental", include_str!("0002_incremental.sql")),
    (3, "events", include_str!("0003_events.sql")),
    (4, "inbox", include_str!("0004_inbox.sql")),
    (5, "purge", include_str!("0005_purge.sql")),
    (7, "find", include_str!("0007_find.sql")),
    (8, "audit", include_str!("0008_audit.sql")),
    (9, "keys", include_str!("0009_keys.sql")),
    (10, "write_proof", include_str!("0010_write_proof.sql")),
    (11, "undelivered", include_str!("0011_undelivered.sql")),
    (12, "lanes", include_str!("0012_lanes.sql")),
    (13, "freed_requests", include_str!("0013_freed_requests.sql")),
];

/// How long a connection is waited for at the start.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement of a call may take, the wait for locks included: less than callers wait, and longer than the largest snapshot takes.
const STATEMENT: Duration = Duration::from_secs(5);
/// The same for what the background does in bulk, in a transaction of its own.
const BULK: Duration = Duration::from_secs(60);
const BULK_STATEMENT: &str = "SELECT set_config('statement_timeout', '60s', true), set_config('lock_timeout', '10s', true)";
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// Turns `synchronous_commit` on where the server or role has it off, so that an acknowledged write survives a crash of the server. Stricter
/// settings stay.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// A write that shows that the server commits.
const PROOF: &str =
    "INSERT INTO write_proof (id, number) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET number = write_proof.number + 1";

/// See the module.
pub(super) struct PostgresStore {
    pool: Statements,
    /// For signs of life and notices: a replica whose callers wait for connections must not seem dead, nor leave the others uninformed.
    /// Nothing that goes this way has to outlive a crash of the database, so its commits do not wait for the disk.
    signs: Statements,
    vault: Vault,
    outcomes: Arc<WriteOutcomes>,
    /// This replica, as it stands beside what it is at work on.
    owner: String,
    /// How long a caller waits for a connection, and then for a short statement.
    timeout: Duration,
    /// To the other replicas.
    line: changes::Line,
    /// Ends the signs of life and the line.
    ended: CancellationToken,
    _ends: DropGuard,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    pub(super) async fn open(settings: &ServerSettings, keys: &Keys) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(settings.url.expose_secret())
            .map_err(|_| StoreError::Address)?
            .application_name("sangam")
            .disable_statement_logging();
        migrate(&options, settings.expect_existing).await?;
        let (lock, statement) = (settings.timeout, STATEMENT.max(settings.timeout * 2));
        let bounded = Bounds { lock, statement, idle_in_transaction: IDLE_IN_TRANSACTION }.of(options.clone());
        let pool = || PgPoolOptions::new().acquire_timeout(settings.timeout);
        let most = settings.max_connections;
        let durable = pool().max_connections(most).after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query(DURABLE).execute(connection).await?;
                Ok(())
            })
        });
        let calls = Statements::lazy(durable, bounded.clone(), statement);
        // A database that cannot be reached is noticed at the start.
        drop(calls.pool().acquire().await?);
        let unsynced = bounded.options([("synchronous_commit", "off")]);
        let signs = Statements::lazy(pool().max_connections(2), unsynced, statement);
        let own = pool().max_connections(1).connect_lazy_with(options.application_name("sangam listener"));
        let (owner, ended) = (uuid::Uuid::new_v4().to_string(), CancellationToken::new());
        let ends = ended.clone().drop_guard();
        let line = changes::Line::open(signs.clone(), own, owner.clone(), settings.timeout, ended.clone()).await?;
        // Wrong keys are noticed at the start, not at the first customer.
        let outcomes = Arc::default();
        let hash = begin(&KeyPool { pool: &calls, outcomes: &outcomes }, &keys.sealer).await?;
        let vault = Vault::new(&keys.sealer, hash);
        let store = Self { pool: calls, signs, vault, outcomes, owner, timeout: settings.timeout, line, ended, _ends: ends };
        store.appear(settings.replica_timeout).await?;
        Ok(store)
    }

    /// Gives up on a database that does not answer at all: for the short statements that calls begin with.
    async fn within<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        // A connection was waited for as long before that.
        let silent = || StoreError::Unreachable("no answer in time".to_owned());
        tokio::time::timeout(self.timeout * 2, work).await.unwrap_or_else(|_| Err(silent()))
    }

    /// Begins a write.
    async fn write(&self) -> Result<Write, StoreError> {
        Write::begin(&self.pool, &self.outcomes).await
    }

    /// Begins a write that may take long.
    async fn write_bulk(&self) -> Result<Write, StoreError> {
        let mut tx = self.write().await?;
        tx.in_bulk().await?;
        Ok(tx)
    }

    /// Writes the key of an item, in the transaction that writes the item.
    async fn write_key(&self, tx: &mut Write, item: Item<'_>, wrapped: &[u8]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO item_keys (tenant, fetch_id, kind, part, wrapped) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, fetch_id, kind, part) DO UPDATE SET wrapped = excluded.wrapped",
        )
        .bind(item.tenant)
        .bind(item.fetch_id)
        .bind(item.kind)
        .bind(item.part)
        .bind(wrapped)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Until the end of the transaction nobody else keeps or removes anything of a fetch: what is put beside a removal that is under way
    /// would outlive it.
    async fn alone_with(&self, tx: &mut Write, tenant: &str, fetch_id: &str) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))")
            .bind(tenant)
            .bind(fetch_id)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// On a connection of its own, which may take its time: a migration is slower than a call, and replicas wait for each other here.
async fn migrate(options: &PgConnectOptions, expect_existing: bool) -> Result<(), StoreError> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT).connect_with(options.clone()).await?;
    let found: bool = sqlx::query_scalar("SELECT to_regclass('key_check') IS NOT NULL").fetch_one(&pool).await?;
    if expect_existing && !found {
        let reason = "store.expect_existing says that there is one".to_owned();
        return Err(StoreError::Lost { database: "that store.url names".to_owned(), reason });
    }
    migrations::migrator(&STEPS).run(&pool).await?;
    let oldest = sqlx::query_scalar("SELECT oldest FROM compatibility").fetch_one(&pool).await?;
    migrations::compatible(&STEPS, oldest)?;
    events::leave_foreign_history(&Statements::unbounded(pool.clone())).await?;
    pool.close().await;
    Ok(())
}

#[async_trait]
impl Storage for PostgresStore {
    async fn begin_serving(&self) -> Result<(), StoreError> {
        // Replicas give signs of life, and what one left is taken up by whoever misses them.
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.within(async {
            sqlx::query("SELECT 1").execute(&self.pool).await?;
            Ok(())
        })
        .await?;
        match self.outcomes.check() {
            WriteHealth::Proven => Ok(()),
            WriteHealth::Failing(error) => Err(error),
            WriteHealth::Unproven => {
                let proof = self.within(async { sqlx::query(PROOF).execute(&self.pool).await.noted(&self.outcomes) }).await;
                let proof = proof.map(drop);
                self.outcomes.proof(&proof);
                proof
            }
        }
    }

    async fn close(&self) {
        self.ended.cancel();
        self.line.drain().await;
        self.disappear().await;
        self.signs.pool().close().await;
        self.pool.pool().close().await;
    }
}

/// The names of tenants, as an array.
fn names(tenants: &[TenantId]) -> Vec<String> {
    tenants.iter().map(TenantId::to_string).collect()
}

/// The columns `endpoint`, `received_at` and `normaliser_version` of a row.
fn provenance(row: &PgRow) -> Result<Provenance, StoreError> {
    columns::provenance(row.get("endpoint"), row.get("received_at"), row.get("normaliser_version"))
}
