use super::*;
use crate::{
    data::Provenance,
    journey::testing,
    pb::KeptKind,
    seal::Keys,
    store::{DocumentStore, JourneyStore, KeptDocument, KeptEvidence, KeptSnapshot, RequestStore, SnapshotStore, Storage},
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
    SqliteStore::open(&dir.join("s.db"), &Keys::new(&[1; 32])).await.unwrap()
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
async fn a_purged_fetch_leaves_a_receipt_and_never_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert!(keep(&store, "fch_1", 100).await && keep(&store, "fch_2", 100).await);
    let receipt = store.drop_fetch("t", "jrn_1", "fch_1", caller()).await.unwrap();
    assert_eq!((receipt.snapshots, receipt.evidence, receipt.documents), (1, 1, 1));
    assert_eq!(store.drop_fetch("t", "jrn_1", "fch_1", caller()).await.unwrap(), receipt, "again");
    assert_eq!(store.receipts("t", Some("jrn_1")).await.unwrap(), [receipt]);
    assert_eq!(store.receipts("u", None).await.unwrap(), []);
    assert!(!keep(&store, "fch_1", 100).await, "a pick-up that was under way");
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    assert_eq!(store.document("t", "fch_1", "JSON").await.unwrap(), None);
    assert_eq!(store.snapshot("t", "fch_2").await.unwrap(), Some(snapshot()));
    assert_eq!(wrapped_keys(&store).await.len(), 3, "those of the other fetch");
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
    sqlx::query(copy).execute(&store.writer).await.unwrap();
    store.drop_fetch("t", "jrn_1", "fch_1", caller()).await.unwrap();
    sqlx::query("INSERT INTO snapshots SELECT * FROM copy").execute(&store.writer).await.unwrap();
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM snapshots").fetch_one(&store.readers).await.unwrap();
    assert!(store.sealer.open(&["snapshot", "t", "fch_1"], &sealed).is_err(), "the store's key alone opens nothing");
    store.close().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for key in &keys {
            assert!(!bytes.windows(key.len()).any(|window| window == key), "a destroyed key lies in a file");
        }
    }
}

#[tokio::test]
async fn everything_has_a_date_and_is_overdue_after_it_until_it_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut journey = testing::journey();
    journey.tenant = "t".to_owned();
    journey.purge_at = Some(at(200));
    store.insert_journey(&journey, None, at(1)).await.unwrap();
    store.begin_request("t", "r", b"body", "jrn_1", at(1)).await.unwrap();
    keep(&store, "fch_1", 100).await;
    let kinds = |overdue: Overdue| {
        assert_eq!(overdue.total, overdue.items.len() as u64);
        overdue.items.into_iter().map(|item| item.kind).collect::<Vec<_>>()
    };
    use KeptKind::{Document, Evidence, Journey, Request, Snapshot};
    assert_eq!(kinds(store.overdue("t", at(160)).await.unwrap()), []);
    let mut late = kinds(store.overdue("t", at(161)).await.unwrap());
    late.sort();
    assert_eq!(late, [Snapshot, Evidence, Document]);
    let last = at(1) + REQUEST_LIFE + GRACE + GRACE;
    let mut late = kinds(store.overdue("t", last).await.unwrap());
    late.sort();
    assert_eq!(late, [Snapshot, Evidence, Document, Journey, Request]);
    assert_eq!(store.overdue("u", last).await.unwrap(), Overdue::default());

    assert_eq!(store.purge(at(100), Timestamp::MAX).await.unwrap(), 3);
    assert_eq!(kinds(store.overdue("t", at(170)).await.unwrap()), []);
    store.purge(last, last + GRACE).await.unwrap();
    assert!(store.journey("t", "jrn_1").await.unwrap().is_none());
    assert!(store.journeys_by_ref("t", "test", "handle-1").await.unwrap().is_empty());
    let receipts = store.receipts("t", Some("jrn_1")).await.unwrap();
    let reasons: Vec<_> = receipts.iter().map(|receipt| (receipt.reason, receipt.fetch_id.as_str())).collect();
    assert_eq!(reasons, [(PurgeReason::DataLife, "fch_1"), (PurgeReason::JourneyLife, "")]);
    // The younger receipt was to be kept for a short time only.
    let last = last + GRACE + GRACE + GRACE;
    assert_eq!(kinds(store.overdue("t", last).await.unwrap()), [KeptKind::Receipt]);
    store.purge(last, Timestamp::MAX).await.unwrap();
    assert_eq!(store.overdue("t", last).await.unwrap(), Overdue::default());
}

#[tokio::test]
async fn a_row_from_before_items_had_keys_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    keep(&store, "fch_1", 100).await;
    let sealed = store.sealer.seal(&["snapshot", "t", "fch_1"], b"old").unwrap();
    sqlx::query("UPDATE snapshots SET sealed = ?").bind(sealed).execute(&store.writer).await.unwrap();
    sqlx::query("DELETE FROM item_keys").execute(&store.writer).await.unwrap();
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap().unwrap().rows, b"old");
}
