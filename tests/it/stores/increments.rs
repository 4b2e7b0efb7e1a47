//! What a provider called the latest data of a consent.

use bytes::Bytes;
use sangam::store::{KeptIncrement, StoreError};

use super::{Kit, at, on_every_store};

on_every_store!(
    what_was_given_first_stays_and_is_nowhere_in_clear,
    it_goes_with_its_consent_and_on_its_date,
    what_stands_beside_it_cannot_be_changed,
);

const END: i64 = 100;

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

async fn what_was_given_first_stays_and_is_nowhere_in_clear(kit: &Kit) {
    let store = &kit.store;
    let first = latest(Some(b"{\"narration\":\"marker\"}"));
    store.put_increment("t", "r1", &first).await.unwrap();
    store.put_increment("t", "r1", &latest(None)).await.unwrap();
    store.put_increment("t", "r2", &latest(None)).await.unwrap();
    assert_eq!(store.increment("t", "r1").await.unwrap(), Some(first));
    assert_eq!(store.increment("t", "r2").await.unwrap(), Some(latest(None)));
    assert_eq!(store.increment("u", "r1").await.unwrap(), None);
    assert!(!kit.shows("marker").await);
}

async fn it_goes_with_its_consent_and_on_its_date(kit: &Kit) {
    let store = &kit.store;
    store.put_increment("t", "r1", &latest(Some(b"[]"))).await.unwrap();
    store.drop_increments("t", "cns_2").await.unwrap();
    store.drop_increments("u", "cns_1").await.unwrap();
    assert!(store.increment("t", "r1").await.unwrap().is_some());
    store.drop_increments("t", "cns_1").await.unwrap();
    assert_eq!(store.increment("t", "r1").await.unwrap(), None);
    store.put_increment("t", "r1", &latest(None)).await.unwrap();
    assert_eq!(store.purge(at(END - 1), &|_| at(1_000)).await.unwrap(), 0);
    assert_eq!(store.purge(at(END), &|_| at(1_000)).await.unwrap(), 1);
    assert_eq!(store.increment("t", "r1").await.unwrap(), None);
}

async fn what_stands_beside_it_cannot_be_changed(kit: &Kit) {
    let store = &kit.store;
    for change in ["journey_id = 'jrn_2'", "consent_id = 'cns_2'", "endpoint = 'x'", "received_at = 8"] {
        store.put_increment("t", "r1", &latest(None)).await.unwrap();
        if change.starts_with("consent_id") {
            // The key moves with it: what fails is the seal.
            kit.execute("UPDATE item_keys SET fetch_id = 'cns_2'".to_owned()).await;
        }
        kit.execute(format!("UPDATE increments SET {change}")).await;
        assert!(matches!(store.increment("t", "r1").await, Err(StoreError::Unreadable(_))), "{change}");
        assert_eq!(store.purge(at(END), &|_| at(1_000)).await.unwrap(), 1);
    }
}
