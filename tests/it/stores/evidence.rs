//! What snapshots were made from.

use sangam::{
    data::{NORMALISER_VERSION, Provenance},
    store::{KeptEvidence, KeptSnapshot, Outdated, RetainedFetch, Store, StoreError},
};

use super::{Kit, at, on_every_store, purging};

on_every_store!(
    a_body_is_kept_beside_its_snapshot_and_is_nowhere_in_clear,
    it_goes_with_its_fetch_and_on_its_date,
    what_stands_beside_it_cannot_be_changed,
    only_what_is_older_and_retained_and_alive_is_outdated,
);

const END: i64 = 100;

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

/// A store that keeps a fetch with its body.
async fn store(kit: &Kit) -> &Store {
    kit.store.put_snapshot("t", "fch_1", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
    &kit.store
}

async fn a_body_is_kept_beside_its_snapshot_and_is_nowhere_in_clear(kit: &Kit) {
    let store = store(kit).await;
    let other = KeptEvidence { bytes: bytes::Bytes::from_static(b"other"), ..body() };
    store.put_snapshot("t", "fch_1", "jrn_1", at(END), &rows(0), Some(&other)).await.unwrap();
    let kept = RetainedFetch { evidence: body(), normaliser_version: 0, purge_at: at(END) };
    assert_eq!(store.evidence("t", "fch_1").await.unwrap(), Some(kept));
    assert_eq!(store.evidence("u", "fch_1").await.unwrap(), None);
    assert!(!kit.shows("marker").await);
}

async fn it_goes_with_its_fetch_and_on_its_date(kit: &Kit) {
    let store = store(kit).await;
    store.drop_fetch("t", "jrn_1", "fch_2", purging()).await.unwrap();
    assert_eq!(store.purge(at(END - 1), &|_| at(1_000)).await.unwrap(), 0);
    assert!(store.evidence("t", "fch_1").await.unwrap().is_some());
    store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap();
    assert_eq!(store.evidence("t", "fch_1").await.unwrap(), None);
    store.put_snapshot("t", "fch_3", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
    assert_eq!(store.purge(at(END), &|_| at(1_000)).await.unwrap(), 2);
    assert_eq!(store.evidence("t", "fch_3").await.unwrap(), None);
}

async fn what_stands_beside_it_cannot_be_changed(kit: &Kit) {
    let store = store(kit).await;
    let sha256 = format!("sha256 = {}", kit.bytes("00"));
    for change in ["media_type = 'text/html'", "endpoint = 'x'", "received_at = 8", &sha256, "fetch_id = 'fch_2'"] {
        let moved = change.starts_with("fetch_id");
        for table in if moved { &["evidence", "snapshots", "item_keys"][..] } else { &["evidence"] } {
            kit.execute(format!("UPDATE {table} SET {change}")).await;
        }
        let id = if moved { "fch_2" } else { "fch_1" };
        assert!(matches!(store.evidence("t", id).await, Err(StoreError::Unreadable(_))), "{change}");
        store.drop_fetch("t", "jrn_1", id, purging()).await.unwrap();
        // Nothing is ever kept again of a fetch with a receipt.
        kit.execute("DELETE FROM receipts".to_owned()).await;
        store.put_snapshot("t", "fch_1", "jrn_1", at(END), &rows(0), Some(&body())).await.unwrap();
    }
}

async fn only_what_is_older_and_retained_and_alive_is_outdated(kit: &Kit) {
    let store = store(kit).await;
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
    store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap();
    assert!(!store.replace_rows("t", &first, NORMALISER_VERSION, b"late").await.unwrap());
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), None);
}
