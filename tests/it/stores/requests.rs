//! Request ids of writes.

use jiff::SignedDuration;
use sangam::store::{Begun, Claim, Guard, Look, REQUEST_LIFE, Store, StoreError, Told};

use super::{Kit, at, lanes, on_every_store, ours, testing};
use crate::harness::PATIENCE;

on_every_store!(
    the_life_of_a_request_id,
    what_is_left_is_the_next_ones,
    of_many_at_once_one_begins,
    an_answer_is_nowhere_in_clear,
    a_process_that_ends_leaves_its_requests,
    a_freed_id_keeps_its_journey_for_the_same_body,
    a_freed_id_takes_another_body_as_new,
    an_intent_ends_the_freedom_of_an_id,
);

async fn begin(store: &Store, body: &[u8], second: i64) -> Begun {
    store.begin_request("t", "r1", body, "jrn_1", at(second)).await.unwrap()
}

async fn the_life_of_a_request_id(kit: &Kit) {
    let (store, now) = (&kit.store, 1_000_000);
    assert_eq!(begin(store, b"a", now).await, Begun::New);
    assert_eq!(begin(store, b"a", now).await, Begun::InFlight("jrn_1".to_owned()));
    assert_eq!(begin(store, b"b", now).await, Begun::Reused);
    store.finish_request("t", "r1", b"answer").await.unwrap();
    assert_eq!(begin(store, b"a", now).await, Begun::Answered(b"answer".to_vec()));
    assert_eq!(begin(store, b"b", now).await, Begun::Reused);
    // An answered id is not freed.
    store.free_request("t", "r1").await.unwrap();
    assert!(matches!(begin(store, b"a", now).await, Begun::Answered(_)));
    // Another tenant's id is another id.
    assert_eq!(store.begin_request("u", "r1", b"a", "jrn_2", at(now)).await.unwrap(), Begun::New);
    store.free_request("u", "r1").await.unwrap();
    assert_eq!(store.begin_request("u", "r1", b"b", "jrn_2", at(now)).await.unwrap(), Begun::New);
    let later = (at(now) + REQUEST_LIFE + SignedDuration::from_secs(1)).as_second();
    assert_eq!(begin(store, b"b", later).await, Begun::New);
}

async fn a_freed_id_keeps_its_journey_for_the_same_body(kit: &Kit) {
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
    for _ in 0..3 {
        kit.store.free_request("t", "r1").await.unwrap();
        assert!(!kit.store.knows_request("t", "r1", at(5)).await.unwrap());
        let again = kit.store.begin_request("t", "r1", b"a", "jrn_2", at(5)).await.unwrap();
        assert_eq!(again, Begun::Again("jrn_1".to_owned()));
    }
    kit.store.finish_request("t", "r1", b"answer").await.unwrap();
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::Answered(b"answer".to_vec()));
    assert!(kit.store.knows_request("t", "r1", at(5)).await.unwrap());
}

async fn a_freed_id_takes_another_body_as_new(kit: &Kit) {
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
    kit.store.free_request("t", "r1").await.unwrap();
    assert_eq!(kit.store.begin_request("t", "r1", b"b", "jrn_2", at(5)).await.unwrap(), Begun::New);
    assert_eq!(begin(&kit.store, b"b", 5).await, Begun::InFlight("jrn_2".to_owned()));
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::Reused);
}

async fn an_intent_ends_the_freedom_of_an_id(kit: &Kit) {
    let mut journey = testing::journey();
    journey.tenant = "t".to_owned();
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
    let (claim, guard) = (Claim { request_id: "r1" }, Guard::UnlessOpen { except: None });
    kit.store.insert_intent(Some(claim), &journey, guard, None, at(5)).await.unwrap();
    kit.store.free_request("t", "r1").await.unwrap();
    assert_eq!(begin(&kit.store, b"a", 6).await, Begun::Again("jrn_1".to_owned()));
    journey.sequence = 2;
    assert_eq!(kit.store.reopen_intent(claim, &journey, 1, Guard::Off, None, at(6)).await, Ok(None));
    // A process that dies from here on may have sent something.
    assert_eq!(begin(&kit.store, b"a", 6).await, Begun::InFlight("jrn_1".to_owned()));
    assert_eq!(kit.store.reopen_intent(claim, &journey, 1, Guard::Off, None, at(6)).await, Err(StoreError::Contended));
    assert_eq!(kit.store.journey("t", "jrn_1").await.unwrap().unwrap().journey.sequence, 2);
}

