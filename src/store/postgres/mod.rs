//! The store in a PostgreSQL database, for many replicas side by side. Every statement is right whoever else runs it at the same time.

use std::str::FromStr;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Storage, StoreError, columns,
    migrations::{self, Step},
    vault::Vault,
};
use crate::{config::ServerSettings, data::Provenance, seal::Keys};

mod documents;
mod evidence;
mod journeys;
mod presence;
mod requests;
mod snapshots;

/// See [`migrations`] for what a migration may do.
const STEPS: [Step; 1] = [(1, "init", include_str!("0001_init.sql"))];

/// See the module.
pub(super) struct PostgresStore {
    pool: PgPool,
    vault: Vault,
    /// This replica, as it stands beside what it is at work on.
    owner: String,
    /// Ends the signs of life.
    presence: CancellationToken,
    _ends_presence: DropGuard,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    pub(super) async fn open(settings: &ServerSettings, keys: &Keys) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(settings.url.expose_secret())
            .map_err(|_| StoreError::Address)?
            .application_name("sangam")
            .disable_statement_logging();
        migrate(&options).await?;
        let millis = settings.timeout.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.timeout)
            .connect_with(options.options([("statement_timeout", &millis), ("lock_timeout", &millis)]))
            .await?;
        let presence = CancellationToken::new();
        let store = Self {
            pool,
            vault: Vault::new(keys),
            owner: uuid::Uuid::new_v4().to_string(),
            _ends_presence: presence.clone().drop_guard(),
            presence,
        };
        store.check_key().await?;
        store.appear(settings.replica_timeout).await?;
        Ok(store)
    }

    /// A wrong key file is noticed at the start, not at the first customer. Of replicas that start together the first one's check stays.
    async fn check_key(&self) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING")
            .bind(self.vault.seal_key_check()?)
            .execute(&self.pool)
            .await?;
        let kept: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM key_check WHERE id = 1").fetch_one(&self.pool).await?;
        self.vault.check_key(&kept)
    }
}

/// On a connection of its own, which may take its time: a migration is slower than a call, and replicas wait for each other here.
async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    migrations::migrator(&STEPS).run(&pool).await?;
    let oldest = sqlx::query_scalar("SELECT oldest FROM compatibility").fetch_one(&pool).await?;
    pool.close().await;
    migrations::compatible(&STEPS, oldest)
}

#[async_trait]
impl Storage for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    async fn close(&self) {
        self.disappear().await;
        self.pool.close().await;
    }
}

/// The columns `endpoint`, `received_at` and `normaliser_version` of a row.
fn provenance(row: &PgRow) -> Result<Provenance, StoreError> {
    columns::provenance(row.get("endpoint"), row.get("received_at"), row.get("normaliser_version"))
}
