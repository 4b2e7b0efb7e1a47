//! Request ids of writes, so that a repeated one is answered and never done twice.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{REQUEST_LIFE, SqliteStore, millis};
use crate::store::{Begun, RequestStore, StoreError};

#[async_trait]
impl RequestStore for SqliteStore {
    async fn begin_request(
        &self,
        tenant: &str,
        request_id: &str,
        body_hash: &[u8],
        journey_id: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let hash = self.lookup(tenant, "request", request_id);
        let oldest = now.checked_sub(REQUEST_LIFE).unwrap_or(Timestamp::MIN);
        let mut tx = self.writer.begin().await?;
        sqlx::query("DELETE FROM requests WHERE created_at < ?").bind(millis(oldest)).execute(&mut *tx).await?;
        let row = sqlx::query("SELECT body_hash, journey_id, sealed FROM requests WHERE hash = ?")
            .bind(&hash)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = row {
            let sealed: Option<Vec<u8>> = row.get("sealed");
            return Ok(match sealed {
                _ if row.get::<Vec<u8>, _>("body_hash") != self.body_hash(body_hash) => Begun::Reused,
                Some(sealed) => Begun::Answered(self.sealer.open(&["request", tenant, request_id], &sealed)?),
                None => Begun::InFlight(row.get("journey_id")),
            });
        }
        sqlx::query("INSERT INTO requests (hash, tenant, body_hash, journey_id, created_at) VALUES (?, ?, ?, ?, ?)")
            .bind(&hash)
            .bind(tenant)
            .bind(self.body_hash(body_hash))
            .bind(journey_id)
            .bind(millis(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Begun::New)
    }

    async fn finish_request(&self, tenant: &str, request_id: &str, answer: &[u8]) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&["request", tenant, request_id], answer)?;
        sqlx::query("UPDATE requests SET sealed = ? WHERE hash = ?")
            .bind(sealed)
            .bind(self.lookup(tenant, "request", request_id))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    async fn free_request(&self, tenant: &str, request_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM requests WHERE hash = ? AND sealed IS NULL")
            .bind(self.lookup(tenant, "request", request_id))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

impl SqliteStore {
    /// The body is hashed under the store's key as well, so that the table tells nothing about it.
    fn body_hash(&self, body: &[u8]) -> Vec<u8> {
        self.hash.digest([b"body".as_slice(), body]).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Keys;

    #[tokio::test]
    async fn the_life_of_a_request_id() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("s.db"), &Keys::new(&[1; 32])).await.unwrap();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let begin = |body: &'static [u8], now| store.begin_request("t", "r1", body, "jrn_1", now);
        assert_eq!(begin(b"a", now).await.unwrap(), Begun::New);
        assert_eq!(begin(b"a", now).await.unwrap(), Begun::InFlight("jrn_1".to_owned()));
        assert_eq!(begin(b"b", now).await.unwrap(), Begun::Reused);
        store.finish_request("t", "r1", b"answer").await.unwrap();
        assert_eq!(begin(b"a", now).await.unwrap(), Begun::Answered(b"answer".to_vec()));
        assert_eq!(begin(b"b", now).await.unwrap(), Begun::Reused);
        // An answered id is not freed.
        store.free_request("t", "r1").await.unwrap();
        assert!(matches!(begin(b"a", now).await.unwrap(), Begun::Answered(_)));
        // Another tenant's id is another id.
        assert_eq!(store.begin_request("u", "r1", b"a", "jrn_2", now).await.unwrap(), Begun::New);
        store.free_request("u", "r1").await.unwrap();
        assert_eq!(store.begin_request("u", "r1", b"b", "jrn_2", now).await.unwrap(), Begun::New);
        let later = now.checked_add(REQUEST_LIFE).unwrap().checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
        assert_eq!(begin(b"b", later).await.unwrap(), Begun::New);
    }
}
