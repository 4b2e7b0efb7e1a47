//! A reservation of the budget.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::budget::{Ledger, UNIT};

/// Bytes that are reserved for a body as long as a clone of this lives. The default one reserves nothing: a small body needs no reservation.
#[derive(Debug, Clone, Default)]
pub struct Room(Option<Arc<Reserved>>);

#[derive(Debug)]
struct Reserved {
    ledger: Arc<Ledger>,
    permits: Mutex<Permits>,
}

#[derive(Debug)]
struct Permits {
    own: Option<OwnedSemaphorePermit>,
    all: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(ledger: Arc<Ledger>, own: Option<OwnedSemaphorePermit>, all: OwnedSemaphorePermit) -> Self {
        Self(Some(Arc::new(Reserved { ledger, permits: Mutex::new(Permits { own, all }) })))
    }

    /// Gives back what is reserved beyond so many bytes.
    pub fn shrink_to(&self, bytes: u64) {
        let Some(reserved) = &self.0 else { return };
        let keep = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let mut permits = reserved.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let beyond = |held: &OwnedSemaphorePermit| held.num_permits().saturating_sub(keep);
        if let Some(own) = &mut permits.own {
            drop(own.split(beyond(own)));
        }
        let surplus = beyond(&permits.all);
        drop(permits.all.split(surplus));
        reserved.ledger.gave_back(u32::try_from(surplus).unwrap_or(u32::MAX));
    }

    /// Bytes that it reserves now.
    pub fn bytes(&self) -> u64 {
        let Some(reserved) = &self.0 else { return 0 };
        let permits = reserved.permits.lock().unwrap_or_else(PoisonError::into_inner);
        permits.all.num_permits() as u64 * UNIT
    }

    /// The same bytes, which hold the reservation until the last slice of them is gone: for an answer that is on its way to a caller.
    pub fn bind(self, bytes: Bytes) -> Bytes {
        if self.0.is_none() {
            return bytes;
        }
        Bytes::from_owner(Bound { bytes, _room: self })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let permits = self.permits.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.ledger.gave_back(u32::try_from(permits.all.num_permits()).unwrap_or(u32::MAX));
    }
}

struct Bound {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Bound {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
