//! Divides the background's capacity among lanes, each the journeys of one credential of one tenant. A lane whose provider does not answer
//! keeps every slot that it holds for a long time, so what one lane may hold is bounded:
//!
//! - Half of the capacity is divided by weight. Each lane has such a share of its own, of at least one slot, which no other lane can take.
//! - The other half is lent. A lane may borrow while it has borrowed fewer slots than are left, so later lanes can borrow too. A lane that is
//!   the only one may have the whole capacity.
//!
//! Among the lanes that may have the next slot, the one that had the least for its weight gets it (start-time fair queueing).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::store::Lane;

/// Virtual time that passes for a lane of weight 1 with each slot.
const STEP: u128 = 1 << 64;
/// Weight of a lane whose credential is not in the configuration. Configured lanes weigh at least as much.
const STRAY: u64 = 1;
/// Weight of a tenant's lanes together, times the tenant's own weight.
const TENANT: u64 = 1 << 20;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FairQueue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    capacity: u64,
    /// Virtual time: the start of the latest slot.
    now: u128,
    lanes: BTreeMap<Lane, Held>,
}

/// What a lane has.
#[derive(Debug, Clone, Copy)]
struct Held {
    weight: u64,
    slots: u64,
    /// When its next slot starts, in virtual time.
    next: u128,
    /// Whether it is one of the configuration. Others are forgotten when they hold nothing, so that memory stays bounded.
    configured: bool,
}

/// The right to do one piece of work of a lane, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    queue: FairQueue,
    lane: Lane,
    used: bool,
}

impl Slot {
    /// The work begins. A slot that is dropped unused is not counted against its lane.
    pub fn begin(mut self) -> Self {
        self.used = true;
        self
    }

    /// The lane.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.queue.lock().give_back(&self.lane, self.used);
    }
}

impl FairQueue {
    /// A queue of so many slots for the configured tenants, each with its weight and its lanes. A tenant with many credentials gets no more
    /// than one with a single credential.
    pub fn new(capacity: usize, tenants: impl IntoIterator<Item = (u32, Vec<Lane>)>) -> Self {
        let mut lanes = BTreeMap::new();
        for (weight, own) in tenants {
            let each = (TENANT * u64::from(weight.max(1)) / own.len().max(1) as u64).max(STRAY);
            let held = Held { weight: each, slots: 0, next: 0, configured: true };
            lanes.extend(own.into_iter().map(|lane| (lane, held)));
        }
        Self(Arc::new(Mutex::new(State { capacity: capacity.max(1) as u64, now: 0, lanes })))
    }

    /// Takes up to `most` slots for the lanes in `wanting`, in the order in which to use them. A lane in `wanting` may get several slots.
    pub fn take(&self, wanting: &[Lane], most: usize) -> Vec<Slot> {
        let mut state = self.lock();
        let mut slots = Vec::new();
        while slots.len() < most
            && let Some(lane) = state.next(wanting)
        {
            state.give(&lane);
            slots.push(Slot { queue: self.clone(), lane, used: false });
        }
        slots
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self, lane: &Lane) -> Held {
        self.lanes.get(lane).copied().unwrap_or(Held { weight: STRAY, slots: 0, next: 0, configured: false })
    }

    /// What a lane can have whatever the others hold.
    fn own(&self, held: Held) -> u64 {
        let total: u64 = self.lanes.values().map(|held| held.weight).sum();
        if total == held.weight {
            return self.capacity;
        }
        (u128::from(self.capacity / 2) * u128::from(held.weight) / u128::from(total.max(1))).try_into().unwrap_or(1).max(1)
    }

    fn may_have(&self, held: Held) -> bool {
        let own = self.own(held);
        if held.slots < own {
            return true;
        }
        let (mut owned, mut borrowed) = (0, 0);
        for other in self.lanes.values() {
            let own = self.own(*other);
            owned += own;
            borrowed += other.slots.saturating_sub(own);
        }
        held.slots - own < self.capacity.saturating_sub(owned).saturating_sub(borrowed)
    }

    fn next(&self, wanting: &[Lane]) -> Option<Lane> {
        let may = wanting.iter().map(|lane| (lane, self.held(lane))).filter(|(_, held)| self.may_have(*held));
        may.min_by_key(|(lane, held)| (held.next.max(self.now), *lane)).map(|(lane, _)| lane.clone())
    }

    fn give(&mut self, lane: &Lane) {
        let mut held = self.held(lane);
        // A lane that had no work has saved nothing up.
        self.now = held.next.max(self.now);
        held.next = self.now + STEP / u128::from(held.weight);
        held.slots += 1;
        self.lanes.insert(lane.clone(), held);
    }

    fn give_back(&mut self, lane: &Lane, used: bool) {
        let Some(held) = self.lanes.get_mut(lane) else { return };
        held.slots = held.slots.saturating_sub(1);
        if !used {
            held.next = held.next.saturating_sub(STEP / u128::from(held.weight));
        }
        if held.slots == 0 && !held.configured {
            self.lanes.remove(lane);
        }
    }
}

#[cfg(test)]
#[path = "fair_queue_tests.rs"]
mod tests;
