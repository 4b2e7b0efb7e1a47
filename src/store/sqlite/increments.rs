//! What a provider called the latest data of a consent, sealed, until its data's end.

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row;

use super::{SqliteStore, instant, millis};
use crate::store::{
    IncrementStore, KeptIncrement, StoreError,
    items::{INCREMENT, Item, SealedItem},
};

#[async_trait]
impl IncrementStore for SqliteStore {
    async fn put_increment(&self, tenant: &str, request_id: &str, increment: &KeptIncrement) -> Result<(), StoreError> {
        let facts = Facts {
            journey_id: &increment.journey_id,
            consent_id: &increment.consent_id,
            endpoint: &increment.endpoint,
            received_at: millis(increment.received_at),
        };
        let body = increment.body.as_deref().unwrap_or_default();
        let received_at = facts.received_at.to_string();
        let hash = self.lookup(tenant, "increment", request_id);
        let part = hex(&hash);
        let item = Item { kind: INCREMENT, tenant, fetch_id: facts.consent_id, part: &part };
        let SealedItem { sealed, wrapped } = item.seal(&self.sealer, &facts.place(tenant, request_id, &received_at), body)?;
        let mut tx = self.writer.begin().await?;
        let done = sqlx::query(
            "INSERT INTO increments (hash, tenant, journey_id, consent_id, endpoint, received_at, purge_at, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&hash)
        .bind(tenant)
        .bind(facts.journey_id)
        .bind(facts.consent_id)
        .bind(facts.endpoint)
        .bind(facts.received_at)
        .bind(millis(increment.purge_at))
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() > 0 {
            self.write_key(&mut tx, item, &wrapped).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn increment(&self, tenant: &str, request_id: &str) -> Result<Option<KeptIncrement>, StoreError> {
        let hash = self.lookup(tenant, "increment", request_id);
        let row = sqlx::query(
            "SELECT i.journey_id, i.consent_id, i.endpoint, i.received_at, i.purge_at, i.sealed, k.wrapped FROM increments i
             LEFT JOIN item_keys k ON k.tenant = i.tenant AND k.fetch_id = i.consent_id AND k.kind = 'increment'
                 AND k.part = lower(hex(i.hash))
             WHERE i.hash = ?",
        )
        .bind(&hash)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let facts = Facts {
            journey_id: row.get("journey_id"),
            consent_id: row.get("consent_id"),
            endpoint: row.get("endpoint"),
            received_at: row.get("received_at"),
        };
        let received_at = facts.received_at.to_string();
        let part = hex(&hash);
        let item = Item { kind: INCREMENT, tenant, fetch_id: facts.consent_id, part: &part };
        let place = facts.place(tenant, request_id, &received_at);
        let Some(body) = item.open(&self.sealer, &place, row.get("sealed"), row.get("wrapped"))? else { return Ok(None) };
        let body = Bytes::from(body);
        Ok(Some(KeptIncrement {
            journey_id: facts.journey_id.to_owned(),
            consent_id: facts.consent_id.to_owned(),
            body: Some(body).filter(|body| !body.is_empty()),
            endpoint: facts.endpoint.to_owned(),
            received_at: instant(facts.received_at)?,
            purge_at: instant(row.get("purge_at"))?,
        }))
    }

    async fn drop_increments(&self, tenant: &str, consent_id: &str) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await?;
        for statement in [
            "DELETE FROM item_keys WHERE tenant = ? AND fetch_id = ? AND kind = 'increment'",
            "DELETE FROM increments WHERE tenant = ? AND consent_id = ?",
        ] {
            sqlx::query(statement).bind(tenant).bind(consent_id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in clear beside a sealed answer.
struct Facts<'a> {
    journey_id: &'a str,
    consent_id: &'a str,
    endpoint: &'a str,
    received_at: i64,
}

impl<'a> Facts<'a> {
    /// The place of the seal: a fact that was changed opens nothing.
    fn place(&self, tenant: &'a str, request_id: &'a str, received_at: &'a str) -> [&'a str; 7] {
        ["increment", tenant, request_id, self.journey_id, self.consent_id, self.endpoint, received_at]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::{seal::Keys, store::PurgeStore};

    const END: i64 = 100;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn latest(body: Option<&'static [u8]>) -> KeptIncrement {
        KeptIncrement {
            journey_id: "jrn_1".to_owned(),
            consent_id: "cns_1".to_owned(),
            body: body.map(Bytes::from_static),
            endpoint: "call".to_owned(),
            received_at: at(7),
            purge_at: at(END),
        }
    }

    async fn store(dir: &Path) -> SqliteStore {
        SqliteStore::open(&dir.join("s.db"), &Keys::new(&[1; 32])).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_given_first_stays_and_is_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).await;
        let first = latest(Some(b"{\"narration\":\"marker\"}"));
        store.put_increment("t", "r1", &first).await.unwrap();
        store.put_increment("t", "r1", &latest(None)).await.unwrap();
        store.put_increment("t", "r2", &latest(None)).await.unwrap();
        assert_eq!(store.increment("t", "r1").await.unwrap(), Some(first));
        assert_eq!(store.increment("t", "r2").await.unwrap(), Some(latest(None)));
        assert_eq!(store.increment("u", "r1").await.unwrap(), None);
        store.writer.close().await;
        store.readers.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"marker"));
        }
    }

    #[tokio::test]
    async fn it_goes_with_its_consent_and_on_its_date() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).await;
        store.put_increment("t", "r1", &latest(Some(b"[]"))).await.unwrap();
        store.drop_increments("t", "cns_2").await.unwrap();
        store.drop_increments("u", "cns_1").await.unwrap();
        assert!(store.increment("t", "r1").await.unwrap().is_some());
        store.drop_increments("t", "cns_1").await.unwrap();
        assert_eq!(store.increment("t", "r1").await.unwrap(), None);
        store.put_increment("t", "r1", &latest(None)).await.unwrap();
        assert_eq!(store.purge(at(END - 1), at(END)).await.unwrap(), 0);
        assert_eq!(store.purge(at(END), at(END)).await.unwrap(), 1);
        assert_eq!(store.increment("t", "r1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_stands_beside_it_cannot_be_changed() {
        for change in ["journey_id = 'jrn_2'", "consent_id = 'cns_2'", "endpoint = 'x'", "received_at = 8"] {
            let dir = tempfile::tempdir().unwrap();
            let store = store(dir.path()).await;
            store.put_increment("t", "r1", &latest(None)).await.unwrap();
            // The key moves with it: what fails is the seal.
            let moved = if change.starts_with("consent_id") { "UPDATE item_keys SET fetch_id = 'cns_2'; " } else { "" };
            let update = format!("{moved}UPDATE increments SET {change}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(update)).execute(&store.writer).await.unwrap();
            assert!(matches!(store.increment("t", "r1").await, Err(StoreError::Unreadable(_))), "{change}");
        }
    }
}
