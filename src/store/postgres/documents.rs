//! Documents of an analysis, sealed, until their data's end: asking the provider again may be billed.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, provenance};
use crate::store::{DocumentStore, KeptDocument, StoreError, columns::millis};

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
        let sealed = self.vault.seal_document(tenant, fetch_id, format, &document.bytes)?;
        sqlx::query(
            "INSERT INTO documents
             (tenant, fetch_id, format, media_type, endpoint, received_at, normaliser_version, purge_at, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
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
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn document(&self, tenant: &str, fetch_id: &str, format: &str) -> Result<Option<KeptDocument>, StoreError> {
        let row = sqlx::query(
            "SELECT media_type, endpoint, received_at, normaliser_version, sealed FROM documents
             WHERE tenant = $1 AND fetch_id = $2 AND format = $3",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(format)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(KeptDocument {
            bytes: self.vault.open_document(tenant, fetch_id, format, row.get("sealed"))?,
            media_type: row.get("media_type"),
            provenance: provenance(&row)?,
        }))
    }
}
