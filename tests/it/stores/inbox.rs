//! What providers sent by themselves: kept once, due when it should be, and gone on its date.

use bytes::Bytes;
use sangam::store::{Addressee, Message, MessageState, NewMessage, Replay, Settled, Store, StoreError};

use super::{Kit, at, on_every_store, ours, testing};

on_every_store!(
    a_message_survives_a_restart_and_is_nowhere_in_clear,
    many_at_once_are_each_kept_once_and_share_commits,
    the_same_bytes_are_another_message_at_another_address,
    an_applied_message_has_woken_its_journeys,
    a_parked_message_is_due_once_its_reference_is_learnt,
    a_message_in_quarantine_is_tried_again_when_it_is_replayed,
    pushed_data_goes_with_its_journeys_and_every_message_at_its_date,
);

pub(super) fn new(id: &str, body: &str) -> NewMessage {
    NewMessage {
        id: id.to_owned(),
        tenant: "default".to_owned(),
        provider: "test".to_owned(),
        credential: "main".to_owned(),
        attempt: None,
        verified: true,
        token: "the-token".to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received_at: at(5),
        purge_at: at(1_000),
    }
}

async fn due(store: &Store, now: i64) -> Vec<Message> {
    store.due_messages(&ours(), at(now), 100).await.unwrap()
}

async fn a_message_survives_a_restart_and_is_nowhere_in_clear(kit: &Kit) {
    let store = &kit.store;
    let attempt = Addressee { journey_id: "jrn_1".to_owned(), attempt_id: "att_1".to_owned() };
    let sent = NewMessage { attempt: Some(attempt.clone()), ..new("msg_1", "vua 9000000001@onemoney") };
    assert!(store.keep_message(sent).await.unwrap());
    let store = &kit.open(1).await.unwrap();
    let messages = due(store, 5).await;
    assert_eq!((messages.len(), messages[0].state, &messages[0].attempt), (1, MessageState::New, &Some(attempt)));
    assert_eq!(store.message_body(&messages[0]).await.unwrap().unwrap(), "vua 9000000001@onemoney");
    assert_eq!(store.messages("other", None, 10).await.unwrap(), []);
    // In the database a hint cannot be made a message that was proved, nor the other way round.
    let turned = Message { verified: false, ..messages[0].clone() };
    assert!(matches!(store.message_body(&turned).await, Err(StoreError::Unreadable(_))));
    store.close().await;
    assert!(!kit.shows("9000000001").await);
}

