//! Journeys: one sealed tree a row, written whole or not at all.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::{QueryBuilder, Row};

use super::{SqliteStore, names, write::Write};
use crate::{
    access::TenantId,
    journey::{model::Journey, undelivered},
    store::{
        JourneyStore, StoreError, Versioned,
        columns::{instant, millis},
    },
};

#[async_trait]
impl JourneyStore for SqliteStore {
    async fn insert_journey(&self, journey: &Journey, due_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await?;
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
        let mut tx = self.writer.begin().await?;
        let saved = self.save_in(&mut tx, journey, version, due_at, now).await?;
        if saved {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        Ok(saved)
    }

    async fn journey(&self, tenant: &str, id: &str) -> Result<Option<Versioned>, StoreError> {
        let row = sqlx::query("SELECT version, sealed FROM journeys WHERE tenant = ? AND id = ?")
            .bind(tenant)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let journey = self.vault.open_journey(tenant, id, row.get("sealed"))?;
        Ok(Some(Versioned { journey, version: row.get("version") }))
    }

    async fn end_look(&self, tenant: &str, id: &str) -> Result<(), StoreError> {
        let end = sqlx::query("UPDATE journeys SET looking_by = NULL WHERE tenant = ? AND id = ? AND looking_by = ?");
        self.writer.execute(end.bind(tenant).bind(id).bind(&self.owner)).await?;
        Ok(())
    }

    async fn next_due(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError> {
        // The sign keeps the planner with the index of due times.
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(due_at) FROM journeys WHERE due_at IS NOT NULL AND looking_by IS NULL
             AND +tenant IN (SELECT value FROM json_each(?))",
        )
        .bind(names(tenants))
        .fetch_one(&self.readers)
        .await?;
        next.map(instant).transpose()
    }

    async fn due_elsewhere(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<String>, StoreError> {
        let others = sqlx::query_scalar(
            "SELECT DISTINCT tenant FROM journeys WHERE due_at <= ? AND +tenant NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(millis(now))
        .bind(names(tenants))
        .fetch_all(&self.readers)
        .await?;
        Ok(others)
    }

    async fn bring_forward(&self, now: Timestamp, by: SignedDuration) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await?;
        for statement in [
            "UPDATE journeys SET due_at = MAX(due_at - ?2, ?1) WHERE due_at > ?1",
            "UPDATE journeys SET looking_until = MAX(looking_until - ?2, ?1) WHERE looking_by IS NOT NULL AND looking_until > ?1",
            "UPDATE inbox SET next_at = MAX(next_at - ?2, ?1) WHERE next_at > ?1",
        ] {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            sqlx::query(statement).bind(millis(now)).bind(by).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn wake_journey(&self, tenant: &str, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let wake = sqlx::query("UPDATE journeys SET due_at = ?, woken = 1 WHERE tenant = ? AND id = ?");
        self.writer.execute(wake.bind(millis(now)).bind(tenant).bind(id)).await?;
        Ok(())
    }

    async fn journeys_by_ref(&self, tenant: &str, kind: &str, value: &str) -> Result<Vec<String>, StoreError> {
        let ids = sqlx::query_scalar("SELECT journey_id FROM journey_refs WHERE hash = ? AND tenant = ?")
            .bind(self.vault.lookup(tenant, kind, value))
            .bind(tenant)
            .fetch_all(&self.readers)
            .await?;
        Ok(ids)
    }

    async fn any_by_ref(&self, tenants: &[TenantId], kind: &str, value: &str) -> Result<Vec<(String, String)>, StoreError> {
        let mut query = QueryBuilder::new("SELECT tenant, journey_id FROM journey_refs WHERE hash IN (");
        let mut hashes = query.separated(", ");
        // The hash is keyed by the tenant, so it is of no other one.
        for tenant in tenants {
            hashes.push_bind(self.vault.lookup(tenant, kind, value));
        }
        query.push(")");
        let rows = query.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| (row.get("tenant"), row.get("journey_id"))).collect())
    }
}

impl SqliteStore {
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
            "INSERT INTO journeys (tenant, id, version, provider, state, created_at, updated_at, due_at, purge_at, sealed, lane)
             VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(&journey.routing.provider)
        .bind(journey.state.as_str_name())
        .bind(millis(journey.created_at))
        .bind(millis(now))
        .bind(due_at.map(millis))
        .bind(journey.purge_at.map(millis))
        .bind(sealed)
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
        let done = sqlx::query(
            "UPDATE journeys SET version = version + 1, state = ?, updated_at = ?, purge_at = ?, sealed = ?, lane = ?,
                 due_at = CASE woken WHEN 1 THEN due_at ELSE ? END
             WHERE tenant = ? AND id = ? AND version = ?",
        )
        .bind(journey.state.as_str_name())
        .bind(millis(now))
        .bind(journey.purge_at.map(millis))
        .bind(sealed)
        .bind(journey.routing.lane())
        .bind(due_at.map(millis))
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(version)
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
        sqlx::query("UPDATE journeys SET expires_at = ?, undelivered_at = ? WHERE tenant = ? AND id = ?")
            .bind(journey.first_expiry().map(millis))
            .bind(undelivered::since(journey).map(millis))
            .bind(&journey.tenant)
            .bind(&journey.id)
            .execute(&mut *tx)
            .await?;
        for hash in self.vault.ref_hashes(journey) {
            let done = sqlx::query("INSERT OR IGNORE INTO journey_refs (hash, tenant, journey_id) VALUES (?, ?, ?)")
                .bind(&hash)
                .bind(&journey.tenant)
                .bind(&journey.id)
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() > 0 {
                self.learnt(tx, &journey.tenant, &hash, now).await?;
            }
        }
        Ok(())
    }
}
