//! The sizes of sealed values.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::{LargeValue, SizeStore, StoreError};

#[async_trait]
impl SizeStore for SqliteStore {
    async fn stored_bytes(&self, tenant: &str, of: LargeValue<'_>) -> Result<Option<u64>, StoreError> {
        let query = match of {
            LargeValue::Snapshot(fetch_id) => {
                sqlx::query_scalar("SELECT length(sealed) FROM snapshots WHERE tenant = ?1 AND fetch_id = ?2")
                    .bind(tenant)
                    .bind(fetch_id)
            }
            LargeValue::Evidence(fetch_id) => {
                sqlx::query_scalar("SELECT length(sealed) FROM evidence WHERE tenant = ?1 AND fetch_id = ?2")
                    .bind(tenant)
                    .bind(fetch_id)
            }
            LargeValue::Document(fetch_id, name) => {
                sqlx::query_scalar("SELECT length(sealed) FROM documents WHERE tenant = ?1 AND fetch_id = ?2 AND format = ?3")
                    .bind(tenant)
                    .bind(fetch_id)
                    .bind(name)
            }
            LargeValue::Increment(request_id) => sqlx::query_scalar("SELECT length(sealed) FROM increments WHERE hash = ?1")
                .bind(self.vault.lookup(tenant, "increment", request_id)),
        };
        let bytes: Option<i64> = query.fetch_optional(&self.readers).await?;
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()))
    }
}
