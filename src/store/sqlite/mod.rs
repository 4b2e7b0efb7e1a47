//! The store in one SQLite file: write-ahead log, every commit on disk before it is answered.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{
    Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use super::{
    Storage, StoreError, columns,
    items::Item,
    keys::begin,
    migrations::{self, Step},
    vault::Vault,
};
use crate::{access::TenantId, data::Provenance, seal::Keys};

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
mod purges;
mod requests;
mod serving;
mod snapshots;

/// See [`migrations`] for what a migration may do.
pub(super) const STEPS: [Step; 9] = [
    (1, "init", include_str!("0001_init.sql")),
    (2, "incremental", include_str!("0002_incremental.sql")),
    (3, "events", include_str!("0003_events.sql")),
    (4, "inbox", include_str!("0004_inbox.sql")),
    (5, "purge", include_str!("0005_purge.sql")),
    (6, "owners", include_str!("0006_owners.sql")),
    (7, "find", include_str!("0007_find.sql")),
    (8, "audit", include_str!("0008_audit.sql")),
    (9, "keys", include_str!("0009_keys.sql")),
];

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer, and waiting for it here is fair where its busy handler is not.
    writer: SqlitePool,
    readers: SqlitePool,
    vault: Vault,
    /// This process, as it stands beside what it is at work on.
    owner: String,
    /// Messages that wait for the next commit.
    waiting: inbox::Waiting,
    serving: serving::Serving,
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
        migrations::migrator(&STEPS).run(&writer).await?;
        migrations::compatible(&STEPS, sqlx::query_scalar("SELECT oldest FROM compatibility").fetch_one(&writer).await?)?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        let owner = uuid::Uuid::new_v4().to_string();
        // Wrong keys are noticed at the start, not at the first customer.
        let hash = begin(&writer, &keys.sealer).await?;
        let (vault, waiting, serving) = (Vault::new(&keys.sealer, hash), inbox::Waiting::default(), serving::Serving::of(path));
        Ok(Self { writer, readers, vault, owner, waiting, serving })
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
}

#[async_trait]
impl Storage for SqliteStore {
    async fn begin_serving(&self) -> Result<(), StoreError> {
        self.serving.begin()?;
        // One process serves a file, so whatever was at work before is gone. What it looked at is due, and so is what it was writing: an
        // opening whose answer died with it is looked up at once.
        let mut tx = self.writer.begin().await?;
        for statement in [
            "UPDATE journeys SET looking_by = NULL, due_at = 0 WHERE looking_by IS NOT NULL",
            "UPDATE journeys SET due_at = 0 WHERE (tenant, id) IN (SELECT tenant, journey_id FROM requests WHERE owner IS NOT NULL)",
            "UPDATE requests SET owner = NULL WHERE owner IS NOT NULL",
        ] {
            sqlx::query(statement).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.serving.end();
    }
}

/// The names of tenants, as `json_each` takes them.
fn names(tenants: &[TenantId]) -> String {
    serde_json::to_string(&tenants.iter().map(TenantId::as_str).collect::<Vec<_>>()).unwrap_or_default()
}

/// The columns `endpoint`, `received_at` and `normaliser_version` of a row.
fn provenance(row: &SqliteRow) -> Result<Provenance, StoreError> {
    columns::provenance(row.get("endpoint"), row.get("received_at"), row.get("normaliser_version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_commit_is_synced() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("sangam.db"), &Keys::new(&[1; 32])).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
