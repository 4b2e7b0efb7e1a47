//! The normalised rows of fetches.

use sangam::{
    data::Provenance,
    store::{KeptDocument, KeptEvidence, KeptSnapshot},
};

use super::{Kit, at, on_every_store};

on_every_store!(
    a_snapshot_lives_until_its_purge_date,
    rows_are_nowhere_in_clear,
    an_earlier_end_moves_all_that_is_kept_of_a_fetch,
);

fn kept(rows: &[u8]) -> KeptSnapshot {
    KeptSnapshot { rows: rows.to_vec(), provenance: Provenance::read_now("call", at(7)) }
}

async fn a_snapshot_lives_until_its_purge_date(kit: &Kit) {
    let store = &kit.store;
    store.put_snapshot("t", "fch_1", "jrn_1", at(100), &kept(b"rows"), None).await.unwrap();
    store.put_snapshot("t", "fch_1", "jrn_1", at(100), &kept(b"other"), None).await.unwrap();
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), Some(kept(b"rows")));
    assert!(store.snapshot("u", "fch_1").await.unwrap().is_none());
    assert_eq!(store.purge(at(99), &|_| at(1_000)).await.unwrap(), 0);
    assert_eq!(store.purge(at(100), &|_| at(1_000)).await.unwrap(), 1);
    assert!(store.snapshot("t", "fch_1").await.unwrap().is_none());
}

async fn rows_are_nowhere_in_clear(kit: &Kit) {
    kit.store.put_snapshot("t", "fch_1", "jrn_1", at(100), &kept(b"marker"), None).await.unwrap();
    assert!(kit.shows("fch_1").await, "the search finds nothing at all");
    assert!(!kit.shows("marker").await);
}

async fn an_earlier_end_moves_all_that_is_kept_of_a_fetch(kit: &Kit) {
    let store = &kit.store;
    let body = KeptEvidence {
        bytes: bytes::Bytes::from_static(b"{}"),
        media_type: "application/json".to_owned(),
        endpoint: "call".to_owned(),
        received_at: at(7),
    };
    let provenance = Provenance::read_now("call", at(7));
    let document = KeptDocument { bytes: b"document".to_vec(), media_type: "application/json".to_owned(), provenance };
    for (tenant, fetch_id) in [("t", "fch_1"), ("t", "fch_2"), ("u", "fch_1")] {
        store.put_snapshot(tenant, fetch_id, "jrn_1", at(100), &kept(b"rows"), Some(&body)).await.unwrap();
        store.put_document(tenant, fetch_id, "JSON", at(100), &document).await.unwrap();
    }
    store.shorten("t", "fch_1", at(50)).await.unwrap();
    // A later date, and a fetch of which nothing is kept, change nothing.
    store.shorten("t", "fch_1", at(80)).await.unwrap();
    store.shorten("t", "fch_3", at(1)).await.unwrap();
    assert_eq!(store.evidence("t", "fch_1").await.unwrap().unwrap().purge_at, at(50));
    assert_eq!(store.purge(at(49), &|_| at(1_000)).await.unwrap(), 0);
    assert_eq!(store.purge(at(50), &|_| at(1_000)).await.unwrap(), 3);
    assert!(store.snapshot("t", "fch_1").await.unwrap().is_none());
    assert!(store.snapshot("t", "fch_2").await.unwrap().is_some() && store.snapshot("u", "fch_1").await.unwrap().is_some());
}
