//! Journeys: one sealed tree a row, written whole or not at all.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};

use super::{SqliteStore, millis};
use crate::{
    journey::model::Journey,
    store::{JourneyStore, StoreError, Versioned},
};

#[async_trait]
impl JourneyStore for SqliteStore {
    async fn insert_journey(&self, journey: &Journey, due_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self.seal_journey(journey)?;
        let mut tx = self.writer.begin().await?;
        sqlx::query(
            "INSERT INTO journeys (tenant, id, version, provider, state, created_at, updated_at, due_at, purge_at, sealed)
             VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(&journey.routing.provider)
        .bind(journey.state.as_str_name())
        .bind(millis(journey.created_at))
        .bind(millis(now))
        .bind(due_at.map(millis))
        .bind(journey.purge_at.map(millis))
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        self.write_refs(&mut tx, journey).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save_journey(
        &self,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sealed = self.seal_journey(journey)?;
        let mut tx = self.writer.begin().await?;
        let done = sqlx::query(
            "UPDATE journeys SET version = version + 1, state = ?, updated_at = ?, purge_at = ?, sealed = ?,
                 due_at = CASE woken WHEN 1 THEN due_at ELSE ? END
             WHERE tenant = ? AND id = ? AND version = ?",
        )
        .bind(journey.state.as_str_name())
        .bind(millis(now))
        .bind(journey.purge_at.map(millis))
        .bind(sealed)
        .bind(due_at.map(millis))
        .bind(&journey.tenant)
        .bind(&journey.id)
        .bind(version)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.write_refs(&mut tx, journey).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn journey(&self, tenant: &str, id: &str) -> Result<Option<Versioned>, StoreError> {
        let row = sqlx::query("SELECT version, sealed FROM journeys WHERE tenant = ? AND id = ?")
            .bind(tenant)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let plain = self.sealer.open(&["journey", tenant, id], row.get("sealed"))?;
        let journey = serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a journey"))?;
        Ok(Some(Versioned { journey, version: row.get("version") }))
    }

    async fn due_journeys(&self, now: Timestamp, limit: u32) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query("SELECT tenant, id FROM journeys WHERE due_at <= ? ORDER BY due_at LIMIT ?")
            .bind(millis(now))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.iter().map(|row| (row.get("tenant"), row.get("id"))).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT MIN(due_at) FROM journeys WHERE due_at IS NOT NULL").fetch_one(&self.readers).await?;
        next.map(super::instant).transpose()
    }

    async fn claim_journey(&self, tenant: &str, id: &str, again: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE journeys SET due_at = ?, woken = 0 WHERE tenant = ? AND id = ?")
            .bind(millis(again))
            .bind(tenant)
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn wake_journey(&self, tenant: &str, id: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE journeys SET due_at = ?, woken = 1 WHERE tenant = ? AND id = ?")
            .bind(millis(now))
            .bind(tenant)
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn journeys_by_ref(&self, tenant: &str, kind: &str, value: &str) -> Result<Vec<String>, StoreError> {
        let ids = sqlx::query_scalar("SELECT journey_id FROM journey_refs WHERE hash = ? AND tenant = ?")
            .bind(self.lookup(tenant, kind, value))
            .bind(tenant)
            .fetch_all(&self.readers)
            .await?;
        Ok(ids)
    }
}

impl SqliteStore {
    fn seal_journey(&self, journey: &Journey) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(journey).map_err(|_| StoreError::Unreadable("a journey"))?;
        Ok(self.sealer.seal(&["journey", &journey.tenant, &journey.id], &plain)?)
    }

    async fn write_refs(&self, tx: &mut SqliteConnection, journey: &Journey) -> Result<(), StoreError> {
        for hash in self.ref_hashes(journey) {
            sqlx::query("INSERT OR IGNORE INTO journey_refs (hash, tenant, journey_id) VALUES (?, ?, ?)")
                .bind(hash)
                .bind(&journey.tenant)
                .bind(&journey.id)
                .execute(&mut *tx)
                .await?;
        }
        Ok(())
    }

    fn ref_hashes(&self, journey: &Journey) -> Vec<Vec<u8>> {
        let hash = |kind: &str, value: &str| self.lookup(&journey.tenant, kind, value);
        let provider = journey.routing.provider.as_str();
        let mut hashes = Vec::new();
        for attempt in &journey.attempts {
            hashes.push(hash("attempt", &attempt.id));
            hashes.push(hash("token", &attempt.webhook_token));
            hashes.extend(attempt.provider_ref.iter().map(|value| hash(provider, value)));
        }
        for consent in &journey.consents {
            hashes.extend(consent.handle.iter().chain(&consent.provider_ref).map(|value| hash(provider, value)));
        }
        hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journey::testing, seal::Keys, store::Storage};

    async fn open(dir: &std::path::Path) -> SqliteStore {
        SqliteStore::open(&dir.join("sangam.db"), &Keys::new(&[1; 32])).await.unwrap()
    }

    #[tokio::test]
    async fn a_tree_survives_a_restart_and_is_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(5).unwrap();
        let journey = testing::journey();
        let store = open(dir.path()).await;
        store.insert_journey(&journey, Some(now), now).await.unwrap();
        assert_eq!(store.journeys_by_ref("default", "test", "handle-1").await.unwrap(), ["jrn_1"]);
        assert!(store.journeys_by_ref("other", "test", "handle-1").await.unwrap().is_empty());
        store.close().await;
        let store = open(dir.path()).await;
        assert_eq!(store.journey("default", "jrn_1").await.unwrap().unwrap().journey, journey);
        assert!(store.journey("other", "jrn_1").await.unwrap().is_none());
        store.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for secret in [&b"9000000001"[..], b"handle-1"] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret));
            }
        }
    }

    #[tokio::test]
    async fn the_later_of_two_writers_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(5).unwrap();
        let store = open(dir.path()).await;
        let mut journey = testing::journey();
        store.insert_journey(&journey, None, now).await.unwrap();
        journey.sequence = 2;
        assert!(store.save_journey(&journey, 1, Some(now), now).await.unwrap());
        assert!(!store.save_journey(&journey, 1, Some(now), now).await.unwrap());
        assert_eq!(store.due_journeys(now, 10).await.unwrap().len(), 1);
        assert_eq!(store.next_due().await.unwrap(), Some(now));
    }

    #[tokio::test]
    async fn a_wake_during_a_look_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let store = open(dir.path()).await;
        let journey = testing::journey();
        store.insert_journey(&journey, Some(at(1)), at(1)).await.unwrap();
        store.claim_journey("default", "jrn_1", at(100)).await.unwrap();
        assert!(store.due_journeys(at(2), 10).await.unwrap().is_empty());
        store.wake_journey("default", "jrn_1", at(2)).await.unwrap();
        // The look ends and would sleep for long.
        assert!(store.save_journey(&journey, 1, Some(at(3_600)), at(3)).await.unwrap());
        assert_eq!(store.due_journeys(at(3), 10).await.unwrap().len(), 1);
        store.claim_journey("default", "jrn_1", at(100)).await.unwrap();
        assert!(store.save_journey(&journey, 2, Some(at(3_600)), at(4)).await.unwrap());
        assert_eq!(store.next_due().await.unwrap(), Some(at(3_600)));
    }

    #[tokio::test]
    async fn another_key_is_refused_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).await.close().await;
        let other = SqliteStore::open(&dir.path().join("sangam.db"), &Keys::new(&[2; 32])).await;
        assert!(matches!(other, Err(StoreError::Unreadable(_))));
    }

    #[tokio::test]
    async fn every_commit_is_synced() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
