//! Keys: sealing of what is kept (AES-256-GCM) and keyed hashes (HMAC-SHA256) for ids and look-ups.

mod keyed_hash;

pub use keyed_hash::KeyedHash;
