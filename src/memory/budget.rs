//! The budget of bytes for bodies in flight.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::room::Room;

/// Bytes per permit. One acquisition takes a `u32` of permits, so the budget is at most 4 TiB.
pub(super) const UNIT: u64 = 1024;

/// There was no room until the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for the body within the call's time")]
pub struct NoRoom;

/// The bytes that bodies in flight may take in the whole process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    ledger: Arc<Ledger>,
}

/// What is counted of a budget.
#[derive(Debug)]
pub(super) struct Ledger {
    units: u32,
    room: Arc<Semaphore>,
    waiting: AtomicU64,
    held: AtomicU64,
    peak: AtomicU64,
}

impl Ledger {
    fn took(&self, units: u32) {
        let held = self.held.fetch_add(u64::from(units), Ordering::Relaxed) + u64::from(units);
        self.peak.fetch_max(held, Ordering::Relaxed);
    }

    pub(super) fn gave_back(&self, units: u32) {
        self.held.fetch_sub(u64::from(units), Ordering::Relaxed);
    }
}

impl BodyBudget {
    /// A budget of so many bytes, at least one unit of 1 KiB.
    pub fn new(bytes: u64) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let units = u32::try_from(bytes / UNIT).unwrap_or(most).clamp(1, most);
        let room = Arc::new(Semaphore::new(units as usize));
        let count = AtomicU64::default;
        Self { ledger: Arc::new(Ledger { units, room, waiting: count(), held: count(), peak: count() }) }
    }

    /// A part of the budget for one credential, whose reservations together take at most half of it: a provider whose bodies come slowly leaves
    /// the other half to the others.
    pub fn share(&self) -> BodyShare {
        let most = (self.ledger.units / 2).max(1);
        BodyShare { budget: self.clone(), most, own: Arc::new(Semaphore::new(most as usize)) }
    }

    /// Reserves bytes, first come first served. More than the whole budget is clamped to it, so that such a body runs alone. Of its callers no
    /// one may hold a reservation while it waits for another one: two such callers could wait for each other.
    ///
    /// # Errors
    /// [`NoRoom`] if there is no room until the deadline.
    pub async fn reserve(&self, bytes: u64, deadline: Instant) -> Result<Room, NoRoom> {
        self.take(bytes, deadline, None).await
    }

    /// The size of the budget in bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.ledger.units) * UNIT
    }

    /// Bytes that are reserved now.
    pub fn in_use(&self) -> u64 {
        self.ledger.held.load(Ordering::Relaxed) * UNIT
    }

    /// The most bytes that were reserved at once so far.
    pub fn peak(&self) -> u64 {
        self.ledger.peak.load(Ordering::Relaxed) * UNIT
    }

    /// How many callers wait for room now.
    pub fn waiting(&self) -> u64 {
        self.ledger.waiting.load(Ordering::Relaxed)
    }

    async fn take(&self, bytes: u64, deadline: Instant, share: Option<&BodyShare>) -> Result<Room, NoRoom> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.ledger.units);
        let _waits = Waits::new(&self.ledger);
        let permits = async {
            // The share first, always: every caller takes both in the same order.
            let own = match share {
                Some(share) => Some(share.own.clone().acquire_many_owned(units.min(share.most)).await?),
                None => None,
            };
            Ok::<_, AcquireError>((own, self.ledger.room.clone().acquire_many_owned(units).await?))
        };
        let (own, all): (Option<OwnedSemaphorePermit>, _) =
            timeout_at(deadline, permits).await.map_err(|_| NoRoom)?.map_err(|_| NoRoom)?;
        self.ledger.took(units);
        Ok(Room::new(self.ledger.clone(), own, all))
    }
}

/// One credential's part of the budget. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyShare {
    budget: BodyBudget,
    most: u32,
    own: Arc<Semaphore>,
}

impl BodyShare {
    /// As [`BodyBudget::reserve`], within the share. What is more than the share takes all of it, and the rest from the budget.
    ///
    /// # Errors
    /// [`NoRoom`] if there is no room until the deadline.
    pub async fn reserve(&self, bytes: u64, deadline: Instant) -> Result<Room, NoRoom> {
        self.budget.take(bytes, deadline, Some(self)).await
    }

    /// A part of the same budget for another credential.
    pub fn another(&self) -> Self {
        self.budget.share()
    }

    /// The most bytes that all reservations of the share take, one that is larger apart.
    pub fn size(&self) -> u64 {
        u64::from(self.most) * UNIT
    }
}

/// Counts a caller that waits. It ends with the caller, however that ends.
struct Waits<'a>(&'a Ledger);

impl<'a> Waits<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        ledger.waiting.fetch_add(1, Ordering::Relaxed);
        Self(ledger)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
