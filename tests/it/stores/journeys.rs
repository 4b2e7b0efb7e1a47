//! Trees, and who looks at them when.

use jiff::SignedDuration;
use sangam::store::{Look, Store, StoreError};

use super::{Kit, at, lanes, on_every_store, ours, testing};

on_every_store!(
    a_tree_survives_a_restart_and_is_nowhere_in_clear,
    the_later_of_two_writers_is_told,
    of_many_writers_at_once_one_wins,
    the_soonest_are_claimed_first,
    nobody_else_looks_while_a_look_is_under_way,
    a_look_that_never_ends_is_given_up,
    a_wake_during_a_look_is_not_lost,
    what_is_due_of_a_tenant_that_is_not_served_is_left_alone,
    what_is_due_comes_forward_with_a_clock_that_falls_back,
    a_reference_is_found_with_its_tenant,
    what_a_process_was_writing_when_it_ended_is_due,
    another_key_is_refused_at_the_start,
);

/// Claims what is due at a second; a look may take a hundred.
async fn claim(store: &Store, second: i64, limit: u32) -> Vec<String> {
    let look = Look { now: at(second), until: at(second + 100) };
    let mut ids: Vec<String> = lanes::claim_all(store, &ours(), look, limit).await.into_iter().map(|(_, id)| id).collect();
    ids.sort();
    ids
}

async fn a_tree_survives_a_restart_and_is_nowhere_in_clear(kit: &Kit) {
    let journey = testing::journey();
    kit.store.insert_journey(&journey, Some(at(5)), at(5)).await.unwrap();
    assert_eq!(kit.store.journeys_by_ref("default", "test", "handle-1").await.unwrap(), ["jrn_1"]);
    assert!(kit.store.journeys_by_ref("other", "test", "handle-1").await.unwrap().is_empty());
    kit.store.close().await;
    let store = kit.open(1).await.unwrap();
    assert_eq!(store.journey("default", "jrn_1").await.unwrap().unwrap().journey, journey);
    assert!(store.journey("other", "jrn_1").await.unwrap().is_none());
    store.close().await;
    assert!(kit.shows("jrn_1").await, "the search finds nothing at all");
    for secret in ["9000000001", "handle-1"] {
        assert!(!kit.shows(secret).await, "{secret}");
    }
}

async fn what_a_process_was_writing_when_it_ended_is_due(kit: &Kit) {
    let mut journey = testing::journey();
    for (id, request) in [("jrn_1", "r1"), ("jrn_2", "r2")] {
        journey.id = id.to_owned();
        kit.store.insert_journey(&journey, Some(at(100)), at(5)).await.unwrap();
        kit.store.begin_request("default", request, b"a", id, at(5)).await.unwrap();
    }
    kit.store.finish_request("default", "r2", b"answer").await.unwrap();
    assert!(claim(&kit.store, 6, 10).await.is_empty());
    kit.store.close().await;
    assert_eq!(claim(&kit.successor().await, 6, 10).await, ["jrn_1"]);
}

async fn what_is_due_comes_forward_with_a_clock_that_falls_back(kit: &Kit) {
    let mut journey = testing::journey();
    for (id, due) in [("jrn_1", 3_605), ("jrn_2", 3_700), ("jrn_3", 5), ("jrn_4", 8_000)] {
        journey.id = id.to_owned();
        kit.store.insert_journey(&journey, Some(at(due)), at(3_600)).await.unwrap();
    }
    kit.store.bring_forward(at(10), SignedDuration::from_hours(1)).await.unwrap();
    // What has become due meanwhile is due now, and never in the past.
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(5)));
    assert_eq!(claim(&kit.store, 10, 10).await, ["jrn_1", "jrn_3"]);
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(100)));
    // The claims run out by the new clock as well.
    kit.store.bring_forward(at(20), SignedDuration::from_secs(80)).await.unwrap();
    assert_eq!(claim(&kit.store, 30, 10).await, ["jrn_1", "jrn_2", "jrn_3"]);
}

