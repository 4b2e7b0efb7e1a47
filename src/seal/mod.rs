//! Keys: sealing of what is kept (AES-256-GCM) and keyed hashes (HMAC-SHA256) for ids and look-ups.
//!
//! Sealing keys come from files and change; [`ring`] holds them. The key of the hashes never changes, or nothing would be found again: it is
//! made from the key that a store begins with, and kept in the store, sealed as everything else.

mod keyed_hash;
mod ring;
mod sealer;

pub use keyed_hash::KeyedHash;
pub use ring::{KeyId, Ring};
pub use sealer::{HEAD, SealedUnder, Sealer, Unsealable};

/// The sealing keys, for whoever opens a store. Cheap to clone; a change of the keys is seen by all clones.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Seals what is kept.
    pub sealer: Sealer,
}

impl Keys {
    /// One key of 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self::of(Ring::new(secret, []))
    }

    /// Several keys, of which one is current.
    pub fn of(ring: Ring) -> Self {
        Self { sealer: Sealer::new(ring) }
    }
}
