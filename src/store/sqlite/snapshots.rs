//! Snapshots: the normalised rows of a fetch, sealed, until their purge date.

use jiff::Timestamp;

use super::{SqliteStore, millis};
use crate::store::StoreError;

impl SqliteStore {
    /// Keeps a fetch's rows. A second pick-up of the same fetch changes nothing, so that pages stay as they are.
    pub async fn put_snapshot(
        &self,
        tenant: &str,
        fetch_id: &str,
        journey_id: &str,
        purge_at: Timestamp,
        rows: &[u8],
    ) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&["snapshot", tenant, fetch_id], rows)?;
        sqlx::query(
            "INSERT INTO snapshots (tenant, fetch_id, journey_id, purge_at, sealed) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(journey_id)
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// A fetch's rows, if they are kept.
    pub async fn snapshot(&self, tenant: &str, fetch_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM snapshots WHERE tenant = ? AND fetch_id = ?")
            .bind(tenant)
            .bind(fetch_id)
            .fetch_optional(&self.readers)
            .await?;
        sealed.map(|sealed| Ok(self.sealer.open(&["snapshot", tenant, fetch_id], &sealed)?)).transpose()
    }

    /// Removes what is past its purge date: snapshots and documents. Answers how many.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let mut gone = 0;
        for statement in ["DELETE FROM snapshots WHERE purge_at <= ?", "DELETE FROM documents WHERE purge_at <= ?"] {
            gone += sqlx::query(statement).bind(millis(now)).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// Removes everything that a fetch brought, at once: its consent was withdrawn.
    pub async fn drop_fetch(&self, tenant: &str, fetch_id: &str) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await?;
        for statement in
            ["DELETE FROM snapshots WHERE tenant = ? AND fetch_id = ?", "DELETE FROM documents WHERE tenant = ? AND fetch_id = ?"]
        {
            sqlx::query(statement).bind(tenant).bind(fetch_id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Keys;

    #[tokio::test]
    async fn a_snapshot_lives_until_its_purge_date() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("s.db"), &Keys::new(&[1; 32])).await.unwrap();
        let end = Timestamp::from_second(100).unwrap();
        store.put_snapshot("t", "fch_1", "jrn_1", end, b"rows").await.unwrap();
        store.put_snapshot("t", "fch_1", "jrn_1", end, b"other").await.unwrap();
        assert_eq!(store.snapshot("t", "fch_1").await.unwrap().unwrap(), b"rows");
        assert!(store.snapshot("u", "fch_1").await.unwrap().is_none());
        assert_eq!(store.purge(Timestamp::from_second(99).unwrap()).await.unwrap(), 0);
        assert_eq!(store.purge(end).await.unwrap(), 1);
        assert!(store.snapshot("t", "fch_1").await.unwrap().is_none());
    }
}
