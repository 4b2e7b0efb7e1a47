//! How much of what there is.

use sangam::{
    journey::model::{Journey, JourneyState},
    store::{Census, InState, MessageState, Settled, Waiting},
};

use super::{Kit, at, inbox::new, on_every_store, ours, testing};

on_every_store!(what_is_being_worked_on_is_counted_by_state_and_age, the_connections_are_within_their_bound);

async fn what_is_being_worked_on_is_counted_by_state_and_age(kit: &Kit) {
    let store = &kit.store;
    assert_eq!(store.census(&ours()).await.unwrap(), Census::default());
    for (number, tenant, state, due) in [
        (1, "default", JourneyState::AwaitingCustomer, Some(20)),
        (2, "default", JourneyState::AwaitingCustomer, Some(30)),
        (3, "other", JourneyState::AwaitingCustomer, Some(40)),
        (4, "default", JourneyState::Ready, Some(50)),
        // Nobody looks after these any more.
        (5, "default", JourneyState::Ready, None),
        (6, "default", JourneyState::Rejected, None),
    ] {
        let (id, created_at) = (format!("jrn_{number}"), at(10 + number));
        let journey = Journey { id, tenant: tenant.to_owned(), state, created_at, ..testing::journey() };
        store.insert_journey(&journey, due.map(at), at(20)).await.unwrap();
    }
    for number in 1..=3 {
        assert!(store.keep_message(new(&format!("msg_{number}"), &format!("body {number}"))).await.unwrap());
    }
    let due = store.due_messages(&ours(), at(5), 10).await.unwrap();
    let park = Settled { next_at: Some(at(90)), ..Settled::new(&due[0], MessageState::Parked) };
    let aside = Settled::new(&due[1], MessageState::Quarantined);
    store.settle_messages(&[park, aside], at(6)).await.unwrap();
    let mut census = store.census(&ours()).await.unwrap();
    census.journeys.sort_by_key(|row| row.count);
    let ready = InState { state: JourneyState::Ready, count: 1, oldest: at(14) };
    let awaiting = InState { state: JourneyState::AwaitingCustomer, count: 3, oldest: at(11) };
    let one = Waiting { count: 1, oldest: Some(at(5)) };
    let expected = Census { journeys: vec![ready, awaiting], next_due: Some(at(20)), new_messages: one, parked_messages: one };
    assert_eq!(census, expected);
}

async fn the_connections_are_within_their_bound(kit: &Kit) {
    kit.store.ping().await.unwrap();
    let connections = kit.store.connections();
    assert!(connections.idle + connections.used >= 1, "{connections:?}");
    assert!(connections.idle + connections.used <= connections.most, "{connections:?}");
}
