//! Request ids of writes, so that a repeated one is answered and never done twice.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::SqliteStore;
use crate::store::{Begun, RequestStore, StoreError, columns::millis, vault::oldest_request};

#[async_trait]
impl RequestStore for SqliteStore {
    async fn begin_request(
        &self,
        tenant: &str,
        request_id: &str,
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let hash = self.vault.request(tenant, request_id);
        let mut tx = self.writer.begin().await?;
        sqlx::query("DELETE FROM requests WHERE created_at < ?").bind(oldest_request(now)).execute(&mut tx).await?;
        let row = sqlx::query("SELECT body_hash, journey_id, sealed, owner, freed FROM requests WHERE hash = ?")
            .bind(&hash)
            .fetch_optional(&mut tx)
            .await?;
        let begun = match &row {
            Some(row) => self.begun(tenant, request_id, body_hash, row)?,
            None => Begun::New,
        };
        match &begun {
            Begun::New => {
                sqlx::query(
                    "INSERT OR REPLACE INTO requests (hash, tenant, body_hash, journey_id, created_at, owner) VALUES (?, ?, ?, ?, ?, ?)",
                )
                .bind(&hash)
                .bind(tenant)
                .bind(self.vault.body_hash(body_hash))
                .bind(journey_id)
                .bind(millis(now))
                .bind(&self.owner)
                .execute(&mut tx)
                .await?;
            }
            Begun::Again(_) | Begun::InFlight(_) => {
                sqlx::query("UPDATE requests SET owner = ? WHERE hash = ?")
                    .bind(&self.owner)
                    .bind(&hash)
                    .execute(&mut tx)
                    .await?;
            }
            Begun::Answered(_) | Begun::Reused | Begun::Elsewhere => {}
        }
        tx.commit().await?;
        Ok(begun)
    }

    async fn knows_request(&self, tenant: &str, request_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let known = sqlx::query("SELECT 1 FROM requests WHERE hash = ? AND created_at >= ? AND freed = 0")
            .bind(self.vault.request(tenant, request_id))
            .bind(oldest_request(now))
            .fetch_optional(&self.readers)
            .await?;
        Ok(known.is_some())
    }

    async fn finish_request(&self, tenant: &str, request_id: &str, answer: &[u8]) -> Result<(), StoreError> {
        let sealed = self.vault.seal_answer(tenant, request_id, answer)?;
        let finish = sqlx::query(
            "UPDATE requests SET sealed = ?, owner = NULL, freed = 0
             WHERE hash = ? AND sealed IS NULL AND (owner IS NULL OR owner = ?)",
        );
        self.writer.execute(finish.bind(sealed).bind(self.vault.request(tenant, request_id)).bind(&self.owner)).await?;
        Ok(())
    }

    async fn leave_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError> {
        let leave = sqlx::query("UPDATE requests SET owner = NULL WHERE hash = ? AND owner = ?");
        self.writer.execute(leave.bind(self.vault.request(tenant, request_id)).bind(&self.owner)).await?;
        Ok(())
    }

    async fn free_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError> {
        let free = sqlx::query("UPDATE requests SET freed = 1, owner = NULL WHERE hash = ? AND sealed IS NULL AND owner = ?");
        self.writer.execute(free.bind(self.vault.request(tenant, request_id)).bind(&self.owner)).await?;
        Ok(())
    }
}

impl SqliteStore {
    /// What became of a request that is written down.
    fn begun(&self, tenant: &str, request_id: &str, body_hash: &[u8], row: &SqliteRow) -> Result<Begun, StoreError> {
        let (sealed, owner): (Option<Vec<u8>>, Option<String>) = (row.get("sealed"), row.get("owner"));
        let same = row.get::<Vec<u8>, _>("body_hash") == self.vault.body_hash(body_hash);
        let ours = owner.as_ref().is_none_or(|owner| *owner == self.owner);
        if sealed.is_none() && ours && row.get("freed") {
            return Ok(if same { Begun::Again(row.get("journey_id")) } else { Begun::New });
        }
        Ok(match sealed {
            _ if !same => Begun::Reused,
            Some(sealed) => Begun::Answered(self.vault.open_answer(tenant, request_id, &sealed)?),
            None if ours => Begun::InFlight(row.get("journey_id")),
            None => Begun::Elsewhere,
        })
    }
}
