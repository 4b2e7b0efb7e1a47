//! Events: one for each change, in one order for whoever reads on.

use sangam::{
    journey::model::Customer,
    store::{FeedPosition, Store},
};

use super::{Kit, at, on_every_store, testing};

on_every_store!(
    each_change_leaves_one_event_and_a_mere_look_none,
    the_history_does_not_say_who_was_asked_and_shows_nothing_in_clear,
    what_is_trimmed_is_noticed_by_whoever_stands_before_it,
    a_reader_of_the_feed_misses_nothing_of_many_writers,
);

/// Changes `jrn_1` so often, one second each.
async fn change(store: &Store, times: i64) {
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

async fn each_change_leaves_one_event_and_a_mere_look_none(kit: &Kit) {
    let store = &kit.store;
    change(store, 3).await;
    let read = store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert!(store.save_journey(&read.journey, read.version, Some(at(9)), at(9)).await.unwrap());
    assert!(!store.save_journey(&read.journey, 1, None, at(9)).await.unwrap());
    assert_eq!(sequences(store, 0).await, [1, 2, 3]);
    assert_eq!(sequences(store, 2).await, [3]);
    assert!(store.events_of("other", "jrn_1", 0, 100).await.unwrap().is_empty());
    let feed = store.feed("default", FeedPosition::default(), 100).await.unwrap();
    assert_eq!(feed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(feed.events[0].note.client_reference.as_deref(), Some("loan-1"));
    assert!(store.feed("other", FeedPosition::default(), 100).await.unwrap().events.is_empty());
    assert_eq!(store.feed_end("default").await.unwrap(), feed.events[2].position);
}

async fn the_history_does_not_say_who_was_asked_and_shows_nothing_in_clear(kit: &Kit) {
    change(&kit.store, 2).await;
    for event in kit.store.events_of("default", "jrn_1", 0, 10).await.unwrap() {
        assert_eq!(event.journey.ask.customer, Customer::default());
        assert!(event.journey.attempts.iter().all(|attempt| attempt.webhook_token.is_empty()));
    }
    for secret in ["9000000001", "loan-1", "handle-1"] {
        assert!(!kit.shows(secret).await, "{secret}");
    }
}

async fn what_is_trimmed_is_noticed_by_whoever_stands_before_it(kit: &Kit) {
    let store = &kit.store;
    change(store, 6).await;
    let all = store.feed("default", FeedPosition::default(), 100).await.unwrap().events;
    assert_eq!(store.trim_events(100, at(1)).await.unwrap(), 0);
    // The two of the first two seconds by age, one more by number.
    assert_eq!(store.trim_events(3, at(3)).await.unwrap(), 3);
    assert_eq!(sequences(store, 0).await, [4, 5, 6]);
    for (place, event) in all.iter().enumerate() {
        let page = store.feed("default", event.position, 100).await.unwrap();
        assert_eq!(page.trimmed, place < 2, "after event {}", place + 1);
    }
    // Nothing is left, and still nothing begins anew.
    assert_eq!(store.trim_events(3, at(100)).await.unwrap(), 3);
    assert_eq!(store.feed_end("default").await.unwrap(), all[5].position);
    let read = store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert!(store.save_journey(&read.journey, read.version, None, at(200)).await.unwrap());
    assert!(sequences(store, 0).await.is_empty());
}

async fn a_reader_of_the_feed_misses_nothing_of_many_writers(kit: &Kit) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 12;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = kit.store.clone();
            tokio::spawn(async move {
                let mut journey = testing::journey();
                journey.id = format!("jrn_{writer}");
                store.insert_journey(&journey, None, at(1)).await.unwrap();
                for sequence in 2..=EACH {
                    journey.sequence = sequence;
                    assert!(store.save_journey(&journey, sequence - 1, None, at(sequence)).await.unwrap());
                }
            })
        })
        .collect();
    let (mut place, mut seen) = (FeedPosition::default(), std::collections::BTreeMap::<String, Vec<i64>>::new());
    // Reads while they write; ends because each read answers what is there.
    while seen.values().map(Vec::len).sum::<usize>() < (WRITERS * EACH) as usize {
        let page = kit.store.feed("default", place, 7).await.unwrap();
        for event in page.events {
            assert!(event.position > place);
            place = event.position;
            seen.entry(event.journey_id).or_default().push(event.sequence);
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let whole: Vec<i64> = (1..=EACH).collect();
    assert!(seen.values().all(|sequences| *sequences == whole), "{seen:?}");
    assert!(kit.store.feed("default", place, 7).await.unwrap().events.is_empty());
}
