//! Request ids of writes, so that a repeated one is answered and never done twice, whichever replica it reaches.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::PostgresStore;
use crate::store::{Begun, RequestStore, StoreError, columns::millis, outcomes::Noted, vault::oldest_request};

/// A request that is freed by one replica just when another asks for it is asked for again; more than once in a row is an accident.
const TRIES: usize = 16;

#[async_trait]
impl RequestStore for PostgresStore {
    async fn begin_request(
        &self,
        tenant: &str,
        request_id: &str,
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        self.within(self.begin(tenant, request_id, body_hash, journey_id, now)).await
    }

    async fn knows_request(&self, tenant: &str, request_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let known = sqlx::query("SELECT 1 FROM requests WHERE hash = $1 AND created_at >= $2 AND NOT freed")
            .bind(self.vault.request(tenant, request_id))
            .bind(oldest_request(now));
        let known = self.within(async { Ok(known.fetch_optional(&self.pool).await?) }).await?;
        Ok(known.is_some())
    }

    async fn finish_request(&self, tenant: &str, request_id: &str, answer: &[u8]) -> Result<(), StoreError> {
        let sealed = self.vault.seal_answer(tenant, request_id, answer)?;
        sqlx::query(
            "UPDATE requests SET sealed = $1, owner = NULL, freed = false
             WHERE hash = $2 AND sealed IS NULL AND (owner IS NULL OR owner = $3)",
        )
        .bind(sealed)
        .bind(self.vault.request(tenant, request_id))
        .bind(&self.owner)
        .execute(&self.pool)
        .await
        .noted(&self.outcomes)?;
        Ok(())
    }

    async fn leave_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE requests SET owner = NULL WHERE hash = $1 AND owner = $2")
            .bind(self.vault.request(tenant, request_id))
            .bind(&self.owner)
            .execute(&self.pool)
            .await
            .noted(&self.outcomes)?;
        Ok(())
    }

    async fn free_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE requests SET freed = true, owner = NULL WHERE hash = $1 AND sealed IS NULL AND owner = $2")
            .bind(self.vault.request(tenant, request_id))
            .bind(&self.owner)
            .execute(&self.pool)
            .await
            .noted(&self.outcomes)?;
        Ok(())
    }
}

impl PostgresStore {
    async fn begin(
        &self,
        tenant: &str,
        request_id: &str,
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let hash = self.vault.request(tenant, request_id);
        let body_hash = self.vault.body_hash(body_hash);
        for _ in 0..TRIES {
            if self.write_down(tenant, &hash, &body_hash, journey_id, now).await? {
                return Ok(Begun::New);
            }
            if let Some(begun) = self.take_over(&hash, &body_hash).await? {
                return Ok(begun);
            }
            let row = sqlx::query("SELECT body_hash, sealed, owner FROM requests WHERE hash = $1")
                .bind(&hash)
                .fetch_optional(&self.pool)
                .await?;
            // None: it was freed meanwhile.
            let Some(row) = row else { continue };
            let (sealed, owner): (Option<Vec<u8>>, Option<String>) = (row.get("sealed"), row.get("owner"));
            return Ok(match sealed {
                _ if row.get::<Vec<u8>, _>("body_hash") != body_hash => Begun::Reused,
                Some(sealed) => Begun::Answered(self.vault.open_answer(tenant, request_id, &sealed)?),
                None if owner.is_some() => Begun::Elsewhere,
                // It was left meanwhile.
                None => continue,
            });
        }
        Err(StoreError::Contended)
    }

    /// Stores a request as this replica's, unless its id is in use. It replaces a request that is past its retention, and a freed one with
    /// another body.
    async fn write_down(
        &self,
        tenant: &str,
        hash: &[u8],
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO requests AS kept (hash, tenant, body_hash, journey_id, created_at, owner) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (hash) DO UPDATE SET body_hash = excluded.body_hash, journey_id = excluded.journey_id,
                 created_at = excluded.created_at, owner = excluded.owner, sealed = NULL,
                 freed = false
             WHERE kept.created_at < $7
                 OR (kept.freed AND kept.sealed IS NULL AND kept.body_hash <> excluded.body_hash
                     AND (kept.owner IS NULL OR kept.owner = excluded.owner))",
        )
        .bind(hash)
        .bind(tenant)
        .bind(body_hash)
        .bind(journey_id)
        .bind(millis(now))
        .bind(&self.owner)
        .bind(oldest_request(now))
        .execute(&self.pool)
        .await
        .noted(&self.outcomes)?;
        Ok(done.rows_affected() > 0)
    }

    /// Makes a request this replica's that has no answer and is nobody else's; answers its journey.
    async fn take_over(&self, hash: &[u8], body_hash: &[u8]) -> Result<Option<Begun>, StoreError> {
        let taken = sqlx::query(
            "UPDATE requests SET owner = $1
             WHERE hash = $2 AND body_hash = $3 AND sealed IS NULL AND (owner IS NULL OR owner = $1) RETURNING journey_id, freed",
        )
        .bind(&self.owner)
        .bind(hash)
        .bind(body_hash)
        .fetch_optional(&self.pool)
        .await?;
        Ok(taken.map(|row| match row.get("freed") {
            true => Begun::Again(row.get("journey_id")),
            false => Begun::InFlight(row.get("journey_id")),
        }))
    }
}
