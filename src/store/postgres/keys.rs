//! Sealing keys: which are needed, and sealing anew.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _};

use super::{PostgresStore, statements::Statements, write::Write};
use crate::{
    seal::{HEAD, KeyId, KeyedHash, Ring, Sealer},
    store::{
        KeyStore, KeyUse, NeededKey, ResealCursor, Resealed, StoreError,
        keys::{self, KeyTables, OnlyRow, PAGE, Row},
        outcomes::{Noted, WriteOutcomes},
        sealed::{Dialect, SealedColumn},
    },
};

const DIALECT: Dialect = Dialect { to_hex: "encode({}, 'hex')", of_hex: "decode({}, 'hex')" };

#[async_trait]
impl KeyStore for PostgresStore {
    fn keyed_hash(&self) -> KeyedHash {
        self.vault.root.clone()
    }

    async fn take_keys(&self, ring: Ring) -> Result<(), StoreError> {
        keys::take(&self.key_pool(), &self.vault.sealer, ring).await
    }

    async fn needed_keys(&self) -> Result<Vec<NeededKey>, StoreError> {
        self.key_pool().needed().await
    }

    async fn reseal(&self, from: ResealCursor) -> Result<(Resealed, Option<ResealCursor>), StoreError> {
        keys::reseal(&self.key_pool(), &self.vault.sealer, from).await
    }

    async fn key_uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        keys::uses(&self.key_pool()).await
    }

    async fn retire_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        keys::retire(&self.key_pool(), &self.vault.sealer).await
    }
}

impl PostgresStore {
    fn key_pool(&self) -> KeyPool<'_> {
        KeyPool { pool: &self.pool, outcomes: &self.outcomes }
    }
}

/// What the keys are read and written by.
pub(super) struct KeyPool<'a> {
    pub(super) pool: &'a Statements,
    pub(super) outcomes: &'a Arc<WriteOutcomes>,
}

#[async_trait]
impl KeyTables for KeyPool<'_> {
    async fn needed(&self) -> Result<Vec<NeededKey>, StoreError> {
        let rows = sqlx::query("SELECT id, sealed, unnamed FROM seal_keys ORDER BY id").fetch_all(self.pool).await?;
        let key = |row: &sqlx::postgres::PgRow| {
            let id = KeyId::from_bytes(row.get("id")).ok_or(StoreError::Unreadable("a key's id"))?;
            Ok(NeededKey { id, sealed: row.get("sealed"), unnamed: row.get("unnamed") })
        };
        rows.iter().map(key).collect()
    }

    async fn need(&self, key: &NeededKey) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO seal_keys (id, sealed, unnamed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(key.id.as_bytes())
            .bind(&key.sealed)
            .bind(key.unnamed)
            .execute(self.pool)
            .await
            .noted(self.outcomes)?;
        Ok(())
    }

    async fn set_named(&self, id: KeyId) -> Result<(), StoreError> {
        sqlx::query("UPDATE seal_keys SET unnamed = false WHERE id = $1")
            .bind(id.as_bytes())
            .execute(self.pool)
            .await
            .noted(self.outcomes)?;
        Ok(())
    }

    async fn strike(&self, id: KeyId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM seal_keys WHERE id = $1").bind(id.as_bytes()).execute(self.pool).await.noted(self.outcomes)?;
        Ok(())
    }

    async fn only(&self, table: OnlyRow, otherwise: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        let (insert, select) = match table {
            OnlyRow::KeyCheck => (
                "INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING",
                "SELECT sealed FROM key_check WHERE id = 1",
            ),
            OnlyRow::HashKey => (
                "INSERT INTO hash_key (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING",
                "SELECT sealed FROM hash_key WHERE id = 1",
            ),
        };
        if let Some(sealed) = otherwise {
            sqlx::query(insert).bind(sealed).execute(self.pool).await.noted(self.outcomes)?;
        }
        Ok(sqlx::query_scalar(select).fetch_optional(self.pool).await?)
    }

    async fn page(&self, column: &SealedColumn, after: Option<&[String]>) -> Result<Vec<Row>, StoreError> {
        let statement = DIALECT.page(column, after.is_some(), PAGE, HEAD);
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for text in after.unwrap_or_default() {
            query = query.bind(text);
        }
        let told = column.keys.len() + column.facts.len();
        let rows = query.fetch_all(self.pool).await?;
        Ok(rows.iter().map(|row| ((0..told).map(|at| row.get(at)).collect(), row.get(told))).collect())
    }

    /// Each by itself: a transaction of several would hold rows that others want in another order.
    async fn swap(
        &self,
        column: &SealedColumn,
        rows: &[(Vec<String>, Vec<String>)],
        sealer: &Sealer,
    ) -> Result<Resealed, StoreError> {
        let (read, swap) = (DIALECT.read(column), DIALECT.swap(column));
        let mut done = Resealed::default();
        for (names, place) in rows {
            let mut query = sqlx::query_scalar::<_, Option<Vec<u8>>>(AssertSqlSafe(read.clone()));
            for text in names {
                query = query.bind(text);
            }
            let Some(old) = query.fetch_optional(self.pool).await?.flatten() else { continue };
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
            done.changed += query.execute(self.pool).await.noted(self.outcomes)?.rows_affected();
        }
        Ok(done)
    }

    async fn heads(&self, column: &SealedColumn) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        // It reads every row, which takes longer than a caller's statement may.
        let mut tx = Write::begin(self.pool, self.outcomes).await?;
        tx.in_bulk().await?;
        let rows = sqlx::query(AssertSqlSafe(Dialect::heads(column, HEAD))).fetch_all(&mut tx).await?;
        tx.commit().await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}