async fn what_is_left_is_the_next_ones(kit: &Kit) {
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
    kit.store.leave_request("t", "r1").await.unwrap();
    // It is not this process's any more, so it is not its to free.
    kit.store.free_request("t", "r1").await.unwrap();
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::InFlight("jrn_1".to_owned()));
    kit.store.free_request("t", "r1").await.unwrap();
    assert_eq!(begin(&kit.store, b"b", 5).await, Begun::New);
}

async fn of_many_at_once_one_begins(kit: &Kit) {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = kit.store.clone();
        callers.spawn(async move { begin(&store, b"a", 5).await });
    }
    let begun = callers.join_all().await;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::New).count(), 1, "{begun:?}");
}

async fn an_answer_is_nowhere_in_clear(kit: &Kit) {
    kit.store.begin_request("t", "marker-id", b"marker-body", "jrn_1", at(5)).await.unwrap();
    kit.store.finish_request("t", "marker-id", b"marker-answer").await.unwrap();
    assert!(kit.shows("jrn_1").await, "the search finds nothing at all");
    assert!(!kit.shows("marker").await);
}

async fn a_process_that_ends_leaves_its_requests(kit: &Kit) {
    assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
    kit.store.close().await;
    assert_eq!(begin(&kit.successor().await, b"a", 5).await, Begun::InFlight("jrn_1".to_owned()));
}

/// Several replicas on one database.
mod replicas {
    use super::*;

    #[tokio::test]
    async fn one_begins_and_the_others_hear_that_it_is_elsewhere() {
        let kit = Kit::postgres().await;
        let other = kit.open(1).await.unwrap();
        for round in 0..20 {
            let id = format!("r{round}");
            let begin = |store: Store| {
                let id = id.clone();
                async move { store.begin_request("t", &id, b"a", "jrn_1", at(5)).await.unwrap() }
            };
            let begun = tokio::join!(begin(kit.store.clone()), begin(other.clone()));
            let (winner, loser) = match begun {
                (Begun::New, Begun::Elsewhere) => (&kit.store, &other),
                (Begun::Elsewhere, Begun::New) => (&other, &kit.store),
                other => panic!("{other:?}"),
            };
            // Only who works on it can free it.
            loser.free_request("t", &id).await.unwrap();
            loser.leave_request("t", &id).await.unwrap();
            assert_eq!(begin(loser.clone()).await, Begun::Elsewhere);
            winner.leave_request("t", &id).await.unwrap();
            assert_eq!(begin(loser.clone()).await, Begun::InFlight("jrn_1".to_owned()));
            assert_eq!(begin(winner.clone()).await, Begun::Elsewhere);
            loser.finish_request("t", &id, b"answer").await.unwrap();
            assert_eq!(begin(winner.clone()).await, Begun::Answered(b"answer".to_vec()));
        }
    }

    #[tokio::test]
    async fn who_buries_a_silent_replica_is_told_that_there_is_something_to_do() {
        let kit = Kit::postgres().await;
        kit.store.insert_journey(&testing::journey(), Some(at(100)), at(5)).await.unwrap();
        kit.store.begin_request("default", "r1", b"a", "jrn_1", at(5)).await.unwrap();
        let watchful = kit.replica(100).await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        watchful.hear(std::sync::Arc::new(move |heard| {
            let _ = tell.send(heard);
        }));
        kit.execute("UPDATE replicas SET alive_until = '-infinity' WHERE id IN (SELECT owner FROM requests)".to_owned()).await;
        let due = async { while told.recv().await.unwrap() != Told::Due {} };
        tokio::time::timeout(PATIENCE, due).await.expect("nobody is told");
        let look = Look { now: at(6), until: at(100) };
        assert_eq!(lanes::claim_all(&watchful, &ours(), look, 10).await, [("default".to_owned(), "jrn_1".to_owned())]);
    }

    #[tokio::test]
    async fn a_replica_that_falls_silent_is_succeeded() {
        let kit = Kit::postgres().await;
        let watchful = kit.replica(100).await;
        assert_eq!(begin(&kit.store, b"a", 5).await, Begun::New);
        assert_eq!(begin(&watchful, b"a", 5).await, Begun::Elsewhere);
        // As if it had been killed long ago; the next sign of life of the other one finds that out.
        kit.execute("UPDATE replicas SET alive_until = '-infinity' WHERE id IN (SELECT owner FROM requests)".to_owned()).await;
        let succeeded = async { while begin(&watchful, b"a", 5).await != Begun::InFlight("jrn_1".to_owned()) {} };
        tokio::time::timeout(PATIENCE, succeeded).await.expect("nobody succeeds it");
        // What the first one does late harms nothing.
        kit.store.free_request("t", "r1").await.unwrap();
        assert_eq!(begin(&kit.store, b"a", 5).await, Begun::Elsewhere);
    }
}
