//! The normalised rows of fetches.

use sangam::{data::Provenance, store::KeptSnapshot};

use super::{Kit, at, on_every_store};

on_every_store!(a_snapshot_lives_until_its_purge_date, rows_are_nowhere_in_clear);

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
