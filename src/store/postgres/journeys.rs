//! Journeys: one sealed tree a row, written whole or not at all.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::{PostgresStore, names, write::Write};
use crate::{
    access::TenantId,
    journey::{model::Journey, undelivered},
    store::{
        JourneyStore, StoreError, Versioned,
        columns::{instant, millis},
        outcomes::Noted,
    },
};

#[async_trait]
impl JourneyStore for PostgresStore {
    async fn insert_journey(&self, journey: &Journey, due_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        self.insert_in(&mut tx, journey, due_at, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save_journey(
        &self,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let saved = self.save_in(&mut tx, journey, version, due_at, now).await?;
        if saved {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        Ok(saved)
    }

    async fn journey(&self, tenant: &str, id: &str) -> Result<Option<Versioned>, StoreError> {
        let read = sqlx::query("SELECT version, sealed FROM journeys WHERE tenant = $1 AND id = $2").bind(tenant).bind(id);
        let row = self.within(async { Ok(read.fetch_optional(&self.pool).await?) }).await?;
        let Some(row) = row else { return Ok(None) };
        let journey = self.vault.open_journey(tenant, id, row.get("sealed"))?;
        Ok(Some(Versioned { journey, version: row.get("version") }))
    }

    async fn end_look(&self, tenant: &str, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE journeys SET looking_by = NULL WHERE tenant = $1 AND id = $2 AND looking_by = $3")
            .bind(tenant)
            .bind(id)
            .bind(&self.owner)
            .execute(&self.pool)
            .await
            .noted(&self.outcomes)?;
        Ok(())
    }

    async fn next_due(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(due_at) FROM journeys WHERE due_at IS NOT NULL AND looking_by IS NULL AND tenant = ANY($1)",
        )
        .bind(names(tenants))
        .fetch_one(&self.pool)
        .await?;
        next.map(instant).transpose()
    }

    async fn due_elsewhere(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<String>, StoreError> {
        let others = sqlx::query_scalar("SELECT DISTINCT tenant FROM journeys WHERE due_at <= $1 AND tenant <> ALL($2)")
            .bind(millis(now))
            .bind(names(tenants))
            .fetch_all(&self.pool)
            .await?;
        Ok(others)
    }

    async fn bring_forward(&self, now: Timestamp, by: SignedDuration) -> Result<(), StoreError> {
        let mut tx = self.write_bulk().await?;
        for statement in [
            "UPDATE journeys SET due_at = GREATEST(due_at - $2, $1) WHERE due_at > $1",
            "UPDATE journeys SET looking_until = GREATEST(looking_until - $2, $1) WHERE looking_by IS NOT NULL AND looking_until > $1",
            "UPDATE inbox SET next_at = GREATEST(next_at - $2, $1) WHERE next_at > $1",
        ] {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            sqlx::query(statement).bind(millis(now)).bind(by).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn wake_journey(&self, tenant: &str, id: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE journeys SET due_at = $1, woken = true WHERE tenant = $2 AND id = $3")
            .bind(millis(now))
            .bind(tenant)
            .bind(id)
            .execute(&self.pool)
            .await
            .noted(&self.outcomes)?;
        Ok(())
    }

    async fn journeys_by_ref(&self, tenant: &str, kind: &str, value: &str) -> Result<Vec<String>, StoreError> {
        let ids = sqlx::query_scalar("SELECT journey_id FROM journey_refs WHERE hash = $1 AND tenant = $2")
            .bind(self.vault.lookup(tenant, kind, value))
            .bind(tenant);
        self.within(async { Ok(ids.fetch_all(&self.pool).await?) }).await
    }

    async fn any_by_ref(&self, tenants: &[TenantId], kind: &str, value: &str) -> Result<Vec<(String, String)>, StoreError> {
        let hashes: Vec<Vec<u8>> = tenants.iter().map(|tenant| self.vault.lookup(tenant, kind, value)).collect();
        // The hash is keyed by the tenant, so it is of no other one.
        let found = sqlx::query("SELECT tenant, journey_id FROM journey_refs WHERE hash = ANY($1)").bind(hashes);
        let rows = self.within(async { Ok(found.fetch_all(&self.pool).await?) }).await?;
        Ok(rows.iter().map(|row| (row.get("tenant"), row.get("journey_id"))).collect())
    }
}

impl PostgresStore {
    /// Writes a new journey within a transaction.
    pub(super) async fn insert_in(
        &self,
        tx: &mut Write,
        journey: &Journey,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.vault.seal_journey(journey)?;
        sqlx::query(
            "INSERT INTO journeys (tenant, id, version, provider, state, created_at, updated_at, due_at, sealed, purge_at, lane)
             VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(&journey.routing.provider)
        .bind(journey.state.as_str_name())
        .bind(millis(journey.created_at))
        .bind(millis(now))
        .bind(due_at.map(millis))
        .bind(sealed)
        .bind(journey.purge_at.map(millis))
        .bind(journey.routing.lane())
        .execute(&mut *tx)
        .await?;
        self.write_refs(tx, journey, now).await?;
        self.write_event(tx, journey, now).await
    }

    /// Writes a changed tree within a transaction, if its version is still the one that was read.
    pub(super) async fn save_in(
        &self,
        tx: &mut Write,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sealed = self.vault.seal_journey(journey)?;
        // A second writer waits for the row here, and then finds another version.
        let done = sqlx::query(
            "UPDATE journeys SET version = version + 1, state = $1, updated_at = $2, sealed = $3,
                 due_at = CASE WHEN woken THEN due_at ELSE $4 END, purge_at = $8, lane = $9
             WHERE tenant = $5 AND id = $6 AND version = $7",
        )
        .bind(journey.state.as_str_name())
        .bind(millis(now))
        .bind(sealed)
        .bind(due_at.map(millis))
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(version)
        .bind(journey.purge_at.map(millis))
        .bind(journey.routing.lane())
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.write_refs(tx, journey, now).await?;
        self.write_event(tx, journey, now).await?;
        Ok(true)
    }

    /// What the journey is found by.
    async fn write_refs(&self, tx: &mut Write, journey: &Journey, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE journeys SET expires_at = $1, undelivered_at = $4 WHERE tenant = $2 AND id = $3")
            .bind(journey.first_expiry().map(millis))
            .bind(&journey.tenant)
            .bind(&journey.id)
            .bind(undelivered::since(journey).map(millis))
            .execute(&mut *tx)
            .await?;
        let learnt: Vec<Vec<u8>> = sqlx::query_scalar(
            "INSERT INTO journey_refs (hash, tenant, journey_id) SELECT unnest($1::bytea[]), $2, $3 ON CONFLICT DO NOTHING
             RETURNING hash",
        )
        .bind(self.vault.ref_hashes(journey))
        .bind(&journey.tenant)
        .bind(&journey.id)
        .fetch_all(&mut *tx)
        .await?;
        self.learnt(tx, &journey.tenant, learnt, now).await
    }
}
