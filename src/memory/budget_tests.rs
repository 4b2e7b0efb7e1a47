use std::time::Duration;

use bytes::Bytes;

use tokio::task::JoinHandle;

use super::*;

const KIB: u64 = 1024;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn waiting(budget: &BodyBudget, kib: u64) -> JoinHandle<Room> {
    let budget = budget.clone();
    tokio::spawn(async move { budget.reserve(kib * KIB, soon()).await.unwrap() })
}

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn callers_get_their_turn_in_the_order_they_came() {
    let budget = BodyBudget::new(10 * KIB);
    let first = budget.reserve(8 * KIB, soon()).await.unwrap();
    let large = waiting(&budget, 9);
    settle().await;
    let small = waiting(&budget, 1);
    settle().await;
    assert_eq!((budget.waiting(), small.is_finished()), (2, false), "a small body does not pass a large one");
    drop(first);
    let large = large.await.unwrap();
    let _small = small.await.unwrap();
    assert_eq!((budget.in_use(), budget.waiting()), (10 * KIB, 0));
    drop(large);
    assert_eq!(budget.in_use(), KIB);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_gives_back_its_turn() {
    let budget = BodyBudget::new(10 * KIB);
    let first = budget.reserve(8 * KIB, soon()).await.unwrap();
    let (leaves, stays) = (waiting(&budget, 10), waiting(&budget, 2));
    settle().await;
    leaves.abort();
    let stays = stays.await.unwrap();
    assert_eq!((budget.in_use(), budget.waiting()), (10 * KIB, 0));
    drop((first, stays));
    assert_eq!(budget.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_gives_back_what_was_reserved() {
    let budget = BodyBudget::new(10 * KIB);
    let room = budget.reserve(10 * KIB, soon()).await.unwrap();
    let panics = tokio::spawn(async move {
        let _room = room;
        panic!("a fault of a reader");
    });
    assert!(panics.await.unwrap_err().is_panic());
    assert_eq!(budget.in_use(), 0);
    assert!(budget.reserve(10 * KIB, soon()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn more_than_the_budget_runs_alone() {
    let budget = BodyBudget::new(10 * KIB);
    let small = budget.reserve(KIB, soon()).await.unwrap();
    let huge = waiting(&budget, 1_000_000);
    settle().await;
    assert!(!huge.is_finished());
    drop(small);
    let huge = huge.await.unwrap();
    assert_eq!((huge.bytes(), budget.in_use(), budget.peak()), (10 * KIB, 10 * KIB, 10 * KIB));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_deadline() {
    let budget = BodyBudget::new(10 * KIB);
    let _held = budget.reserve(10 * KIB, soon()).await.unwrap();
    let begin = Instant::now();
    let refused = budget.reserve(KIB, begin + Duration::from_secs(3)).await;
    assert_eq!((refused.unwrap_err(), begin.elapsed()), (NoRoom, Duration::from_secs(3)));
    assert_eq!((budget.waiting(), budget.in_use()), (0, 10 * KIB));
}

#[tokio::test(start_paused = true)]
async fn one_credential_leaves_half_to_the_others() {
    let budget = BodyBudget::new(10 * KIB);
    let (slow, other) = (budget.share(), budget.share());
    let mut held = vec![slow.reserve(5 * KIB, soon()).await.unwrap()];
    let more = tokio::spawn({
        let slow = slow.clone();
        async move { slow.reserve(KIB, soon()).await.unwrap() }
    });
    settle().await;
    assert!(!more.is_finished());
    held.push(other.reserve(5 * KIB, soon()).await.unwrap());
    assert_eq!((budget.in_use(), slow.size()), (10 * KIB, 5 * KIB));
    held.clear();
    drop(more.await.unwrap());
    // More than the share is a body that runs without another one of its credential.
    let huge = slow.reserve(100 * KIB, soon()).await.unwrap();
    assert_eq!(huge.bytes(), 10 * KIB);
    drop(huge);
    assert_eq!(budget.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn shrinking_a_reservation_frees_room_for_waiting_callers() {
    let budget = BodyBudget::new(10 * KIB);
    let share = budget.share();
    let room = share.reserve(10 * KIB, soon()).await.unwrap();
    let waits = waiting(&budget, 7);
    settle().await;
    room.shrink_to(3 * KIB - 1);
    let waits = waits.await.unwrap();
    assert_eq!((room.bytes(), budget.in_use()), (3 * KIB, 10 * KIB));
    room.shrink_to(100 * KIB);
    assert_eq!(room.bytes(), 3 * KIB, "a reservation never grows");
    drop((room, waits));
    assert_eq!((budget.in_use(), share.own.available_permits()), (0, 5));
}

#[tokio::test(start_paused = true)]
async fn bound_bytes_hold_the_room_until_their_last_slice_is_gone() {
    let budget = BodyBudget::new(10 * KIB);
    let bytes = budget.reserve(4 * KIB, soon()).await.unwrap().bind(Bytes::from_static(b"0123456789"));
    let slice = bytes.slice(2..4);
    drop(bytes);
    assert_eq!((&slice[..], budget.in_use()), (&b"23"[..], 4 * KIB));
    drop(slice);
    assert_eq!(budget.in_use(), 0);
}
