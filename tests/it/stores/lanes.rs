//! What is due, lane by lane.

use sangam::{
    access::TenantId,
    journey::model::Journey,
    store::{ClaimedJourney, DueLane, Lane, Look, Share, Store},
};

use super::{Kit, at, on_every_store, ours, testing};

on_every_store!(
    ten_thousand_due_journeys_of_a_lane_hide_no_other,
    a_share_claims_its_own_lane_and_the_soonest_first,
    a_lane_without_a_date_is_not_listed,
    a_journey_that_is_polled_is_not_the_first_of_its_lane,
    a_write_moves_a_journey_of_an_older_release_to_its_lane,
);

/// Claims up to `limit` journeys of each due lane, as the only claimer does. Returns tenants and journey ids.
pub async fn claim_all(store: &Store, tenants: &[TenantId], look: Look, limit: u32) -> Vec<(String, String)> {
    let lanes = store.due_lanes(tenants, look.now).await.unwrap();
    let due = lanes.into_iter().filter(|lane| lane.due_at <= look.now);
    let shares: Vec<Share> = due.map(|due| Share { lane: due.lane, limit }).collect();
    let claimed = store.claim_due(&shares, look).await.unwrap();
    claimed.into_iter().map(|claimed| (claimed.lane.tenant, claimed.journey_id)).collect()
}

fn journey(tenant: &str, id: &str, credential: &str) -> Journey {
    let mut journey = testing::journey();
    (journey.tenant, journey.id) = (tenant.to_owned(), id.to_owned());
    credential.clone_into(&mut journey.routing.credential);
    journey
}

fn lane(tenant: &str, credential: &str) -> Lane {
    Lane { tenant: tenant.to_owned(), name: journey(tenant, "", credential).routing.lane() }
}

fn look() -> Look {
    Look { now: at(10), until: at(100) }
}

async fn due(kit: &Kit, tenants: &[TenantId]) -> Vec<DueLane> {
    let mut due = kit.store.due_lanes(tenants, at(10)).await.unwrap();
    due.sort_by(|one, other| one.lane.cmp(&other.lane));
    due
}

async fn ten_thousand_due_journeys_of_a_lane_hide_no_other(kit: &Kit) {
    kit.store.insert_journey(&journey("default", "jrn_slow", "slow"), Some(at(1)), at(1)).await.unwrap();
    // Copies of the row: sealing ten thousand trees is not what this is about.
    kit.execute(
        "INSERT INTO journeys (tenant, id, version, provider, state, created_at, updated_at, due_at, sealed, lane)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
         SELECT tenant, 'jrn_slow_' || n, version, provider, state, created_at, updated_at, due_at, sealed, lane
         FROM journeys, numbers"
            .to_owned(),
    )
    .await;
    kit.store.insert_journey(&journey("default", "jrn_quick", "quick"), Some(at(9)), at(1)).await.unwrap();
    kit.store.insert_journey(&journey("other", "jrn_other", "slow"), Some(at(8)), at(1)).await.unwrap();
    let (quick, slow, other) = (lane("default", "quick"), lane("default", "slow"), lane("other", "slow"));
    let known = ["default".into(), "other".into()];
    let expected = [(&quick, 9), (&slow, 1), (&other, 8)].map(|(lane, due)| DueLane { lane: lane.clone(), due_at: at(due) });
    assert_eq!(due(kit, &known).await, expected);
    let shares = [&slow, &quick, &other].map(|lane| Share { lane: lane.clone(), limit: 3 });
    let claimed = kit.store.claim_due(&shares, look()).await.unwrap();
    let of = |lane: &Lane| claimed.iter().filter(|claimed| claimed.lane == *lane).count();
    assert_eq!((of(&slow), of(&quick), of(&other)), (3, 1, 1));
}

async fn a_share_claims_its_own_lane_and_the_soonest_first(kit: &Kit) {
    for (id, credential, second) in
        [("jrn_1", "a", 5), ("jrn_2", "a", 3), ("jrn_3", "a", 4), ("jrn_4", "b", 1), ("jrn_5", "a", 11)]
    {
        kit.store.insert_journey(&journey("default", id, credential), Some(at(second)), at(1)).await.unwrap();
    }
    let share = |limit| [Share { lane: lane("default", "a"), limit }];
    let ids = |claimed: Vec<ClaimedJourney>| {
        let mut ids: Vec<String> = claimed.into_iter().map(|claimed| claimed.journey_id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(kit.store.claim_due(&share(2), look()).await.unwrap()), ["jrn_2", "jrn_3"]);
    assert_eq!(ids(kit.store.claim_due(&share(9), look()).await.unwrap()), ["jrn_1"]);
    assert_eq!(ids(kit.store.claim_due(&share(9), look()).await.unwrap()), [""; 0]);
}

async fn a_lane_without_a_date_is_not_listed(kit: &Kit) {
    kit.store.insert_journey(&journey("default", "jrn_1", "a"), None, at(1)).await.unwrap();
    kit.store.insert_journey(&journey("default", "jrn_2", "b"), Some(at(500)), at(1)).await.unwrap();
    kit.store.insert_journey(&journey("stranger", "jrn_3", "c"), Some(at(1)), at(1)).await.unwrap();
    assert_eq!(due(kit, &ours()).await, [DueLane { lane: lane("default", "b"), due_at: at(500) }]);
}

async fn a_journey_that_is_polled_is_not_the_first_of_its_lane(kit: &Kit) {
    for (id, second) in [("jrn_1", 1), ("jrn_2", 2)] {
        kit.store.insert_journey(&journey("default", id, "a"), Some(at(second)), at(1)).await.unwrap();
    }
    kit.store.claim_due(&[Share { lane: lane("default", "a"), limit: 1 }], look()).await.unwrap();
    kit.store.wake_journey("default", "jrn_1", at(1)).await.unwrap();
    assert_eq!(due(kit, &ours()).await, [DueLane { lane: lane("default", "a"), due_at: at(2) }]);
}

async fn a_write_moves_a_journey_of_an_older_release_to_its_lane(kit: &Kit) {
    let journey = journey("default", "jrn_1", "a");
    kit.store.insert_journey(&journey, Some(at(1)), at(1)).await.unwrap();
    kit.execute("UPDATE journeys SET lane = ''".to_owned()).await;
    let old = Lane { tenant: "default".to_owned(), name: String::new() };
    assert_eq!(due(kit, &ours()).await, [DueLane { lane: old.clone(), due_at: at(1) }]);
    let claimed = kit.store.claim_due(&[Share { lane: old, limit: 5 }], look()).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert!(kit.store.save_journey(&journey, 1, Some(at(2)), at(2)).await.unwrap());
    kit.store.end_look("default", "jrn_1").await.unwrap();
    assert_eq!(due(kit, &ours()).await, [DueLane { lane: lane("default", "a"), due_at: at(2) }]);
}