async fn the_later_of_two_writers_is_told(kit: &Kit) {
    let mut journey = testing::journey();
    kit.store.insert_journey(&journey, None, at(5)).await.unwrap();
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), None);
    journey.sequence = 2;
    journey.attempts[0].provider_ref = Some("learnt".to_owned());
    assert!(kit.store.save_journey(&journey, 1, Some(at(5)), at(5)).await.unwrap());
    assert!(!kit.store.save_journey(&journey, 1, Some(at(5)), at(5)).await.unwrap());
    assert_eq!(kit.store.journeys_by_ref("default", "test", "learnt").await.unwrap(), ["jrn_1"]);
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(5)));
    assert_eq!(claim(&kit.store, 5, 10).await, ["jrn_1"]);
}

async fn of_many_writers_at_once_one_wins(kit: &Kit) {
    kit.store.insert_journey(&testing::journey(), None, at(5)).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for sequence in 2..10 {
        let (store, mut journey) = (kit.store.clone(), testing::journey());
        journey.sequence = sequence;
        writers.spawn(async move { store.save_journey(&journey, 1, None, at(6)).await.unwrap().then_some(sequence) });
    }
    let won: Vec<i64> = writers.join_all().await.into_iter().flatten().collect();
    let kept = kit.store.journey("default", "jrn_1").await.unwrap().unwrap();
    assert_eq!((won.as_slice(), kept.version), (&[kept.journey.sequence][..], 2));
}

async fn the_soonest_are_claimed_first(kit: &Kit) {
    for second in [3, 1, 2, 9] {
        let mut journey = testing::journey();
        journey.id = format!("jrn_{second}");
        kit.store.insert_journey(&journey, Some(at(second)), at(1)).await.unwrap();
    }
    assert_eq!(claim(&kit.store, 5, 2).await, ["jrn_1", "jrn_2"]);
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(3)));
    assert_eq!(claim(&kit.store, 5, 2).await, ["jrn_3"]);
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(9)));
}

async fn nobody_else_looks_while_a_look_is_under_way(kit: &Kit) {
    let journey = testing::journey();
    kit.store.insert_journey(&journey, Some(at(1)), at(1)).await.unwrap();
    assert_eq!(claim(&kit.store, 1, 10).await, ["jrn_1"]);
    // The look writes what it has seen, and goes on.
    assert!(kit.store.save_journey(&journey, 1, Some(at(2)), at(2)).await.unwrap());
    kit.store.wake_journey("default", "jrn_1", at(3)).await.unwrap();
    assert!(claim(&kit.store, 50, 10).await.is_empty());
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), None);
    kit.store.end_look("default", "jrn_1").await.unwrap();
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(3)));
    assert_eq!(claim(&kit.store, 50, 10).await, ["jrn_1"]);
}

async fn a_look_that_never_ends_is_given_up(kit: &Kit) {
    kit.store.insert_journey(&testing::journey(), Some(at(1)), at(1)).await.unwrap();
    assert_eq!(claim(&kit.store, 1, 10).await, ["jrn_1"]);
    assert!(claim(&kit.store, 100, 10).await.is_empty());
    assert_eq!(claim(&kit.store, 101, 10).await, ["jrn_1"]);
    // Or the process ends in it: then it is due at once.
    kit.store.close().await;
    assert_eq!(claim(&kit.successor().await, 101, 10).await, ["jrn_1"]);
}

async fn a_wake_during_a_look_is_not_lost(kit: &Kit) {
    let journey = testing::journey();
    kit.store.insert_journey(&journey, Some(at(1)), at(1)).await.unwrap();
    assert_eq!(claim(&kit.store, 1, 10).await, ["jrn_1"]);
    kit.store.wake_journey("default", "jrn_1", at(2)).await.unwrap();
    // The look ends and would sleep for long.
    assert!(kit.store.save_journey(&journey, 1, Some(at(3_600)), at(3)).await.unwrap());
    kit.store.end_look("default", "jrn_1").await.unwrap();
    assert_eq!(claim(&kit.store, 3, 10).await, ["jrn_1"]);
    assert!(kit.store.save_journey(&journey, 2, Some(at(3_600)), at(4)).await.unwrap());
    kit.store.end_look("default", "jrn_1").await.unwrap();
    assert_eq!(kit.store.next_due(&ours()).await.unwrap(), Some(at(3_600)));
}

