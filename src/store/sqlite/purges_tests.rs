use super::*;
use crate::{
    data::Provenance,
    seal::Keys,
    store::{DocumentStore, KeptDocument, KeptEvidence, KeptSnapshot, Serving, SnapshotStore, Storage},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn caller() -> Purging {
    Purging { reason: PurgeReason::Caller, at: at(9), receipt_until: at(1_000) }
}

fn snapshot() -> KeptSnapshot {
    KeptSnapshot { rows: b"rows".to_vec(), provenance: Provenance::read_now("call", at(7)) }
}

fn document() -> KeptDocument {
    let provenance = Provenance::read_now("call", at(7));
    KeptDocument { bytes: b"document".to_vec(), media_type: "application/json".to_owned(), provenance }
}

fn body() -> KeptEvidence {
    KeptEvidence {
        bytes: bytes::Bytes::from_static(b"{}"),
        media_type: "application/json".to_owned(),
        endpoint: "call".to_owned(),
        received_at: at(7),
    }
}

async fn open(dir: &std::path::Path) -> SqliteStore {
    SqliteStore::open(&dir.join("s.db"), Serving::Beside, false, &Keys::new(&[1; 32])).await.unwrap()
}

async fn keep(store: &SqliteStore, fetch_id: &str, end: i64) -> bool {
    let kept = store.put_snapshot("t", fetch_id, "jrn_1", at(end), &snapshot(), Some(&body())).await.unwrap();
    store.put_document("t", fetch_id, "JSON", at(end), &document()).await.unwrap();
    kept
}

async fn wrapped_keys(store: &SqliteStore) -> Vec<Vec<u8>> {
    sqlx::query_scalar("SELECT wrapped FROM item_keys").fetch_all(&store.readers).await.unwrap()
}

#[tokio::test]
async fn a_copy_of_a_row_is_worth_nothing_without_its_key_and_the_key_is_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    keep(&store, "fch_1", 100).await;
    let keys = wrapped_keys(&store).await;
    assert_eq!(keys.len(), 3);
    // A backup of the tables with data in them.
    let copy = "CREATE TABLE copy AS SELECT * FROM snapshots";
    store.writer.execute(sqlx::query(copy)).await.unwrap();
    store.drop_fetch("t", "jrn_1", "fch_1", caller()).await.unwrap();
    store.writer.execute(sqlx::query("INSERT INTO snapshots SELECT * FROM copy")).await.unwrap();
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM snapshots").fetch_one(&store.readers).await.unwrap();
    assert!(store.vault.sealer.open(&["snapshot", "t", "fch_1"], &sealed).is_err(), "the store's key alone opens nothing");
    store.close().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for key in &keys {
            assert!(!bytes.windows(key.len()).any(|window| window == key), "a destroyed key lies in a file");
        }
    }
}

#[tokio::test]
async fn a_row_from_before_items_had_keys_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    keep(&store, "fch_1", 100).await;
    let sealed = store.vault.sealer.seal(&["snapshot", "t", "fch_1"], b"old").unwrap();
    store.writer.execute(sqlx::query("UPDATE snapshots SET sealed = ?").bind(sealed)).await.unwrap();
    store.writer.execute(sqlx::query("DELETE FROM item_keys")).await.unwrap();
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap().unwrap().rows, b"old");
}
