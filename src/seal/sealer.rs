//! Sealing: AES-256-GCM with a random nonce. The place where a value is kept is authenticated with it, so that no row can be moved to
//! another tenant or id unnoticed.
//!
//! What must be gone on a date is sealed under a random key of its own, which is kept wrapped apart from it: once the wrapped key is
//! destroyed, no copy of the row can be opened any more, wherever one may lie.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    rand,
};
use zeroize::Zeroizing;

/// The format: this byte, the nonce, the ciphertext, the tag. Another byte will stand for another key when keys rotate.
const FORMAT: u8 = 1;
/// The same, under an item's own key.
const ITEM_FORMAT: u8 = 0x81;
const NONCE: usize = 12;

/// A sealed value that cannot be opened: damaged, moved, or sealed under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened")]
pub struct Unsealable;

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer {
    key: Option<Arc<RandomizedNonceKey>>,
    format: u8,
}

impl Sealer {
    /// A sealer under a key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self::with_format(key, FORMAT)
    }

    fn with_format(key: &[u8; 32], format: u8) -> Self {
        Self { key: RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(Arc::new), format }
    }

    /// A sealer under a new key for one item, and that key wrapped for the item's place.
    pub fn new_item(&self, place: &[&str]) -> Result<(Self, Vec<u8>), Unsealable> {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut *key).map_err(|_| Unsealable)?;
        let wrapped = self.seal(place, &*key)?;
        Ok((Self::with_format(&key, ITEM_FORMAT), wrapped))
    }

    /// The sealer of one item, by its wrapped key.
    pub fn item(&self, place: &[&str], wrapped: &[u8]) -> Result<Self, Unsealable> {
        let plain = Zeroizing::new(self.open(place, wrapped)?);
        let key = Zeroizing::new(<[u8; 32]>::try_from(plain.as_slice()).map_err(|_| Unsealable)?);
        Ok(Self::with_format(&key, ITEM_FORMAT))
    }

    /// Whether a value was sealed under an item's own key, and not under the store's.
    pub fn is_of_item(sealed: &[u8]) -> bool {
        sealed.first() == Some(&ITEM_FORMAT)
    }

    /// Seals `plain` for the place `place`.
    #[allow(clippy::indexing_slicing, reason = "of what was put together above")]
    pub fn seal(&self, place: &[&str], plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let key = self.key.as_ref().ok_or(Unsealable)?;
        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + AES_256_GCM.tag_len());
        sealed.push(self.format);
        sealed.extend_from_slice(&[0; NONCE]);
        sealed.extend_from_slice(plain);
        // Where it stays: a snapshot is megabytes, and every further copy of it counts while many fetches are under way.
        let (nonce, tag) =
            key.seal_in_place_separate_tag(Aad::from(aad(place)), &mut sealed[1 + NONCE..]).map_err(|_| Unsealable)?;
        sealed[1..=NONCE].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for the same place.
    #[allow(clippy::indexing_slicing, reason = "the head is as long as it was split off")]
    pub fn open(&self, place: &[&str], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let key = self.key.as_ref().ok_or(Unsealable)?;
        let (head, body) = sealed.split_at_checked(1 + NONCE).ok_or(Unsealable)?;
        if head[0] != self.format {
            return Err(Unsealable);
        }
        let nonce = Nonce::try_assume_unique_for_key(&head[1..]).map_err(|_| Unsealable)?;
        let mut body = body.to_vec();
        let len = key.open_in_place(nonce, Aad::from(aad(place)), &mut body).map_err(|_| Unsealable)?.len();
        body.truncate(len);
        Ok(body)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

fn aad(place: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(place.iter().map(|part| 8 + part.len()).sum());
    for part in place {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_at_its_own_place_and_under_its_own_key() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&["journey", "t1", "jrn_1"], b"plain").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
        assert_eq!(sealer.open(&["journey", "t1", "jrn_1"], &sealed).unwrap(), b"plain");
        assert_eq!(sealer.open(&["journey", "t2", "jrn_1"], &sealed), Err(Unsealable));
        assert_eq!(sealer.open(&["journey", "t1j", "rn_1"], &sealed), Err(Unsealable));
        assert_eq!(Sealer::new(&[8; 32]).open(&["journey", "t1", "jrn_1"], &sealed), Err(Unsealable));
    }

    #[test]
    fn any_damage_is_noticed() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&["x"], b"plain").unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(sealer.open(&["x"], &damaged), Err(Unsealable), "byte {at}");
        }
        assert_eq!(sealer.open(&["x"], &sealed[..5]), Err(Unsealable));
    }

    #[test]
    fn an_item_is_lost_with_its_key() {
        let sealer = Sealer::new(&[7; 32]);
        let (item, wrapped) = sealer.new_item(&["key", "fch_1"]).unwrap();
        let sealed = item.seal(&["x"], b"plain").unwrap();
        assert!(Sealer::is_of_item(&sealed) && !Sealer::is_of_item(&wrapped));
        assert_eq!(sealer.open(&["x"], &sealed), Err(Unsealable), "the store's key alone opens nothing");
        let again = sealer.item(&["key", "fch_1"], &wrapped).unwrap();
        assert_eq!(again.open(&["x"], &sealed).unwrap(), b"plain");
        assert!(sealer.item(&["key", "fch_2"], &wrapped).is_err(), "a key of another item");
        let (other, _) = sealer.new_item(&["key", "fch_1"]).unwrap();
        assert_eq!(other.open(&["x"], &sealed), Err(Unsealable));
    }

    #[test]
    fn two_seals_of_the_same_value_differ() {
        let sealer = Sealer::new(&[7; 32]);
        assert_ne!(sealer.seal(&["x"], b"plain").unwrap(), sealer.seal(&["x"], b"plain").unwrap());
    }
}
