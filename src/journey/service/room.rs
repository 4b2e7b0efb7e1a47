//! Room in memory for what a read loads from the store. It is reserved once, before anything is loaded, for everything that the read holds:
//! a reader that waits for room holds none, so readers cannot wait for each other.

use super::{Service, reading::Reading};
use crate::{
    journey::error::JourneyError,
    memory::{BODY_FACTOR, Room, SMALL_BODY},
    providers::provider::Call,
    store::LargeValue,
};

impl Service {
    /// Waits for room for a stored value of so many bytes and what is made of it. Small ones need none.
    ///
    /// # Errors
    /// [`JourneyError::Overloaded`] if there is no room within the call's time.
    pub(super) async fn room_for(&self, call: Call, stored_bytes: u64) -> Result<Room, JourneyError> {
        if stored_bytes <= SMALL_BODY {
            return Ok(Room::default());
        }
        let room = self.parts.bodies.reserve(stored_bytes.saturating_mul(BODY_FACTOR), call.deadline).await;
        room.map_err(|_| JourneyError::Overloaded)
    }

    /// Waits for room for one stored value. One that is not there needs none.
    pub(super) async fn room_for_stored(&self, call: Call, value: LargeValue<'_>) -> Result<Room, JourneyError> {
        let bytes = self.parts.store.stored_bytes(&self.parts.tenant.id, value).await?;
        self.room_for(call, bytes.unwrap_or(0)).await
    }

    /// The bytes that a read loads. What is not picked up yet is picked up first, which takes room of its own and gives it back.
    pub(super) async fn bytes_of(&self, call: Call, journey_id: &str, reading: &Reading) -> Result<u64, JourneyError> {
        let (store, tenant) = (&self.parts.store, &self.parts.tenant.id);
        let mut all = 0_u64;
        for snapshot in reading.snapshots() {
            let mut bytes = store.stored_bytes(tenant, LargeValue::Snapshot(snapshot)).await?;
            if bytes.is_none() {
                self.pick_up(call, tenant, journey_id, snapshot, None).await?;
                bytes = store.stored_bytes(tenant, LargeValue::Snapshot(snapshot)).await?;
            }
            all = all.saturating_add(bytes.ok_or(JourneyError::DataExpired)?);
        }
        Ok(all)
    }
}
