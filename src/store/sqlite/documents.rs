//! Documents of an analysis, sealed, until their data's end: asking the provider again may be billed.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{SqliteStore, provenance};
use crate::store::{DocumentStore, KeptDocument, StoreError, columns::millis};

#[async_trait]
impl DocumentStore for SqliteStore {
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
            "INSERT OR REPLACE INTO documents
             (tenant, fetch_id, format, media_type, endpoint, received_at, normaliser_version, purge_at, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(format)
        .bind(&document.media_type)
        .bind(&document.provenance.endpoint)
        .bind(millis(document.provenance.received_at))
        .bind(document.provenance.normaliser_version)
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    async fn document(&self, tenant: &str, fetch_id: &str, format: &str) -> Result<Option<KeptDocument>, StoreError> {
        let row = sqlx::query(
            "SELECT media_type, endpoint, received_at, normaliser_version, sealed FROM documents
             WHERE tenant = ? AND fetch_id = ? AND format = ?",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(format)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(KeptDocument {
            bytes: self.vault.open_document(tenant, fetch_id, format, row.get("sealed"))?,
            media_type: row.get("media_type"),
            provenance: provenance(&row)?,
        }))
    }
}
