//! Snapshots: the normalised rows of a fetch, sealed, until their purge date.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, provenance};
use crate::store::{KeptEvidence, KeptSnapshot, Outdated, SnapshotStore, StoreError, columns::millis, vault::oldest_request};

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
    ) -> Result<(), StoreError> {
        let sealed = self.vault.seal_rows(tenant, fetch_id, &snapshot.rows)?;
        let mut tx = self.pool.begin().await?;
        let done = sqlx::query(
            "INSERT INTO snapshots
             (tenant, fetch_id, journey_id, endpoint, received_at, normaliser_version, purge_at, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(journey_id)
        .bind(&snapshot.provenance.endpoint)
        .bind(millis(snapshot.provenance.received_at))
        .bind(i64::from(snapshot.provenance.normaliser_version))
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        if let Some(evidence) = evidence.filter(|_| done.rows_affected() > 0) {
            self.put_evidence(&mut tx, tenant, fetch_id, journey_id, purge_at, evidence).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn snapshot(&self, tenant: &str, fetch_id: &str) -> Result<Option<KeptSnapshot>, StoreError> {
        let row = sqlx::query(
            "SELECT endpoint, received_at, normaliser_version, sealed FROM snapshots WHERE tenant = $1 AND fetch_id = $2",
        )
        .bind(tenant)
        .bind(fetch_id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let rows = self.vault.open_rows(tenant, fetch_id, row.get("sealed"))?;
        Ok(Some(KeptSnapshot { rows, provenance: provenance(&row)? }))
    }

    async fn replace_rows(
        &self,
        tenant: &str,
        outdated: &Outdated,
        normaliser_version: u32,
        rows: &[u8],
    ) -> Result<bool, StoreError> {
        let sealed = self.vault.seal_rows(tenant, &outdated.fetch_id, rows)?;
        let done = sqlx::query(
            "UPDATE snapshots SET sealed = $1, normaliser_version = $2
             WHERE tenant = $3 AND fetch_id = $4 AND normaliser_version = $5",
        )
        .bind(sealed)
        .bind(i64::from(normaliser_version))
        .bind(tenant)
        .bind(&outdated.fetch_id)
        .bind(i64::from(outdated.normaliser_version))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin_bulk().await?;
        let mut gone = 0;
        for statement in [
            "DELETE FROM snapshots WHERE purge_at <= $1",
            "DELETE FROM evidence WHERE purge_at <= $1",
            "DELETE FROM documents WHERE purge_at <= $1",
            "DELETE FROM increments WHERE purge_at <= $1",
            "DELETE FROM inbox WHERE purge_at <= $1",
        ] {
            gone += sqlx::query(statement).bind(millis(now)).execute(&mut *tx).await?.rows_affected();
        }
        // Replaying a request makes room for itself only; what is forgotten goes here.
        sqlx::query("DELETE FROM requests WHERE created_at < $1").bind(oldest_request(now)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn drop_fetch(&self, tenant: &str, fetch_id: &str) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        for statement in [
            "DELETE FROM snapshots WHERE tenant = $1 AND fetch_id = $2",
            "DELETE FROM evidence WHERE tenant = $1 AND fetch_id = $2",
            "DELETE FROM documents WHERE tenant = $1 AND fetch_id = $2",
        ] {
            sqlx::query(statement).bind(tenant).bind(fetch_id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
