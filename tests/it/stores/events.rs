//! Events: one for each change, in an order in which nothing is passed over.

use std::collections::BTreeMap;

use sangam::store::{FeedPosition, Store};

use super::{Kit, at, on_every_store, testing};
use crate::harness::breath;

on_every_store!(
    each_change_leaves_one_event_and_a_mere_look_none,
    the_history_does_not_say_who_was_asked_and_shows_nothing_in_clear,
    what_is_trimmed_is_noticed_by_whoever_stands_before_it,
    a_reader_of_the_feed_passes_nothing_over_while_many_write,
    who_came_further_before_an_older_state_was_restored_begins_anew,
);

/// Changes `jrn_1` so often, one second each.
async fn changed(store: &Store, times: i64) {
    let mut journey = testing::journey();
    journey.ask.client_reference = Some("loan-1".to_owned());
    store.insert_journey(&journey, None, at(1)).await.unwrap();
    for sequence in 2..=times {
        journey.sequence = sequence;
        assert!(store.save_journey(&journey, sequence - 1, None, at(sequence)).await.unwrap());
    }
}

async fn sequences(store: &Store, after: i64) -> Vec<i64> {
    store.events_of("default", "jrn_1", after, 100).await.unwrap().iter().map(|event| event.sequence).collect()
}

/// Reads until nothing is held back: other tests of the server may be writing.
async fn feed(store: &Store, tenant: &str, after: FeedPosition) -> sangam::store::FeedPage {
    loop {
        let page = store.feed(tenant, after, 1_000).await.unwrap();
        if !page.held_back {
            return page;
        }
        breath().await;
    }
}

async fn each_change_leaves_one_event_and_a_mere_look_none(kit: &Kit) {
    let store = &kit.store;
    changed(store, 3).await;
    let read = store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert!(store.save_journey(&read.journey, read.version, Some(at(9)), at(9)).await.unwrap());
    assert!(!store.save_journey(&read.journey, 1, None, at(9)).await.unwrap());
    assert_eq!(sequences(store, 0).await, [1, 2, 3]);
    assert_eq!(sequences(store, 2).await, [3]);
    assert!(store.events_of("other", "jrn_1", 0, 100).await.unwrap().is_empty());
    let all = feed(store, "default", FeedPosition::default()).await;
    assert_eq!(all.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all.events[0].note.client_reference.as_deref(), Some("loan-1"));
    assert!(!all.trimmed);
    assert!(feed(store, "other", FeedPosition::default()).await.events.is_empty());
    let end = store.feed_end("default").await.unwrap();
    assert!(end >= all.events[2].position);
    assert!(feed(store, "default", end).await.events.is_empty());
}

async fn the_history_does_not_say_who_was_asked_and_shows_nothing_in_clear(kit: &Kit) {
    changed(&kit.store, 2).await;
    for event in kit.store.events_of("default", "jrn_1", 0, 10).await.unwrap() {
        assert_eq!(event.journey.ask.customer, sangam::journey::model::Customer::default());
        assert!(event.journey.attempts.iter().all(|attempt| attempt.webhook_token.expose().is_empty()));
    }
    for secret in ["9000000001", "loan-1", "handle-1"] {
        assert!(!kit.shows(secret).await, "{secret}");
    }
}

async fn what_is_trimmed_is_noticed_by_whoever_stands_before_it(kit: &Kit) {
    let store = &kit.store;
    changed(store, 6).await;
    let all = feed(store, "default", FeedPosition::default()).await.events;
    assert_eq!(store.trim_events(100, at(1)).await.unwrap(), 0);
    // The two of the first two seconds by age, one more by number.
    assert_eq!(store.trim_events(3, at(3)).await.unwrap(), 3);
    assert_eq!(sequences(store, 0).await, [4, 5, 6]);
    for (place, event) in all.iter().enumerate() {
        assert_eq!(feed(store, "default", event.position).await.trimmed, place < 2, "after event {}", place + 1);
    }
    // Nothing is left, and still nothing begins anew.
    assert_eq!(store.trim_events(3, at(100)).await.unwrap(), 3);
    assert!(store.feed_end("default").await.unwrap() >= all[5].position);
    let read = store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert!(store.save_journey(&read.journey, read.version, None, at(200)).await.unwrap());
    assert!(sequences(store, 0).await.is_empty());
}

