//! The keys that a process holds: the current one seals, each of them opens what it sealed. A key is named by an id that is made from it,
//! so that nobody has to number keys, and a key that comes back under another file name is still the same.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use super::{KeyedHash, Unsealable};

/// Bytes of an id.
pub const ID: usize = 8;

/// Names a key and tells nothing of it: a keyed hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; ID]);

impl KeyId {
    /// The id of a sealing key of 32 bytes.
    pub fn of(secret: &[u8; 32]) -> Self {
        let mut id = [0; ID];
        let whole = KeyedHash::new(secret).digest([b"key id".as_slice()]);
        id.iter_mut().zip(whole).for_each(|(byte, of)| *byte = of);
        Self(id)
    }

    /// The id in these bytes, if there are exactly as many as it has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// One key.
pub(super) struct RingKey {
    pub(super) id: KeyId,
    aead: Option<RandomizedNonceKey>,
    /// The key of the hashes of a store that begins with this key.
    first_hash: [u8; 32],
}

impl RingKey {
    fn new(secret: &[u8; 32]) -> Self {
        let root = KeyedHash::new(secret);
        let aead = RandomizedNonceKey::new(&AES_256_GCM, &root.digest([b"seal".as_slice()])).ok();
        Self { id: KeyId::of(secret), aead, first_hash: root.digest([b"hash".as_slice(), b"".as_slice()]) }
    }

    /// Seals in place, and answers nonce and tag.
    pub(super) fn seal(&self, aad: Vec<u8>, plain: &mut [u8]) -> Result<(Nonce, Vec<u8>), Unsealable> {
        let key = self.aead.as_ref().ok_or(Unsealable)?;
        let (nonce, tag) = key.seal_in_place_separate_tag(Aad::from(aad), plain).map_err(|_| Unsealable)?;
        Ok((nonce, tag.as_ref().to_vec()))
    }

    /// Opens nonce, ciphertext and tag.
    pub(super) fn open(&self, aad: &[u8], nonce: &[u8], body: &[u8]) -> Result<Vec<u8>, Unsealable> {
        open(self.aead.as_ref(), aad, nonce, body)
    }
}

/// Opens under one key.
pub(super) fn open(key: Option<&RandomizedNonceKey>, aad: &[u8], nonce: &[u8], body: &[u8]) -> Result<Vec<u8>, Unsealable> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealable)?;
    let mut body = body.to_vec();
    let len = key.ok_or(Unsealable)?.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| Unsealable)?.len();
    body.truncate(len);
    Ok(body)
}

/// See the module.
pub struct Ring {
    pub(super) current: RingKey,
    previous: Vec<RingKey>,
}

impl Ring {
    /// A ring of a current key and of those before it, each of 32 bytes. A key that is named twice counts once.
    pub fn new<'a>(current: &[u8; 32], previous: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        let mut ring = Self { current: RingKey::new(current), previous: Vec::new() };
        for secret in previous {
            if ring.find(KeyId::of(secret)).is_none() {
                ring.previous.push(RingKey::new(secret));
            }
        }
        ring
    }

    /// The ids of the keys, the current one first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys().map(|key| key.id).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &RingKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&RingKey> {
        self.keys().find(|key| key.id == id)
    }

    /// The key of the hashes of a store that began with this key.
    pub(crate) fn first_hash(&self, id: KeyId) -> Option<[u8; 32]> {
        self.find(id).map(|key| key.first_hash)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ring").field(&self.ids()).finish()
    }
}
