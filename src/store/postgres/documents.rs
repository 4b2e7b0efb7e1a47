//! Documents of an analysis, sealed, until their data's end: asking the provider again may be billed.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, provenance};
use crate::store::{
    DocumentStore, KeptDocument, StoreError,
    columns::millis,
    items::{Found, Item, SealedItem},
};

#[async_trait]
impl DocumentStore for PostgresStore {
    async fn put_document(
        &self,
        tenant: &str,
        fetch_id: &str,
        format: &str,
        purge_at: Timestamp,
        document: &KeptDocument,
    ) -> Result<(), StoreError> {
        let SealedItem { sealed, wrapped } = self.vault.seal_document(tenant, fetch_id, format, &document.bytes)?;
        let mut tx = self.write().await?;
        self.alone_with(&mut tx, tenant, fetch_id).await?;
        let done = sqlx::query(
            "INSERT INTO documents
             (tenant, fetch_id, format, media_type, endpoint, received_at, normaliser_version, purge_at, sealed)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
             WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE tenant = $1 AND fetch_id = $2)
             ON CONFLICT (tenant, fetch_id, format) DO UPDATE SET media_type = excluded.media_type, endpoint = excluded.endpoint,
                 received_at = excluded.received_at, normaliser_version = excluded.normaliser_version,
                 purge_at = excluded.purge_at, sealed = excluded.sealed",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(format)
        .bind(&document.media_type)
        .bind(&document.provenance.endpoint)
        .bind(millis(document.provenance.received_at))
        .bind(i64::from(document.provenance.normaliser_version))
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&mut tx)
        .await?;
        if done.rows_affected() > 0 {
            self.write_key(&mut tx, Item::document(tenant, fetch_id, format), &wrapped).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn document(&self, tenant: &str, fetch_id: &str, format: &str) -> Result<Option<KeptDocument>, StoreError> {
        let row = sqlx::query(
            "SELECT d.media_type, d.endpoint, d.received_at, d.normaliser_version, d.sealed, k.wrapped FROM documents d
             LEFT JOIN item_keys k ON k.tenant = d.tenant AND k.fetch_id = d.fetch_id AND k.kind = 'document' AND k.part = d.format
             WHERE d.tenant = $1 AND d.fetch_id = $2 AND d.format = $3",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(format)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let found = Found { sealed: row.get("sealed"), wrapped: row.get("wrapped") };
        let Some(bytes) = self.vault.open_document(tenant, fetch_id, format, found)? else { return Ok(None) };
        Ok(Some(KeptDocument { bytes, media_type: row.get("media_type"), provenance: provenance(&row)? }))
    }
}
