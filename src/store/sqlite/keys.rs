//! Sealing keys: which are needed, and sealing anew.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};

use super::{SqliteStore, write::Writer};
use crate::{
    seal::{HEAD, KeyId, KeyedHash, Ring, Sealer},
    store::{
        KeyStore, KeyUse, NeededKey, ResealCursor, Resealed, StoreError,
        keys::{self, KeyTables, OnlyRow, PAGE, Row},
        sealed::{Dialect, SealedColumn},
    },
};

const DIALECT: Dialect = Dialect { to_hex: "lower(hex({}))", of_hex: "unhex({})" };

#[async_trait]
impl KeyStore for SqliteStore {
    fn keyed_hash(&self) -> KeyedHash {
        self.vault.root.clone()
    }

    async fn take_keys(&self, ring: Ring) -> Result<(), StoreError> {
        keys::take(&self.key_pools(), &self.vault.sealer, ring).await
    }

    async fn needed_keys(&self) -> Result<Vec<NeededKey>, StoreError> {
        self.key_pools().needed().await
    }

    async fn reseal(&self, from: ResealCursor) -> Result<(Resealed, Option<ResealCursor>), StoreError> {
        keys::reseal(&self.key_pools(), &self.vault.sealer, from).await
    }

    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        keys::uses(&self.key_pools()).await
    }

    async fn retire_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        keys::retire(&self.key_pools(), &self.vault.sealer).await
    }
}

impl SqliteStore {
    fn key_pools(&self) -> KeyPools<'_> {
        KeyPools { readers: &self.readers, writer: &self.writer }
    }
}

/// What the keys are read and written by. What the writer has committed is what a reader sees next.
pub(super) struct KeyPools<'a> {
    pub(super) readers: &'a SqlitePool,
    pub(super) writer: &'a Writer,
}

#[async_trait]
impl KeyTables for KeyPools<'_> {
    async fn needed(&self) -> Result<Vec<NeededKey>, StoreError> {
        let rows = sqlx::query("SELECT id, sealed, unnamed FROM seal_keys ORDER BY id").fetch_all(self.readers).await?;
        let key = |row: &sqlx::sqlite::SqliteRow| {
            let id = KeyId::from_bytes(row.get("id")).ok_or(StoreError::Unreadable("a key's id"))?;
            Ok(NeededKey { id, sealed: row.get("sealed"), unnamed: row.get("unnamed") })
        };
        rows.iter().map(key).collect()
    }

    async fn need(&self, key: &NeededKey) -> Result<(), StoreError> {
        let need = sqlx::query("INSERT INTO seal_keys (id, sealed, unnamed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
        self.writer.execute(need.bind(key.id.as_bytes()).bind(&key.sealed).bind(key.unnamed)).await?;
        Ok(())
    }

    async fn set_named(&self, id: KeyId) -> Result<(), StoreError> {
        self.writer.execute(sqlx::query("UPDATE seal_keys SET unnamed = 0 WHERE id = ?").bind(id.as_bytes())).await?;
        Ok(())
    }

    async fn strike(&self, id: KeyId) -> Result<(), StoreError> {
        self.writer.execute(sqlx::query("DELETE FROM seal_keys WHERE id = ?").bind(id.as_bytes())).await?;
        Ok(())
    }

    async fn only(&self, table: OnlyRow, otherwise: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        let (insert, select) = match table {
            OnlyRow::KeyCheck => (
                "INSERT INTO key_check (id, sealed) VALUES (1, ?) ON CONFLICT DO NOTHING",
                "SELECT sealed FROM key_check WHERE id = 1",
            ),
            OnlyRow::HashKey => (
                "INSERT INTO hash_key (id, sealed) VALUES (1, ?) ON CONFLICT DO NOTHING",
                "SELECT sealed FROM hash_key WHERE id = 1",
            ),
        };
        if let Some(sealed) = otherwise {
            self.writer.execute(sqlx::query(insert).bind(sealed)).await?;
        }
        Ok(sqlx::query_scalar(select).fetch_optional(self.readers).await?)
    }

    async fn page(&self, column: &SealedColumn, after: Option<&[String]>) -> Result<Vec<Row>, StoreError> {
        let statement = DIALECT.page(column, after.is_some(), PAGE, HEAD);
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for text in after.unwrap_or_default() {
            query = query.bind(text);
        }
        let told = column.keys.len() + column.facts.len();
        let rows = query.fetch_all(self.readers).await?;
        Ok(rows.iter().map(|row| ((0..told).map(|at| row.get(at)).collect(), row.get(told))).collect())
    }

    /// In one transaction: a commit waits for the disk.
    async fn swap(
        &self,
        column: &SealedColumn,
        rows: &[(Vec<String>, Vec<String>)],
        sealer: &Sealer,
    ) -> Result<Resealed, StoreError> {
        let (read, swap) = (DIALECT.read(column), DIALECT.swap(column));
        let mut done = Resealed::default();
        let mut tx = self.writer.begin().await?;
        for (names, place) in rows {
            let mut query = sqlx::query_scalar::<_, Option<Vec<u8>>>(AssertSqlSafe(read.clone()));
            for text in names {
                query = query.bind(text);
            }
            let Some(old) = query.fetch_optional(&mut tx).await?.flatten() else { continue };
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            let Ok(new) = sealer.reseal(&place, &old) else {
                done.left += 1;
                continue;
            };
            let Some(new) = new else { continue };
            let mut query = sqlx::query(AssertSqlSafe(swap.clone())).bind(new).bind(old);
            for text in names {
                query = query.bind(text);
            }
            done.changed += query.execute(&mut tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(done)
    }

    async fn heads(&self, column: &SealedColumn) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(Dialect::heads(column, HEAD))).fetch_all(self.readers).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