async fn many_at_once_are_each_kept_once_and_share_commits(kit: &Kit) {
    let store = &kit.store;
    let tasks: Vec<_> = (0..2_000)
        .map(|number| {
            let (store, body) = (store.clone(), format!("body {}", number % 1_000));
            tokio::spawn(async move { store.keep_message(new(&format!("msg_{number}"), &body)).await.unwrap() })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += usize::from(task.await.unwrap());
    }
    assert_eq!((kept, store.messages("default", None, 5_000).await.unwrap().len()), (1_000, 1_000));
}

async fn the_same_bytes_are_another_message_at_another_address(kit: &Kit) {
    let store = &kit.store;
    assert!(store.keep_message(new("msg_1", "{}")).await.unwrap());
    assert!(!store.keep_message(new("msg_2", "{}")).await.unwrap());
    assert!(store.keep_message(NewMessage { token: "other".to_owned(), ..new("msg_3", "{}") }).await.unwrap());
    assert!(store.keep_message(NewMessage { credential: "other".to_owned(), ..new("msg_4", "{}") }).await.unwrap());
    assert!(store.keep_message(NewMessage { tenant: "other".to_owned(), ..new("msg_1", "{}") }).await.unwrap());
    assert!(store.keep_message(new("msg_5", "{ }")).await.unwrap());
}

async fn an_applied_message_has_woken_its_journeys(kit: &Kit) {
    let store = &kit.store;
    store.insert_journey(&testing::journey(), Some(at(9_000)), at(1)).await.unwrap();
    store.keep_message(new("msg_1", "{}")).await.unwrap();
    let message = due(store, 5).await.remove(0);
    let settled = Settled { wakes: vec!["jrn_1".to_owned()], ..Settled::new(&message, MessageState::Applied) };
    store.settle_messages(&[settled], at(7)).await.unwrap();
    assert_eq!(store.next_due(&ours()).await.unwrap(), Some(at(7)));
    assert_eq!((due(store, 900).await.len(), store.next_message(&ours()).await.unwrap()), (0, None));
    assert_eq!(store.messages("default", Some(MessageState::Applied), 10).await.unwrap()[0].tries, 1);
}

async fn a_parked_message_is_due_once_its_reference_is_learnt(kit: &Kit) {
    let store = &kit.store;
    for (id, reference) in [("msg_1", "handle-1"), ("msg_2", "another")] {
        store.keep_message(new(id, reference)).await.unwrap();
        let message = due(store, 5).await.remove(0);
        let waits_for = vec![("test".to_owned(), reference.to_owned())];
        let parked = Settled { next_at: Some(at(500)), waits_for, ..Settled::new(&message, MessageState::Parked) };
        store.settle_messages(&[parked], at(6)).await.unwrap();
    }
    assert_eq!(due(store, 7).await, []);
    store.insert_journey(&testing::journey(), None, at(8)).await.unwrap();
    let woken = due(store, 8).await;
    assert_eq!(woken.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["msg_1"]);
    // A tree that is written again has learnt nothing new.
    let again = Settled { next_at: Some(at(500)), ..Settled::new(&woken[0], MessageState::Parked) };
    store.settle_messages(&[again], at(9)).await.unwrap();
    assert!(store.save_journey(&testing::journey(), 1, None, at(10)).await.unwrap());
    assert_eq!(due(store, 11).await, []);
    // It was learnt between the look-up and the parking.
    let late = Settled {
        next_at: Some(at(500)),
        waits_for: vec![("test".to_owned(), "handle-1".to_owned())],
        ..Settled::new(&woken[0], MessageState::Parked)
    };
    store.settle_messages(&[late], at(12)).await.unwrap();
    assert_eq!(due(store, 12).await.len(), 1);
}

async fn a_message_in_quarantine_is_tried_again_when_it_is_replayed(kit: &Kit) {
    let store = &kit.store;
    for id in ["msg_1", "msg_2"] {
        store.keep_message(new(id, id)).await.unwrap();
    }
    let messages = due(store, 5).await;
    let settled = [Settled::new(&messages[0], MessageState::Quarantined), Settled::new(&messages[1], MessageState::Applied)];
    store.settle_messages(&settled, at(6)).await.unwrap();
    assert_eq!(store.replay_messages("other", Replay::Quarantined, at(7)).await.unwrap(), 0);
    assert_eq!(store.replay_messages("default", Replay::Quarantined, at(7)).await.unwrap(), 1);
    assert_eq!(due(store, 7).await[0].id, messages[0].id);
    assert_eq!(store.replay_messages("default", Replay::One(&messages[1].id), at(8)).await.unwrap(), 1);
    assert_eq!(store.replay_messages("default", Replay::One("msg_9"), at(8)).await.unwrap(), 0);
    assert_eq!(due(store, 8).await.len(), 2);
}

async fn pushed_data_goes_with_its_journeys_and_every_message_at_its_date(kit: &Kit) {
    let store = &kit.store;
    store.keep_message(new("msg_1", "accounts")).await.unwrap();
    store.keep_message(new("msg_2", "an event")).await.unwrap();
    let message = due(store, 5).await.into_iter().find(|one| one.id == "msg_1").unwrap();
    let settled = Settled {
        data_of: Some("jrn_1".to_owned()),
        purge_at: Some(at(2_000)),
        waits_for: vec![("test".to_owned(), "x".to_owned())],
        ..Settled::new(&message, MessageState::Applied)
    };
    store.settle_messages(&[settled], at(6)).await.unwrap();
    store.drop_pushed_data("default", "jrn_2").await.unwrap();
    assert!(store.message_body(&message).await.unwrap().is_some());
    store.drop_pushed_data("default", "jrn_1").await.unwrap();
    assert!(store.message_body(&message).await.unwrap().is_none());
    // That it came is still known, so a replay brings nothing back.
    assert!(!store.keep_message(new("msg_3", "accounts")).await.unwrap());
    assert_eq!(store.replay_messages("default", Replay::One("msg_1"), at(7)).await.unwrap(), 0);
    assert_eq!(store.purge(at(1_000), &|_| at(9_000)).await.unwrap(), 1);
    assert_eq!(store.messages("default", None, 10).await.unwrap().len(), 1);
    assert_eq!(store.purge(at(2_000), &|_| at(9_000)).await.unwrap(), 1);
}
