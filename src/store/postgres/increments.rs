//! What a provider called the latest data of a consent, sealed, until its data's end.

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use crate::store::{
    IncrementStore, KeptIncrement, StoreError,
    columns::{instant, millis},
    items::{Found, Item, SealedItem},
};

#[async_trait]
impl IncrementStore for PostgresStore {
    async fn put_increment(&self, tenant: &str, request_id: &str, increment: &KeptIncrement) -> Result<(), StoreError> {
        let SealedItem { sealed, wrapped } = self.vault.seal_increment(tenant, request_id, increment)?;
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "INSERT INTO increments (hash, tenant, journey_id, consent_id, endpoint, received_at, purge_at, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(self.vault.lookup(tenant, "increment", request_id))
        .bind(tenant)
        .bind(&increment.journey_id)
        .bind(&increment.consent_id)
        .bind(&increment.endpoint)
        .bind(millis(increment.received_at))
        .bind(millis(increment.purge_at))
        .bind(sealed)
        .execute(&mut tx)
        .await?;
        if done.rows_affected() > 0 {
            let part = self.vault.increment_part(tenant, request_id);
            self.write_key(&mut tx, Item::increment(tenant, &increment.consent_id, &part), &wrapped).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn increment(&self, tenant: &str, request_id: &str) -> Result<Option<KeptIncrement>, StoreError> {
        let row = sqlx::query(
            "SELECT i.journey_id, i.consent_id, i.endpoint, i.received_at, i.purge_at, i.sealed, k.wrapped FROM increments i
             LEFT JOIN item_keys k ON k.tenant = i.tenant AND k.fetch_id = i.consent_id AND k.kind = 'increment'
                 AND k.part = encode(i.hash, 'hex')
             WHERE i.hash = $1",
        )
        .bind(self.vault.lookup(tenant, "increment", request_id))
        .fetch_optional(&self.pool)
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
        let found = Found { sealed: row.get("sealed"), wrapped: row.get("wrapped") };
        self.vault.open_increment(tenant, request_id, facts, found)
    }

    async fn drop_increments(&self, tenant: &str, consent_id: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for statement in [
            "DELETE FROM item_keys WHERE tenant = $1 AND fetch_id = $2 AND kind = 'increment'",
            "DELETE FROM increments WHERE tenant = $1 AND consent_id = $2",
        ] {
            sqlx::query(statement).bind(tenant).bind(consent_id).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