async fn a_reader_of_the_feed_passes_nothing_over_while_many_write(kit: &Kit) {
    const WRITERS: i64 = 8;
    const CHANGES: i64 = 25;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        let store = kit.store.clone();
        writers.spawn(async move {
            let mut journey = testing::journey();
            journey.id = format!("jrn_{number}");
            store.insert_journey(&journey, None, at(1)).await.unwrap();
            for sequence in 2..=CHANGES {
                journey.sequence = sequence;
                assert!(store.save_journey(&journey, sequence - 1, None, at(1)).await.unwrap());
            }
        });
    }
    let (mut place, mut read) = (FeedPosition::default(), BTreeMap::<String, i64>::new());
    while read.len() < WRITERS as usize || read.values().any(|sequence| *sequence < CHANGES) {
        for event in kit.store.feed("default", place, 7).await.unwrap().events {
            assert!(event.position > place);
            place = event.position;
            let told = read.entry(event.journey_id).or_default();
            assert_eq!(event.sequence, *told + 1);
            *told = event.sequence;
        }
        if let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
    }
}

async fn who_came_further_before_an_older_state_was_restored_begins_anew(kit: &Kit) {
    changed(&kit.store, 2).await;
    let end = kit.store.feed_end("default").await.unwrap();
    let beyond = FeedPosition { transaction: end.transaction + 1_000_000, row: end.row.saturating_add(1_000) };
    assert!(feed(&kit.store, "default", beyond).await.trimmed);
    assert!(feed(&kit.store, "other", beyond).await.trimmed);
    assert!(!feed(&kit.store, "default", end).await.trimmed);
    assert!(!feed(&kit.store, "other", FeedPosition::default()).await.trimmed);
}

#[tokio::test]
async fn a_history_from_another_cluster_is_left_behind_at_the_start() {
    let kit = Kit::postgres().await;
    changed(&kit.store, 3).await;
    let told = feed(&kit.store, "default", FeedPosition::default()).await.events[0].position;
    // As after a dump of a cluster that has counted further was restored.
    let mut database = kit.database.as_ref().unwrap().connect().await;
    sqlx::query("UPDATE events SET transaction = transaction + 1000000000").execute(&mut database).await.unwrap();
    assert!(kit.store.feed("default", FeedPosition::default(), 10).await.unwrap().held_back);
    let store = kit.open(1).await.unwrap();
    let elsewhere = FeedPosition { transaction: told.transaction + 1_000_000_000, ..told };
    for place in [FeedPosition::default(), told, elsewhere] {
        let page = feed(&store, "default", place).await;
        assert!(page.trimmed && page.events.is_empty(), "{page:?}");
    }
    let end = store.feed_end("default").await.unwrap();
    let mut read = store.journey("default", "jrn_1").await.unwrap().unwrap();
    read.journey.sequence += 1;
    assert!(store.save_journey(&read.journey, read.version, None, at(9)).await.unwrap());
    let page = feed(&store, "default", end).await;
    assert_eq!(page.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [4]);
    assert!(!page.trimmed);
    // What is this cluster's own stays.
    let store = kit.open(1).await.unwrap();
    assert_eq!(feed(&store, "default", end).await.events.len(), 1);
}

#[tokio::test]
async fn what_an_open_transaction_may_still_precede_is_held_back_and_then_told_in_order() {
    let kit = Kit::postgres().await;
    let mut other = kit.database.as_ref().unwrap().connect().await;
    // It has its number, and has not ended.
    for statement in ["BEGIN", "SELECT pg_current_xact_id()"] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
    }
    changed(&kit.store, 2).await;
    let page = kit.store.feed("default", FeedPosition::default(), 10).await.unwrap();
    assert!(page.events.is_empty() && page.held_back, "{page:?}");
    // A journey's own history is in the order of its row, whatever else goes on.
    assert_eq!(sequences(&kit.store, 0).await, [1, 2]);
    let end = kit.store.feed_end("default").await.unwrap();
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    let told = feed(&kit.store, "default", end).await;
    assert_eq!(told.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
}
