//! Keys: sealing of what is kept (AES-256-GCM) and keyed hashes (HMAC-SHA256) for ids and look-ups. Both come from one key file.

mod keyed_hash;
mod sealer;

pub use keyed_hash::KeyedHash;
pub use sealer::{Sealer, Unsealable};

/// Everything that is derived from the key file.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Seals what is kept.
    pub sealer: Sealer,
    /// Hashes for look-ups, ids and tokens.
    pub hash: KeyedHash,
}

impl Keys {
    /// Derives both from 32 secret bytes, so that neither use tells anything about the other.
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = KeyedHash::new(secret);
        Self { sealer: Sealer::new(&root.digest([b"seal".as_slice()])), hash: root.derive("hash", "") }
    }
}