async fn another_key_is_refused_at_the_start(kit: &Kit) {
    assert!(matches!(kit.open(2).await.err(), Some(StoreError::MissingKey(_))));
    assert!(kit.open(1).await.is_ok());
}

/// Several replicas on one database.
mod replicas {
    use super::*;

    #[tokio::test]
    async fn each_journey_is_claimed_by_one() {
        let kit = Kit::postgres().await;
        for number in 0..40 {
            let mut journey = testing::journey();
            journey.id = format!("jrn_{number:02}");
            kit.store.insert_journey(&journey, Some(at(1)), at(1)).await.unwrap();
        }
        let mut claims = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let store = kit.open(1).await.unwrap();
            claims.spawn(async move {
                let mut all = Vec::new();
                loop {
                    let claimed = claim(&store, 1, 3).await;
                    if claimed.is_empty() {
                        return (store, all);
                    }
                    all.extend(claimed);
                }
            });
        }
        // The stores live on until all have claimed: one that ends frees what it claimed.
        let claimed = claims.join_all().await;
        let mut all: Vec<&String> = claimed.iter().flat_map(|(_, ids)| ids).collect();
        // SKIP LOCKED may leave a row to whoever held it, so what is left is claimed now.
        let rest = claim(&kit.store, 1, 40).await;
        all.extend(&rest);
        all.sort();
        let once: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), once.len()), (40, 40));
    }
}

async fn what_is_due_of_a_tenant_that_is_not_served_is_left_alone(kit: &Kit) {
    let (store, known) = (&kit.store, ["default".into()]);
    let mut strange = testing::journey();
    strange.tenant = "stranger".to_owned();
    store.insert_journey(&strange, Some(at(5)), at(5)).await.unwrap();
    store.insert_journey(&testing::journey(), Some(at(9)), at(5)).await.unwrap();
    // Neither claimed nor a reason to wake up for.
    assert_eq!(store.next_due(&known).await.unwrap(), Some(at(9)));
    let look = Look { now: at(10), until: at(110) };
    assert_eq!(lanes::claim_all(store, &known, look, 10).await, [("default".to_owned(), "jrn_1".to_owned())]);
    assert_eq!(lanes::claim_all(store, &known, look, 10).await, []);
    assert_eq!(store.due_elsewhere(&known, at(4)).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.due_elsewhere(&known, at(10)).await.unwrap(), ["stranger"]);
    // Whoever serves it finds it as it was.
    assert_eq!(lanes::claim_all(store, &["stranger".into()], look, 10).await, [("stranger".to_owned(), "jrn_1".to_owned())]);
}

async fn a_reference_is_found_with_its_tenant(kit: &Kit) {
    let store = &kit.store;
    for tenant in ["default", "other"] {
        let mut journey = testing::journey();
        (journey.tenant, journey.id) = (tenant.to_owned(), format!("jrn_{tenant}"));
        store.insert_journey(&journey, None, at(5)).await.unwrap();
    }
    let found = async |tenants: &[&str]| {
        let tenants: Vec<_> = tenants.iter().map(|tenant| (*tenant).into()).collect();
        let mut found = store.any_by_ref(&tenants, "test", "handle-1").await.unwrap();
        found.sort();
        found.into_iter().map(|(tenant, journey_id)| format!("{tenant} {journey_id}")).collect::<Vec<_>>()
    };
    assert_eq!(found(&["default"]).await, ["default jrn_default"]);
    assert_eq!(found(&["default", "other", "third"]).await, ["default jrn_default", "other jrn_other"]);
    assert!(found(&["third"]).await.is_empty());
    assert!(store.any_by_ref(&ours(), "test", "handle-2").await.unwrap().is_empty());
}
