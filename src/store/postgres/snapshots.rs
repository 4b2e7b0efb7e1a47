//! Snapshots: the normalised rows of a fetch, sealed, until their purge date.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, provenance};
use crate::store::{
    KeptEvidence, KeptSnapshot, Outdated, SnapshotStore, StoreError,
    columns::millis,
    items::{Found, Item, SealedItem},
};

#[async_trait]
impl SnapshotStore for PostgresStore {
    async fn put_snapshot(
        &self,
        tenant: &str,
        fetch_id: &str,
        journey_id: &str,
        purge_at: Timestamp,
        snapshot: &KeptSnapshot,
        evidence: Option<&KeptEvidence>,
    ) -> Result<bool, StoreError> {
        let SealedItem { sealed, wrapped } = self.vault.seal_rows(tenant, fetch_id, &snapshot.rows)?;
        let mut tx = self.write().await?;
        self.alone_with(&mut tx, tenant, fetch_id).await?;
        let done = sqlx::query(
            "INSERT INTO snapshots
             (tenant, fetch_id, journey_id, endpoint, received_at, normaliser_version, purge_at, sealed)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE tenant = $1 AND fetch_id = $2) ON CONFLICT DO NOTHING",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(journey_id)
        .bind(&snapshot.provenance.endpoint)
        .bind(millis(snapshot.provenance.received_at))
        .bind(i64::from(snapshot.provenance.normaliser_version))
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&mut tx)
        .await?;
        if done.rows_affected() > 0 {
            self.write_key(&mut tx, Item::snapshot(tenant, fetch_id), &wrapped).await?;
            if let Some(evidence) = evidence {
                self.put_evidence(&mut tx, tenant, fetch_id, journey_id, purge_at, evidence).await?;
            }
        }
        let kept: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM snapshots WHERE tenant = $1 AND fetch_id = $2)")
            .bind(tenant)
            .bind(fetch_id)
            .fetch_one(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(kept)
    }

    async fn shorten(&self, tenant: &str, kept_under: &str, purge_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for update in [
            "UPDATE snapshots SET purge_at = $1 WHERE tenant = $2 AND fetch_id = $3 AND purge_at > $1",
            "UPDATE evidence SET purge_at = $1 WHERE tenant = $2 AND fetch_id = $3 AND purge_at > $1",
            "UPDATE documents SET purge_at = $1 WHERE tenant = $2 AND fetch_id = $3 AND purge_at > $1",
        ] {
            sqlx::query(update).bind(millis(purge_at)).bind(tenant).bind(kept_under).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn snapshot(&self, tenant: &str, fetch_id: &str) -> Result<Option<KeptSnapshot>, StoreError> {
        let row = sqlx::query(
            "SELECT s.endpoint, s.received_at, s.normaliser_version, s.sealed, k.wrapped FROM snapshots s
             LEFT JOIN item_keys k ON k.tenant = s.tenant AND k.fetch_id = s.fetch_id AND k.kind = 'snapshot'
             WHERE s.tenant = $1 AND s.fetch_id = $2",
        )
        .bind(tenant)
        .bind(fetch_id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let found = Found { sealed: row.get("sealed"), wrapped: row.get("wrapped") };
        let Some(rows) = self.vault.open_rows(tenant, fetch_id, found)? else { return Ok(None) };
        Ok(Some(KeptSnapshot { rows, provenance: provenance(&row)? }))
    }

    async fn replace_rows(
        &self,
        tenant: &str,
        outdated: &Outdated,
        normaliser_version: u32,
        rows: &[u8],
    ) -> Result<bool, StoreError> {
        let SealedItem { sealed, wrapped } = self.vault.seal_rows(tenant, &outdated.fetch_id, rows)?;
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE snapshots SET sealed = $1, normaliser_version = $2
             WHERE tenant = $3 AND fetch_id = $4 AND normaliser_version = $5",
        )
        .bind(sealed)
        .bind(i64::from(normaliser_version))
        .bind(tenant)
        .bind(&outdated.fetch_id)
        .bind(i64::from(outdated.normaliser_version))
        .execute(&mut tx)
        .await?;
        if done.rows_affected() > 0 {
            self.write_key(&mut tx, Item::snapshot(tenant, &outdated.fetch_id), &wrapped).await?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}
