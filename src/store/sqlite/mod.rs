//! The store in one SQLite file: write-ahead log, every commit on disk before it is answered.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use tokio::time::timeout;

use super::{
    Serving, Storage, StoreError, columns,
    items::Item,
    keys::begin,
    migrations::{self, Step},
    outcomes::WriteHealth,
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
mod lanes;
mod opening;
mod purges;
mod requests;
mod serving;
mod sizes;
mod snapshots;
mod write;

use keys::KeyPools;
use write::{Write, Writer};

/// See [`migrations`] for what a migration may do.
pub(super) const STEPS: [Step; 13] = [
    (1, "init", include_str!("0001_init.sql")),
    (2, "incremental", include_str!("0002_incremental.sql")),
    (3, "events", include_str!("0003_events.sql")),
    (4, "inbox", include_str!("0004_inbox.sql")),
    (5, "purge", include_str!("0005_purge.sql")),
    (6, "owners", include_str!("0006_owners.sql")),
    (7, "find", include_str!("0007_find.sql")),
    (8, "audit", include_str!("0008_audit.sql")),
    (9, "keys", include_str!("0009_keys.sql")),
    (10, "write_proof", include_str!("0010_write_proof.sql")),
    (11, "undelivered", include_str!("0011_undelivered.sql")),
    (12, "lanes", include_str!("0012_lanes.sql")),
    (13, "freed_requests", include_str!("0013_freed_requests.sql")),
];

const READERS: u32 = 4;
/// How long a call waits for a reader.
const READER_WAIT: Duration = Duration::from_secs(5);

/// How long a statement waits for another process that holds the file. Callers and providers get an answer while they still wait for one.
const HELD_WHEN_SERVING: Duration = Duration::from_secs(1);
/// The same for a migration, and for a command beside the gateway, whose longest write it waits for.
const HELD: Duration = Duration::from_secs(5);

/// A write of several pages whose content changes each time: SQLite skips pages that stay the same, and a single page may still fit where a
/// journey does not.
const PROOF: &str = "INSERT INTO write_proof (id, filler) VALUES (1, hex(randomblob(?1)))
     ON CONFLICT (id) DO UPDATE SET filler = hex(randomblob(?1))";
const PROOF_BYTES: i64 = 16_384;
/// How long that write may take, its turn included.
const PROOF_TIME: Duration = Duration::from_secs(5);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    vault: Vault,
    /// This process, as it stands beside what it is at work on.
    owner: String,
    /// Messages that wait for the next commit.
    waiting: inbox::Waiting,
    serving: serving::FileLock,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none and none is expected, and brings its schema up to date.
    pub async fn open(path: &Path, serving: Serving, expect_existing: bool, keys: &Keys) -> Result<Self, StoreError> {
        opening::inspect_files(path, expect_existing)?;
        let lock = serving::FileLock::of(path);
        match serving {
            Serving::Alone => lock.begin()?,
            Serving::Beside => lock.refuse_other_name()?,
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged write survives a power cut, not only a crash.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is removed is overwritten: a key that was destroyed must not lie on in a free page.
            .pragma("secure_delete", "ON")
            .busy_timeout(HELD);
        // The migrator has its own transactions, so it has its own connection, which ends with it.
        let migrating = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        opening::inspect_tables(&migrating, path, expect_existing).await?;
        migrations::migrator(&STEPS).run(&migrating).await?;
        let oldest = sqlx::query_scalar("SELECT oldest FROM compatibility").fetch_one(&migrating).await?;
        migrations::compatible(&STEPS, oldest)?;
        let bounded = match serving {
            Serving::Alone => options.clone().busy_timeout(HELD_WHEN_SERVING),
            Serving::Beside => options.clone(),
        };
        let writer = Writer::open(bounded.clone()).await?;
        migrating.close().await;
        opening::check_pages(&options).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(READER_WAIT);
        let readers = readers.connect_with(bounded.read_only(true)).await?;
        let owner = uuid::Uuid::new_v4().to_string();
        // Wrong keys are noticed at the start, not at the first customer.
        let hash = begin(&KeyPools { readers: &readers, writer: &writer }, &keys.sealer).await?;
        let (vault, waiting) = (Vault::new(&keys.sealer, hash), inbox::Waiting::default());
        Ok(Self { writer, readers, vault, owner, waiting, serving: lock })
    }

    /// Writes the key of an item, in the transaction that writes the item.
    async fn write_key(&self, tx: &mut Write, item: Item<'_>, wrapped: &[u8]) -> Result<(), StoreError> {
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
            sqlx::query(statement).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        match self.writer.outcomes.check() {
            WriteHealth::Proven => Ok(()),
            WriteHealth::Failing(error) => Err(error),
            WriteHealth::Unproven => {
                let proof = timeout(PROOF_TIME, self.writer.execute(sqlx::query(PROOF).bind(PROOF_BYTES))).await;
                let proof = proof.unwrap_or_else(|_| Err(StoreError::Unreachable("no write in time".to_owned()))).map(drop);
                self.writer.outcomes.proof(&proof);
                proof
            }
        }
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
        let store = SqliteStore::open(&dir.path().join("sangam.db"), Serving::Beside, false, &Keys::new(&[1; 32])).await.unwrap();
        let mut write = store.writer.begin().await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut write).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut write).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
