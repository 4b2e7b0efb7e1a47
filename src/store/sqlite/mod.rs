//! The store in one SQLite file: write-ahead log, every commit on disk before it is answered.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::{
    Row, SqliteConnection, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use super::{Storage, StoreError, items::Item};
use crate::{
    data::Provenance,
    seal::{KeyedHash, Keys, Sealer},
};

mod documents;
mod evidence;
mod increments;
mod journeys;
mod purges;
mod requests;
mod snapshots;

/// How long a request id is remembered.
pub const REQUEST_LIFE: SignedDuration = SignedDuration::from_hours(72);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer, and waiting for it here is fair where its busy handler is not.
    writer: SqlitePool,
    readers: SqlitePool,
    sealer: Sealer,
    hash: Arc<KeyedHash>,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    pub async fn open(path: &Path, keys: &Keys) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged write survives a power cut, not only a crash.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is removed is overwritten: a key that was destroyed must not lie on in a free page.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(5));
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrator().run(&writer).await.map_err(|_| StoreError::Database("migration failed".to_owned()))?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        let store = Self { writer, readers, sealer: keys.sealer.clone(), hash: Arc::new(keys.hash.derive("store", "")) };
        store.check_key().await?;
        Ok(store)
    }

    /// A wrong key file is noticed at the start, not at the first customer.
    async fn check_key(&self) -> Result<(), StoreError> {
        const PLACE: [&str; 1] = ["key check"];
        let kept: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM key_check WHERE id = 1").fetch_optional(&self.writer).await?;
        match kept {
            Some(sealed) => self.sealer.open(&PLACE, &sealed).map(drop)?,
            None => {
                let sealed = self.sealer.seal(&PLACE, b"sangam")?;
                sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, ?)").bind(sealed).execute(&self.writer).await?;
            }
        }
        Ok(())
    }

    /// Writes the key of an item, in the transaction that writes the item.
    async fn write_key(&self, tx: &mut SqliteConnection, item: Item<'_>, wrapped: &[u8]) -> Result<(), StoreError> {
        sqlx::query("INSERT OR REPLACE INTO item_keys (tenant, fetch_id, kind, part, wrapped) VALUES (?, ?, ?, ?, ?)")
            .bind(item.tenant)
            .bind(item.fetch_id)
            .bind(item.kind)
            .bind(item.part)
            .bind(wrapped)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// The look-up hash of a value; equal values of two tenants or kinds differ.
    fn lookup(&self, tenant: &str, kind: &str, value: &str) -> Vec<u8> {
        self.hash.digest([tenant.as_bytes(), kind.as_bytes(), value.as_bytes()]).to_vec()
    }
}

#[async_trait]
impl Storage for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn migrator() -> Migrator {
    use sqlx::SqlSafeStr;
    let steps = [
        (1, "init", include_str!("0001_init.sql")),
        (2, "incremental", include_str!("0002_incremental.sql")),
        (5, "purge", include_str!("0005_purge.sql")),
    ];
    let migration = |(number, name, text): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(steps.into_iter().map(migration).collect())
}

/// Instants are kept as milliseconds since 1970.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The columns `endpoint`, `received_at` and `normaliser_version` of a row.
fn provenance(row: &SqliteRow) -> Result<Provenance, StoreError> {
    Ok(Provenance {
        endpoint: row.get("endpoint"),
        received_at: instant(row.get("received_at"))?,
        normaliser_version: row.get("normaliser_version"),
    })
}

fn instant(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::Unreadable("an instant out of range"))
}
