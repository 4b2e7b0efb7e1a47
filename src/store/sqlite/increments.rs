//! What a provider called the latest data of a consent, sealed, until its data's end.

use async_trait::async_trait;
use sqlx::Row;

use super::SqliteStore;
use crate::store::{
    IncrementStore, KeptIncrement, StoreError,
    columns::{instant, millis},
};

#[async_trait]
impl IncrementStore for SqliteStore {
    async fn put_increment(&self, tenant: &str, request_id: &str, increment: &KeptIncrement) -> Result<(), StoreError> {
        let sealed = self.vault.seal_increment(tenant, request_id, increment)?;
        sqlx::query(
            "INSERT INTO increments (hash, tenant, journey_id, consent_id, endpoint, received_at, purge_at, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(self.vault.lookup(tenant, "increment", request_id))
        .bind(tenant)
        .bind(&increment.journey_id)
        .bind(&increment.consent_id)
        .bind(&increment.endpoint)
        .bind(millis(increment.received_at))
        .bind(millis(increment.purge_at))
        .bind(sealed)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn increment(&self, tenant: &str, request_id: &str) -> Result<Option<KeptIncrement>, StoreError> {
        let row =
            sqlx::query("SELECT journey_id, consent_id, endpoint, received_at, purge_at, sealed FROM increments WHERE hash = ?")
                .bind(self.vault.lookup(tenant, "increment", request_id))
                .fetch_optional(&self.readers)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let facts = KeptIncrement {
            journey_id: row.get("journey_id"),
            consent_id: row.get("consent_id"),
            body: None,
            endpoint: row.get("endpoint"),
            received_at: instant(row.get("received_at"))?,
            purge_at: instant(row.get("purge_at"))?,
        };
        self.vault.open_increment(tenant, request_id, facts, row.get("sealed")).map(Some)
    }

    async fn drop_increments(&self, tenant: &str, consent_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM increments WHERE tenant = ? AND consent_id = ?")
            .bind(tenant)
            .bind(consent_id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
