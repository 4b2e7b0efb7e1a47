//! Evidence: what a snapshot was made from, as the provider sent it, sealed, as long as the snapshot.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};

use super::{SqliteStore, instant, millis};
use crate::store::{
    EvidenceStore, KeptEvidence, Outdated, RetainedFetch, StoreError,
    items::{EVIDENCE, Item, SealedItem},
};

#[async_trait]
impl EvidenceStore for SqliteStore {
    async fn evidence(&self, tenant: &str, fetch_id: &str) -> Result<Option<RetainedFetch>, StoreError> {
        let row = sqlx::query(
            "SELECT e.media_type, e.endpoint, e.received_at, e.sha256, e.purge_at, e.sealed, s.normaliser_version, k.wrapped
             FROM evidence e JOIN snapshots s ON s.tenant = e.tenant AND s.fetch_id = e.fetch_id
             LEFT JOIN item_keys k ON k.tenant = e.tenant AND k.fetch_id = e.fetch_id AND k.kind = 'evidence'
             WHERE e.tenant = ? AND e.fetch_id = ?",
        )
        .bind(tenant)
        .bind(fetch_id)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let facts = Facts {
            media_type: row.get("media_type"),
            endpoint: row.get("endpoint"),
            received_at: row.get("received_at"),
            sha256: row.get("sha256"),
        };
        let place = facts.place(tenant, fetch_id);
        let item = Item { kind: EVIDENCE, tenant, fetch_id, part: "" };
        let place = place.each_ref().map(String::as_str);
        let Some(bytes) = item.open(&self.sealer, &place, row.get("sealed"), row.get("wrapped"))? else { return Ok(None) };
        Ok(Some(RetainedFetch {
            evidence: KeptEvidence {
                bytes: bytes.into(),
                media_type: facts.media_type.to_owned(),
                endpoint: facts.endpoint.to_owned(),
                received_at: instant(facts.received_at)?,
            },
            normaliser_version: row.get("normaliser_version"),
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
             WHERE s.tenant = ?1 AND s.normaliser_version < ?2 AND s.purge_at > ?3 AND (?4 IS NULL OR s.journey_id = ?4)
             ORDER BY s.journey_id, s.fetch_id",
        )
        .bind(tenant)
        .bind(version)
        .bind(millis(now))
        .bind(journey_id)
        .fetch_all(&self.readers)
        .await?;
        let outdated = |row: &sqlx::sqlite::SqliteRow| Outdated {
            journey_id: row.get("journey_id"),
            fetch_id: row.get("fetch_id"),
            normaliser_version: row.get("normaliser_version"),
        };
        Ok(rows.iter().map(outdated).collect())
    }
}

impl SqliteStore {
    /// Keeps a body within the transaction that keeps its snapshot.
    pub(super) async fn put_evidence(
        &self,
        tx: &mut SqliteConnection,
        tenant: &str,
        fetch_id: &str,
        journey_id: &str,
        purge_at: Timestamp,
        evidence: &KeptEvidence,
    ) -> Result<(), StoreError> {
        let sha256 = evidence.sha256();
        let received_at = millis(evidence.received_at);
        let facts = Facts { media_type: &evidence.media_type, endpoint: &evidence.endpoint, received_at, sha256: &sha256 };
        let item = Item { kind: EVIDENCE, tenant, fetch_id, part: "" };
        let place = facts.place(tenant, fetch_id);
        let SealedItem { sealed, wrapped } = item.seal(&self.sealer, &place.each_ref().map(String::as_str), &evidence.bytes)?;
        sqlx::query(
            "INSERT OR REPLACE INTO evidence
             (tenant, fetch_id, journey_id, media_type, endpoint, received_at, sha256, purge_at, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(tenant)
        .bind(fetch_id)
        .bind(journey_id)
        .bind(&evidence.media_type)
        .bind(&evidence.endpoint)
        .bind(received_at)
        .bind(&sha256[..])
        .bind(millis(purge_at))
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        self.write_key(tx, item, &wrapped).await
    }
}

/// What stands in clear beside a sealed body.
struct Facts<'a> {
    media_type: &'a str,
    endpoint: &'a str,
    received_at: i64,
    sha256: &'a [u8],
}

impl Facts<'_> {
    /// The place of the seal: a fact that was changed opens nothing.
    fn place(&self, tenant: &str, fetch_id: &str) -> [String; 7] {
        let sha256 = self.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let own = |text: &str| text.to_owned();
        [
            own("evidence"),
            own(tenant),
            own(fetch_id),
            own(self.media_type),
            own(self.endpoint),
            self.received_at.to_string(),
            sha256,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{NORMALISER_VERSION, Provenance},
        pb::PurgeReason,
        seal::Keys,
        store::{KeptSnapshot, PurgeStore, Purging, SnapshotStore, Storage},
    };

    const END: i64 = 100;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn now() -> Purging {
        Purging { reason: PurgeReason::Caller, at: at(9), receipt_until: at(2 * END) }
    }

    fn body() -> KeptEvidence {
        KeptEvidence {
            bytes: bytes::Bytes::from_static(b"{\"narration\":\"marker\"}"),
            media_type: "application/json".to_owned(),
            endpoint: "call".to_owned(),
            received_at: at(7),
        }
    }

    fn rows(version: u32) -> KeptSnapshot {
        KeptSnapshot {
            rows: b"rows".to_vec(),
            provenance: Provenance { normaliser_version: version, ..Provenance::read_now("call", at(7)) },
        }
    }

    async fn store(dir: &std::path::Path) -> SqliteStore {
        let store = SqliteStore::open(&dir.join("s.db"), &Keys::new(&[1; 32])).await.unwrap();
        store.put_snapshot("t", "fch_1", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_body_is_kept_beside_its_snapshot_and_is_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).await;
        let other = KeptEvidence { bytes: bytes::Bytes::from_static(b"other"), ..body() };
        store.put_snapshot("t", "fch_1", "jrn_1", at(END), &rows(0), Some(&other)).await.unwrap();
        let kept = RetainedFetch { evidence: body(), normaliser_version: 0, purge_at: at(END) };
        assert_eq!(store.evidence("t", "fch_1").await.unwrap(), Some(kept));
        assert_eq!(store.evidence("u", "fch_1").await.unwrap(), None);
        store.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"marker"));
        }
    }

