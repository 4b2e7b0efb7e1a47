use std::collections::BTreeMap;

use super::*;

fn lane(tenant: &str, name: &str) -> Lane {
    Lane { tenant: tenant.to_owned(), name: name.to_owned() }
}

/// Tenants of weight 1 with one lane each.
fn singles(capacity: usize, count: usize) -> (FairQueue, Vec<Lane>) {
    let lanes: Vec<Lane> = (0..count).map(|number| lane(&format!("t{number:02}"), "p/c")).collect();
    (FairQueue::new(capacity, lanes.iter().map(|lane| (1, vec![lane.clone()]))), lanes)
}

fn counts(slots: &[Slot]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for slot in slots {
        *counts.entry(slot.lane().tenant.as_str()).or_default() += 1;
    }
    counts
}

fn begun(slots: Vec<Slot>) -> Vec<Slot> {
    slots.into_iter().map(Slot::begin).collect()
}

#[test]
fn the_only_lane_may_have_the_whole_capacity() {
    let (queue, lanes) = singles(16, 1);
    assert_eq!(queue.take(&lanes, 100).len(), 16);
}

#[test]
fn lanes_that_want_together_get_slots_in_turn() {
    let (queue, lanes) = singles(16, 3);
    let slots = queue.take(&lanes, 6);
    let order: Vec<&str> = slots.iter().map(|slot| slot.lane().tenant.as_str()).collect();
    assert_eq!(order, ["t00", "t01", "t02", "t00", "t01", "t02"]);
}

#[test]
fn an_idle_lanes_share_of_the_common_half_is_lent() {
    let (queue, lanes) = singles(16, 2);
    // Own share 4; of the 8 that are lent it borrows while fewer than the rest.
    assert_eq!(queue.take(&lanes[..1], 100).len(), 8);
}

#[test]
fn a_lane_that_hangs_leaves_slots_for_every_other_lane() {
    for (capacity, count) in [(1, 2), (2, 5), (16, 2), (16, 6), (16, 40), (64, 3)] {
        let (queue, lanes) = singles(capacity, count);
        let hanging = begun(queue.take(&lanes[..1], 10_000));
        // The ones that hang one after another take their bounded part, and each later one still gets a slot.
        let mut held = vec![hanging];
        for other in &lanes[1..] {
            let slots = begun(queue.take(std::slice::from_ref(other), 10_000));
            assert!(!slots.is_empty(), "{capacity} {count} {other:?}");
            held.push(slots);
        }
        let total: usize = held.iter().map(Vec::len).sum();
        assert!(total <= capacity.max(count), "{capacity} {count} {total}");
    }
}

#[test]
fn more_due_work_of_a_lane_brings_it_no_more_slots() {
    let (queue, lanes) = singles(16, 2);
    let hanging = begun(queue.take(&lanes[..1], 10_000));
    let before = hanging.len();
    for _ in 0..10_000 {
        assert!(queue.take(&lanes[..1], 10_000).is_empty());
    }
    // The other lane works on: each slot that it gives back it gets again.
    for _ in 0..1_000 {
        let work = begun(queue.take(&lanes, 10_000));
        assert!(!work.is_empty() && work.iter().all(|slot| slot.lane() == &lanes[1]));
    }
    assert_eq!(before, hanging.len());
}

#[test]
fn slots_are_divided_by_weight() {
    let lanes = [lane("large", "p/c"), lane("small", "p/c")];
    let queue = FairQueue::new(16, [(3, vec![lanes[0].clone()]), (1, vec![lanes[1].clone()])]);
    let mut served = BTreeMap::<String, u32>::new();
    // One slot at a time, so that only the order decides.
    for _ in 0..400 {
        let slot = queue.take(&lanes, 1).remove(0).begin();
        *served.entry(slot.lane().tenant.clone()).or_default() += 1;
    }
    assert_eq!((served["large"], served["small"]), (300, 100));
}

#[test]
fn many_credentials_bring_a_tenant_no_more_than_one() {
    let many: Vec<Lane> = (0..4).map(|number| lane("many", &format!("p/{number}"))).collect();
    let one = lane("one", "p/c");
    let queue = FairQueue::new(64, [(1, many.clone()), (1, vec![one.clone()])]);
    let wanting: Vec<Lane> = many.into_iter().chain([one]).collect();
    let mut served = BTreeMap::<String, u32>::new();
    for _ in 0..400 {
        let slot = queue.take(&wanting, 1).remove(0).begin();
        *served.entry(slot.lane().tenant.clone()).or_default() += 1;
    }
    assert_eq!((served["many"], served["one"]), (200, 200));
}

#[test]
fn an_idle_lane_saves_nothing_up() {
    let (queue, lanes) = singles(2, 2);
    for _ in 0..100 {
        drop(begun(queue.take(&lanes[..1], 1)));
    }
    let order: Vec<String> = (0..4)
        .map(|_| {
            let slot = queue.take(&lanes, 1).remove(0).begin();
            slot.lane().tenant.clone()
        })
        .collect();
    assert_eq!(order.iter().filter(|tenant| *tenant == "t00").count(), 2, "{order:?}");
}

#[test]
fn a_slot_that_is_dropped_is_free_again() {
    let (queue, lanes) = singles(16, 3);
    let first = counts(&queue.take(&lanes, 100)).into_iter().map(|(name, count)| (name.to_owned(), count)).collect::<Vec<_>>();
    for _ in 0..50 {
        let again = queue.take(&lanes, 100);
        let again: Vec<_> = counts(&again).into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        assert_eq!(again, first);
    }
}

#[test]
fn work_that_panics_or_is_cancelled_gives_its_slot_back() {
    let (queue, lanes) = singles(1, 1);
    let slot = queue.take(&lanes, 1).remove(0).begin();
    let work = std::panic::AssertUnwindSafe(move || {
        let _slot = slot;
        panic!("the work ends early");
    });
    assert!(std::panic::catch_unwind(work).is_err());
    assert_eq!(queue.take(&lanes, 1).len(), 1);
}

#[test]
fn a_lane_outside_the_configuration_is_served_and_forgotten() {
    let (queue, mut lanes) = singles(4, 1);
    for number in 0..1_000 {
        lanes.push(lane("t00", &format!("gone/{number}")));
        let slots = begun(queue.take(&lanes[number + 1..], 1));
        assert_eq!(slots.len(), 1);
    }
    assert_eq!(queue.lock().lanes.len(), 1);
}
