//! Keyed hashes: equal on every replica, telling nothing without the key.

use aws_lc_rs::hmac;

/// HMAC-SHA256 under one key.
#[derive(Clone)]
pub struct KeyedHash(hmac::Key);

impl KeyedHash {
    /// A hash under `key`.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A hash under a key of its own for one use and owner, such as ("ids", tenant): two uses never give the same value.
    #[must_use]
    pub fn derive(&self, usage: &str, owner: &str) -> Self {
        Self::new(&self.digest([usage.as_bytes(), owner.as_bytes()]))
    }

    /// The hash of parts; each part's length is hashed too, so that no two lists of parts collide.
    pub fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash(..)")
    }
}
