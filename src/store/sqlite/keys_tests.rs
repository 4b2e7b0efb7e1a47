use super::*;
use crate::{
    journey::testing::journey,
    seal::{Keys, Ring},
    store::{Begun, JourneyStore, RequestStore, Serving, Storage, rotation},
};
use tokio_util::sync::CancellationToken;

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

/// Makes a store look as if it were from before keys had ids.
async fn age(store: &SqliteStore) {
    let plain = crate::data::personal::for_sealing(|| serde_json::to_vec(&journey())).unwrap();
    let tree = Sealer::seal_unnamed(&[1; 32], &["journey", "default", "jrn_1"], &plain);
    let answer = Sealer::seal_unnamed(&[1; 32], &["request", "t", "r1"], b"answer");
    let check = Sealer::seal_unnamed(&[1; 32], &["key check"], b"sangam");
    for (statement, sealed) in [
        ("UPDATE journeys SET sealed = ?", tree),
        ("UPDATE requests SET sealed = ?", answer),
        ("UPDATE key_check SET sealed = ?", check),
    ] {
        store.writer.execute(sqlx::query(statement).bind(sealed)).await.unwrap();
    }
    for statement in ["DELETE FROM events", "DELETE FROM seal_keys", "DELETE FROM hash_key"] {
        store.writer.execute(sqlx::query(statement)).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_from_before_keys_had_ids_keeps_its_hashes_and_can_rotate() {
    let dir = tempfile::tempdir().unwrap();
    let open = async |ring: Ring| SqliteStore::open(&dir.path().join("s.db"), Serving::Beside, false, &Keys::of(ring)).await;
    let store = open(Ring::new(&[1; 32], [])).await.unwrap();
    store.insert_journey(&journey(), None, at(5)).await.unwrap();
    store.begin_request("t", "r1", b"a", "jrn_1", at(5)).await.unwrap();
    store.finish_request("t", "r1", b"answer").await.unwrap();
    let hash = store.keyed_hash().digest([b"x".as_slice()]);
    age(&store).await;
    store.close().await;
    assert!(open(Ring::new(&[2; 32], [])).await.is_err(), "another key alone");

    // The upgrade and the rotation at once.
    let store = open(Ring::new(&[2; 32], [&[1; 32]])).await.unwrap();
    assert_eq!(store.keyed_hash().digest([b"x".as_slice()]), hash);
    assert_eq!(store.journey("default", "jrn_1").await.unwrap().unwrap().journey, journey());
    let shared: crate::store::Store = std::sync::Arc::new(store.clone());
    let done = rotation::turn(&shared, &CancellationToken::new()).await.unwrap();
    assert_eq!(done.changed, 2, "the tree, and what the keys are checked with");
    // Its place is not known, so it stays as it is until its date, and its key with it.
    assert_eq!(done.left, 1);
    assert_eq!(store.begin_request("t", "r1", b"a", "jrn_1", at(5)).await, Ok(Begun::Answered(b"answer".to_vec())));
    let first = KeyId::of(&[1; 32]);
    assert!(store.needed_keys().await.unwrap().iter().any(|key| key.id == first && key.unnamed));
    store.writer.execute(sqlx::query("DELETE FROM requests")).await.unwrap();
    rotation::turn(&shared, &CancellationToken::new()).await.unwrap();
    assert_eq!(store.needed_keys().await.unwrap().len(), 1);
    store.close().await;
    let store = open(Ring::new(&[2; 32], [])).await.unwrap();
    assert_eq!(store.journey("default", "jrn_1").await.unwrap().unwrap().journey, journey());
}