    #[tokio::test]
    async fn it_goes_with_its_fetch_and_on_its_date() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).await;
        store.drop_fetch("t", "jrn_1", "fch_2", now()).await.unwrap();
        assert_eq!(store.purge(at(END - 1), at(END)).await.unwrap(), 0);
        assert!(store.evidence("t", "fch_1").await.unwrap().is_some());
        store.drop_fetch("t", "jrn_1", "fch_1", now()).await.unwrap();
        assert_eq!(store.evidence("t", "fch_1").await.unwrap(), None);
        store.put_snapshot("t", "fch_3", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
        assert_eq!(store.purge(at(END), at(2 * END)).await.unwrap(), 2);
        assert_eq!(store.evidence("t", "fch_3").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_stands_beside_it_cannot_be_changed() {
        for change in ["media_type = 'text/html'", "endpoint = 'x'", "received_at = 8", "sha256 = x'00'", "fetch_id = 'fch_2'"] {
            let dir = tempfile::tempdir().unwrap();
            let store = store(dir.path()).await;
            let moved = change.starts_with("fetch_id");
            let mut tx = store.writer.begin().await.unwrap();
            for table in if moved { &["evidence", "snapshots", "item_keys"][..] } else { &["evidence"] } {
                let update = format!("UPDATE {table} SET {change}");
                sqlx::query(sqlx::AssertSqlSafe(update)).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
            let id = if moved { "fch_2" } else { "fch_1" };
            assert!(matches!(store.evidence("t", id).await, Err(StoreError::Unreadable(_))), "{change}");
        }
    }

    #[tokio::test]
    async fn only_what_is_older_and_retained_and_alive_is_outdated() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).await;
        store.put_snapshot("t", "fch_2", "jrn_1", at(END), &rows(NORMALISER_VERSION), Some(&body())).await.unwrap();
        store.put_snapshot("t", "fch_3", "jrn_1", at(END), &rows(0), None).await.unwrap();
        store.put_snapshot("u", "fch_4", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
        let outdated = |journey_id, now| store.outdated("t", journey_id, NORMALISER_VERSION, now);
        let first = Outdated { journey_id: "jrn_1".to_owned(), fetch_id: "fch_1".to_owned(), normaliser_version: 0 };
        let found = std::slice::from_ref(&first);
        assert_eq!(outdated(None, at(1)).await.unwrap(), found);
        assert_eq!(outdated(Some("jrn_1"), at(1)).await.unwrap(), found);
        assert_eq!(outdated(Some("jrn_2"), at(1)).await.unwrap(), []);
        assert_eq!(outdated(None, at(END)).await.unwrap(), []);
        assert!(store.replace_rows("t", &first, NORMALISER_VERSION, b"new").await.unwrap());
        assert!(!store.replace_rows("t", &first, NORMALISER_VERSION, b"late").await.unwrap());
        assert_eq!(outdated(None, at(1)).await.unwrap(), []);
        let kept = store.snapshot("t", "fch_1").await.unwrap().unwrap();
        assert_eq!((kept.rows.as_slice(), kept.provenance.normaliser_version), (&b"new"[..], NORMALISER_VERSION));
        // What was dropped meanwhile stays away.
        store.drop_fetch("t", "jrn_1", "fch_1", now()).await.unwrap();
        assert!(!store.replace_rows("t", &first, NORMALISER_VERSION, b"late").await.unwrap());
        assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    }
}
