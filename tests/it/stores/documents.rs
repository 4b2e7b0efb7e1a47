//! Documents of an analysis.

use sangam::{data::Provenance, store::KeptDocument};

use super::{Kit, at, on_every_store, purging};

on_every_store!(a_newer_document_takes_the_place_of_the_older, a_document_goes_with_its_fetch_and_on_its_date);

fn kept(bytes: &[u8]) -> KeptDocument {
    KeptDocument {
        bytes: bytes.to_vec(),
        media_type: "application/pdf".to_owned(),
        provenance: Provenance::read_now("call", at(7)),
    }
}

async fn a_newer_document_takes_the_place_of_the_older(kit: &Kit) {
    let store = &kit.store;
    store.put_document("t", "fch_1", "PDF", at(100), &kept(b"one")).await.unwrap();
    let newer = KeptDocument { media_type: "text/xml".to_owned(), ..kept(b"two") };
    store.put_document("t", "fch_1", "PDF", at(200), &newer).await.unwrap();
    assert_eq!(store.document("t", "fch_1", "PDF").await.unwrap(), Some(newer));
    assert_eq!(store.document("t", "fch_1", "XML").await.unwrap(), None);
    assert_eq!(store.document("u", "fch_1", "PDF").await.unwrap(), None);
    assert_eq!(store.purge(at(199), &|_| at(1_000)).await.unwrap(), 0);
    assert!(!kit.shows("two").await);
}

async fn a_document_goes_with_its_fetch_and_on_its_date(kit: &Kit) {
    let store = &kit.store;
    store.put_document("t", "fch_1", "PDF", at(100), &kept(b"one")).await.unwrap();
    store.drop_fetch("t", "jrn_1", "fch_1", purging()).await.unwrap();
    assert_eq!(store.document("t", "fch_1", "PDF").await.unwrap(), None);
    store.put_document("t", "fch_1", "PDF", at(100), &kept(b"one")).await.unwrap();
    assert_eq!(store.document("t", "fch_1", "PDF").await.unwrap(), None, "of a purged fetch nothing is kept again");
    store.put_document("t", "fch_2", "PDF", at(100), &kept(b"one")).await.unwrap();
    assert_eq!(store.purge(at(100), &|_| at(1_000)).await.unwrap(), 1);
    assert_eq!(store.document("t", "fch_2", "PDF").await.unwrap(), None);
}
