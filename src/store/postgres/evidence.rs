//! Evidence: what a snapshot was made from, as the provider sent it, sealed, as long as the snapshot.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, write::Write};
use crate::store::{
    EvidenceStore, KeptEvidence, Outdated, RetainedFetch, StoreError,
    columns::{self, instant, millis},
    items::{Found, Item, SealedItem},
    vault::Facts,
};

#[async_trait]
impl EvidenceStore for PostgresStore {
    async fn evidence(&self, tenant: &str, fetch_id: &str) -> Result<Option<RetainedFetch>, StoreError> {
        let row = sqlx::query(
            "SELECT e.media_type, e.endpoint, e.received_at, e.sha256, e.purge_at, e.sealed, s.normaliser_version, k.wrapped
             FROM evidence e JOIN snapshots s ON s.tenant = e.tenant AND s.fetch_id = e.fetch_id
             LEFT JOIN item_keys k ON k.tenant = e.tenant AND k.fetch_id = e.fetch_id AND k.kind = 'evidence'
             WHERE e.tenant = $1 AND e.fetch_id = $2",
        )
        .bind(tenant)
        .bind(fetch_id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let facts = Facts {
            media_type: row.get("media_type"),
            endpoint: row.get("endpoint"),
            received_at: row.get("received_at"),
            sha256: row.get("sha256"),
        };
        let found = Found { sealed: row.get("sealed"), wrapped: row.get("wrapped") };
        let Some(evidence) = self.vault.open_evidence(tenant, fetch_id, &facts, found)? else { return Ok(None) };
        Ok(Some(RetainedFetch {
            evidence,
            normaliser_version: columns::version(row.get("normaliser_version"))?,
            purge_at: instant(row.get("purge_at"))?,
        }))
    }

    async fn outdated(
        &self,
        tenant: &str,
        journey_id: Option<&str>,
        version: u32,
        now: Timestamp,
    ) -> Result<Vec<Outdated>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.journey_id, s.fetch_id, s.normaliser_version FROM snapshots s JOIN evidence e USING (tenant, fetch_id)
             WHERE s.tenant = $1 AND s.normaliser_version < $2 AND s.purge_at > $3 AND ($4::text IS NULL OR s.journey_id = $4)
             ORDER BY s.journey_id, s.fetch_id",
        )
        .bind(tenant)
        .bind(i64::from(version))
        .bind(millis(now))
        .bind(journey_id)
        .fetch_all(&self.pool)
        .await?;
        let outdated = |row: &sqlx::postgres::PgRow| {
            Ok(Outdated {
                journey_id: row.get("journey_id"),
                fetch_id: row.get("fetch_id"),
                normaliser_version: columns::version(row.get("normaliser_version"))?,
            })
        };
        rows.iter().map(outdated).collect()
    }
}

impl PostgresStore {
    /// Keeps a body within the transaction that keeps its snapshot.
    pub(super) async fn put_evidence(
        &self,
        tx: &mut Write,
        tenant: &str,
        fetch_id: &str,
        journey_id: &str,
        purge_at: Timestamp,
        evidence: &KeptEvidence,
    ) -> Result<(), StoreError> {
        let SealedItem { sealed, wrapped } = self.vault.seal_evidence(tenant, fetch_id, evidence)?;
        sqlx::query(
            "INSERT INTO evidence
             (tenant, fetch_id, journey_id, media_type, endpoint, received_at, sha256, purge_at, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (tenant, fetch_id) DO UPDATE SET journey_id = excluded.journey_id, media_type = excluded.media_type,
                 endpoint = excluded.endpoint, received_at = excluded.received_at, sha256 = excluded.sha256,
                 purge_at = excluded.purge_at, sealed = excluded.sealed",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(journey_id)
        .bind(&evidence.media_type)
        .bind(&evidence.endpoint)
        .bind(millis(evidence.received_at))
        .bind(&evidence.sha256()[..])
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        self.write_key(tx, Item::evidence(tenant, fetch_id), &wrapped).await
    }
}
