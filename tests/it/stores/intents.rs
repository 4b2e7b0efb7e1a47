//! Intents: written only on behalf of a request that is still this process's.

use sangam::{
    journey::model::Journey,
    store::{Begun, Claim, Guard, Store, StoreError},
};

use super::{Kit, at, on_every_store, testing};

on_every_store!(
    a_new_journey_is_written_only_for_a_request_of_this_process,
    a_change_is_written_only_for_a_request_of_this_process,
    an_answer_counts_only_from_who_is_at_it_and_only_once,
    a_command_beside_the_gateway_takes_nothing_from_it,
);

const CLAIM: Claim<'static> = Claim { request_id: "r1" };

async fn begin(store: &Store, request_id: &str, journey_id: &str) -> Begun {
    store.begin_request("default", request_id, b"a", journey_id, at(5)).await.unwrap()
}

async fn insert(store: &Store, journey: &Journey, guard: Guard<'_>) -> Result<Option<String>, StoreError> {
    store.insert_intent(Some(CLAIM), journey, guard, None, at(5)).await
}

/// As another process does that finds this one silent for too long.
async fn bury(kit: &Kit) {
    kit.execute("UPDATE requests SET owner = NULL".to_owned()).await;
}

async fn a_new_journey_is_written_only_for_a_request_of_this_process(kit: &Kit) {
    let (store, mut journey) = (&kit.store, testing::journey());
    journey.ask.client_reference = Some("loan-1".to_owned());
    let guards = [Guard::Off, Guard::UnlessOpen { except: None }];
    for guard in guards {
        // Nobody has begun it.
        assert_eq!(insert(store, &journey, guard).await, Err(StoreError::Disowned));
    }
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::New);
    bury(kit).await;
    for guard in guards {
        assert_eq!(insert(store, &journey, guard).await, Err(StoreError::Disowned));
    }
    assert!(store.journey("default", "jrn_1").await.unwrap().is_none(), "something was written");
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::InFlight("jrn_1".to_owned()));
    assert_eq!(insert(store, &journey, guards[1]).await, Ok(None));
    // Whose request it is, is looked at before what stands in the way.
    bury(kit).await;
    journey.id = "jrn_2".to_owned();
    assert_eq!(insert(store, &journey, guards[1]).await, Err(StoreError::Disowned));
}

async fn a_change_is_written_only_for_a_request_of_this_process(kit: &Kit) {
    let (store, mut journey) = (&kit.store, testing::journey());
    store.insert_journey(&journey, None, at(5)).await.unwrap();
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::New);
    journey.sequence = 2;
    assert_eq!(store.save_intent(CLAIM, &journey, 1, None, at(6)).await, Ok(true));
    // Another writer was first.
    assert_eq!(store.save_intent(CLAIM, &journey, 1, None, at(6)).await, Ok(false));
    bury(kit).await;
    journey.sequence = 3;
    assert_eq!(store.save_intent(CLAIM, &journey, 2, None, at(7)).await, Err(StoreError::Disowned));
    let kept = store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert_eq!((kept.version, kept.journey.sequence), (2, 2));
    assert_eq!(store.events_of("default", "jrn_1", 0, 10).await.unwrap().len(), 2);
}

async fn an_answer_counts_only_from_who_is_at_it_and_only_once(kit: &Kit) {
    let store = &kit.store;
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::New);
    kit.execute("UPDATE requests SET owner = 'somebody else'".to_owned()).await;
    store.finish_request("default", "r1", b"late").await.unwrap();
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::Elsewhere);
    // Left by everybody: who was slow may still tell what came of it.
    bury(kit).await;
    store.finish_request("default", "r1", b"answer").await.unwrap();
    store.finish_request("default", "r1", b"later").await.unwrap();
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::Answered(b"answer".to_vec()));
    assert_eq!(insert(store, &testing::journey(), Guard::Off).await, Err(StoreError::Disowned));
}

#[tokio::test]
async fn of_a_late_writer_and_its_successor_one_goes_on() {
    let kit = Kit::postgres().await;
    let successor = kit.successor().await;
    for round in 0..40 {
        let (request_id, journey_id) = (format!("r{round}"), format!("jrn_{round}"));
        let mut journey = testing::journey();
        journey.id.clone_from(&journey_id);
        assert_eq!(begin(&kit.store, &request_id, &journey_id).await, Begun::New);
        let claim = Some(Claim { request_id: &request_id });
        let late = kit.store.insert_intent(claim, &journey, Guard::Off, None, at(5));
        let succeed = async {
            bury(&kit).await;
            assert_eq!(begin(&successor, &request_id, &journey_id).await, Begun::InFlight(journey_id.clone()));
            successor.journey("default", &journey_id).await.unwrap().is_some()
        };
        let (late, seen) = if round % 2 == 0 {
            tokio::join!(late, succeed)
        } else {
            let (seen, late) = tokio::join!(succeed, late);
            (late, seen)
        };
        assert!(matches!(late, Ok(None) | Err(StoreError::Disowned)), "{late:?}");
        // A successor that sees no journey begins anew: then there must never be one.
        assert_eq!(late.is_ok(), seen, "round {round}");
    }
}

async fn a_command_beside_the_gateway_takes_nothing_from_it(kit: &Kit) {
    let (store, journey) = (&kit.store, testing::journey());
    assert_eq!(begin(store, "r1", "jrn_1").await, Begun::New);
    let command = kit.open(1).await.unwrap();
    command.ping().await.unwrap();
    command.close().await;
    assert_eq!(insert(store, &journey, Guard::Off).await, Ok(None));
}
