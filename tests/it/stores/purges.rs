//! The end of what is kept.

use jiff::{SignedDuration, Timestamp};
use sangam::{
    data::Provenance,
    pb::{KeptKind, PurgeReason},
    store::{KeptDocument, KeptEvidence, KeptIncrement, KeptSnapshot, Overdue, REQUEST_LIFE, Store},
};

use super::{Kit, at, on_every_store, purging, testing};

on_every_store!(
    a_purged_fetch_leaves_a_receipt_and_never_comes_back,
    a_removal_beside_a_pick_up_wins_whichever_comes_first,
    a_copy_of_a_row_is_worth_nothing_without_its_key,
    everything_has_a_date_and_is_overdue_after_it_until_it_is_swept,
);

/// How late something may be removed before it is listed, and as much again.
const LATE: SignedDuration = SignedDuration::from_mins(2);

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

async fn keep(store: &Store, fetch_id: &str, end: i64) -> bool {
    let kept = store.put_snapshot("t", fetch_id, "jrn_1", at(end), &snapshot(), Some(&body())).await.unwrap();
    store.put_document("t", fetch_id, "JSON", at(end), &document()).await.unwrap();
    kept
}

async fn a_purged_fetch_leaves_a_receipt_and_never_comes_back(kit: &Kit) {
    let store = &kit.store;
    assert!(keep(store, "fch_1", 100).await && keep(store, "fch_2", 100).await);
    let receipt = store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap();
    assert_eq!((receipt.snapshots, receipt.evidence, receipt.documents), (1, 1, 1));
    assert_eq!(store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap(), receipt, "again");
    assert_eq!(store.receipts("t", Some("jrn_1")).await.unwrap(), [receipt]);
    assert_eq!(store.receipts("t", Some("jrn_2")).await.unwrap(), []);
    assert_eq!(store.receipts("u", None).await.unwrap(), []);
    assert!(!keep(store, "fch_1", 100).await, "a pick-up that was under way");
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    assert_eq!(store.document("t", "fch_1", "JSON").await.unwrap(), None);
    assert_eq!(store.snapshot("t", "fch_2").await.unwrap(), Some(snapshot()));
}

async fn a_removal_beside_a_pick_up_wins_whichever_comes_first(kit: &Kit) {
    let store = &kit.store;
    for round in 0..20 {
        let fetch_id = format!("fch_{round}");
        let (_, dropped) = tokio::join!(keep(store, &fetch_id, 100), store.drop_fetch("t", "jrn_1", &fetch_id, purging()));
        dropped.unwrap();
        assert_eq!(store.snapshot("t", &fetch_id).await.unwrap(), None, "{round}");
        assert_eq!(store.document("t", &fetch_id, "JSON").await.unwrap(), None, "{round}");
    }
}

async fn a_copy_of_a_row_is_worth_nothing_without_its_key(kit: &Kit) {
    let store = &kit.store;
    keep(store, "fch_1", 100).await;
    for table in ["snapshots", "evidence", "documents"] {
        kit.execute(format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}")).await;
    }
    store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap();
    for table in ["snapshots", "evidence", "documents"] {
        kit.execute(format!("INSERT INTO {table} SELECT * FROM copy_of_{table}")).await;
    }
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
    assert_eq!(store.evidence("t", "fch_1").await.unwrap(), None);
    assert_eq!(store.document("t", "fch_1", "JSON").await.unwrap(), None);
}

/// What is overdue, sorted.
async fn late(store: &Store, tenant: &str, now: Timestamp) -> Vec<KeptKind> {
    let Overdue { items, total } = store.overdue(tenant, now).await.unwrap();
    assert_eq!(total, items.len() as u64);
    let mut kinds: Vec<_> = items.into_iter().map(|item| item.kind).collect();
    kinds.sort();
    kinds
}

async fn everything_has_a_date_and_is_overdue_after_it_until_it_is_swept(kit: &Kit) {
    use KeptKind::{Document, Evidence, Increment, Journey, Receipt, Request, Snapshot};
    let store = &kit.store;
    let mut journey = testing::journey();
    journey.tenant = "t".to_owned();
    journey.purge_at = Some(at(200));
    store.insert_journey(&journey, None, at(1)).await.unwrap();
    store.begin_request("t", "r", b"body", "jrn_1", at(1)).await.unwrap();
    keep(store, "fch_1", 100).await;
    let increment = KeptIncrement {
        journey_id: "jrn_1".to_owned(),
        consent_id: "cns_1".to_owned(),
        body: None,
        endpoint: "call".to_owned(),
        received_at: at(7),
        purge_at: at(100),
    };
    store.put_increment("t", "r", &increment).await.unwrap();
    assert_eq!(late(store, "t", at(160)).await, []);
    assert_eq!(late(store, "t", at(161)).await, [Snapshot, Evidence, Document, Increment]);
    let last = at(1) + REQUEST_LIFE + LATE;
    assert_eq!(late(store, "t", last).await, [Snapshot, Evidence, Document, Journey, Request, Increment]);
    assert_eq!(late(store, "u", last).await, []);

    assert_eq!(store.purge(at(100), &move |_| last + LATE).await.unwrap(), 4);
    assert_eq!(late(store, "t", at(170)).await, []);
    store.purge(last, &move |_| last + LATE).await.unwrap();
    assert!(store.journey("t", "jrn_1").await.unwrap().is_none());
    assert!(store.journeys_by_ref("t", "test", "handle-1").await.unwrap().is_empty());
    let receipts = store.receipts("t", Some("jrn_1")).await.unwrap();
    let reasons: Vec<_> = receipts.iter().map(|receipt| (receipt.reason, receipt.fetch_id.as_str())).collect();
    assert_eq!(reasons, [(PurgeReason::DataLife, "fch_1"), (PurgeReason::JourneyLife, "")]);
    let last = last + LATE + LATE;
    assert_eq!(late(store, "t", last).await, [Receipt, Receipt]);
    store.purge(last, &move |_| last + LATE).await.unwrap();
    assert_eq!(late(store, "t", last).await, []);
}
