//! Sealing: AES-256-GCM with a random nonce. The place where a value is kept is authenticated with it, so that no row can be moved to
//! another tenant or id unnoticed. Every sealed value names the key that it is sealed under, so that keys can change while values stay.
//!
//! What must be gone on a date is sealed under a random key of its own, which is kept wrapped apart from it: once the wrapped key is
//! destroyed, no copy of the row can be opened any more, wherever one may lie.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    rand,
};
use zeroize::Zeroizing;

use super::ring::{ID, KeyId, Ring, open};

/// This byte, the nonce, the ciphertext, the tag: from before keys had ids. It is opened by whichever key fits, and never written.
const FIRST_FORMAT: u8 = 1;
/// This byte, the id of the key, the nonce, the ciphertext, the tag.
const FORMAT: u8 = 2;
/// As the first one, under an item's own key.
const ITEM_FORMAT: u8 = 0x81;
const NONCE: usize = 12;
/// The format and the key's id, by which a database finds what is under which key.
pub const HEAD: usize = 1 + ID;

/// A sealed value that cannot be opened: damaged, moved, or sealed under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened")]
pub struct Unsealable;

/// Under what a value was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedUnder {
    /// This key.
    Key(KeyId),
    /// A key of the time before keys had ids.
    Unnamed,
    /// A key of the item's own.
    Item,
}

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer(Under);

#[derive(Clone)]
enum Under {
    /// The keys of the store. All clones see a change.
    Store(Arc<RwLock<Arc<Ring>>>),
    /// One item's own key.
    Item(Option<Arc<RandomizedNonceKey>>),
}

impl Sealer {
    /// A sealer under the keys of a ring.
    pub fn new(ring: Ring) -> Self {
        Self(Under::Store(Arc::new(RwLock::new(Arc::new(ring)))))
    }

    fn of_item(key: &[u8; 32]) -> Self {
        Self(Under::Item(RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(Arc::new)))
    }

    /// The keys of the store; none for an item's sealer.
    pub fn ring(&self) -> Option<Arc<Ring>> {
        match &self.0 {
            Under::Store(ring) => Some(ring.read().unwrap_or_else(PoisonError::into_inner).clone()),
            Under::Item(_) => None,
        }
    }

    /// Takes other keys from now on, in every clone.
    pub fn replace(&self, new: Ring) {
        if let Under::Store(ring) = &self.0 {
            *ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
    }

    /// A sealer under a new key for one item, and that key wrapped for the item's place.
    pub fn new_item(&self, place: &[&str]) -> Result<(Self, Vec<u8>), Unsealable> {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut *key).map_err(|_| Unsealable)?;
        let wrapped = self.seal(place, &*key)?;
        Ok((Self::of_item(&key), wrapped))
    }

    /// The sealer of one item, by its wrapped key.
    pub fn item(&self, place: &[&str], wrapped: &[u8]) -> Result<Self, Unsealable> {
        let plain = Zeroizing::new(self.open(place, wrapped)?);
        let key = Zeroizing::new(<[u8; 32]>::try_from(plain.as_slice()).map_err(|_| Unsealable)?);
        Ok(Self::of_item(&key))
    }

    /// Whether a value was sealed under an item's own key, and not under the store's.
    pub fn is_of_item(sealed: &[u8]) -> bool {
        sealed.first() == Some(&ITEM_FORMAT)
    }

    /// Under what a value was sealed, by its first [`HEAD`] bytes.
    pub fn sealed_under(head: &[u8]) -> Option<SealedUnder> {
        match head.split_first()? {
            (&FORMAT, rest) => KeyId::from_bytes(rest.get(..ID)?).map(SealedUnder::Key),
            (&FIRST_FORMAT, _) => Some(SealedUnder::Unnamed),
            (&ITEM_FORMAT, _) => Some(SealedUnder::Item),
            _ => None,
        }
    }

    /// How everything begins that a key seals.
    pub fn head(id: KeyId) -> Vec<u8> {
        [&[FORMAT], id.as_bytes()].concat()
    }

    /// Seals under a key of a ring that need not be the current one.
    pub(crate) fn seal_under(&self, ring: &Ring, id: KeyId, place: &[&str], plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let key = ring.find(id).ok_or(Unsealable)?;
        let mut body = plain.to_vec();
        let (nonce, tag) = key.seal(aad(place), &mut body)?;
        Ok([Self::head(id).as_slice(), nonce.as_ref(), &body, &tag].concat())
    }

    /// Seals `plain` for the place `place`.
    #[allow(clippy::indexing_slicing, reason = "of what was put together above")]
    pub fn seal(&self, place: &[&str], plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let ring = self.ring();
        let head = ring.as_ref().map_or_else(|| vec![ITEM_FORMAT], |ring| Self::head(ring.current.id));
        let begin = head.len() + NONCE;
        let mut sealed = Vec::with_capacity(begin + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&head);
        sealed.extend_from_slice(&[0; NONCE]);
        sealed.extend_from_slice(plain);
        // Where it stays: a snapshot is megabytes, and every further copy of it counts while many fetches are under way.
        let (front, body) = sealed.split_at_mut_checked(begin).ok_or(Unsealable)?;
        let (nonce, tag) = match (&ring, &self.0) {
            (Some(ring), _) => ring.current.seal(aad(place), body)?,
            (None, Under::Item(Some(key))) => {
                let done = key.seal_in_place_separate_tag(Aad::from(aad(place)), body);
                done.map(|(nonce, tag)| (nonce, tag.as_ref().to_vec())).map_err(|_| Unsealable)?
            }
            (None, _) => return Err(Unsealable),
        };
        front.get_mut(head.len()..).ok_or(Unsealable)?.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what was sealed for the same place.
    #[allow(clippy::indexing_slicing, reason = "the head is as long as it was split off")]
    pub fn open(&self, place: &[&str], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let aad = aad(place);
        let under = Self::sealed_under(sealed).ok_or(Unsealable)?;
        let head = if matches!(under, SealedUnder::Key(_)) { HEAD } else { 1 };
        let rest = sealed.get(head..).ok_or(Unsealable)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(Unsealable)?;
        match (under, &self.0) {
            (SealedUnder::Item, Under::Item(key)) => open(key.as_deref(), &aad, nonce, body),
            (SealedUnder::Key(id), Under::Store(_)) => {
                let ring = self.ring().ok_or(Unsealable)?;
                ring.find(id).ok_or(Unsealable)?.open(&aad, nonce, body)
            }
            (SealedUnder::Unnamed, Under::Store(_)) => {
                let ring = self.ring().ok_or(Unsealable)?;
                ring.keys().find_map(|key| key.open(&aad, nonce, body).ok()).ok_or(Unsealable)
            }
            _ => Err(Unsealable),
        }
    }

    /// Which key of the ring opens a value, if one does.
    pub fn opened_by(&self, place: &[&str], sealed: &[u8]) -> Option<KeyId> {
        let ring = self.ring()?;
        match Self::sealed_under(sealed)? {
            SealedUnder::Key(id) => self.open(place, sealed).is_ok().then_some(id),
            SealedUnder::Unnamed => {
                let (nonce, body) = sealed.get(1..)?.split_at_checked(NONCE)?;
                let aad = aad(place);
                ring.keys().find(|key| key.open(&aad, nonce, body).is_ok()).map(|key| key.id)
            }
            SealedUnder::Item => None,
        }
    }

    /// Seals a value anew under the current key; `None` if it is under that already, or under an item's own key.
    pub fn reseal(&self, place: &[&str], sealed: &[u8]) -> Result<Option<Vec<u8>>, Unsealable> {
        let ring = self.ring().ok_or(Unsealable)?;
        match Self::sealed_under(sealed).ok_or(Unsealable)? {
            SealedUnder::Item => Ok(None),
            SealedUnder::Key(id) if id == ring.current.id => Ok(None),
            SealedUnder::Key(_) | SealedUnder::Unnamed => {
                let plain = Zeroizing::new(self.open(place, sealed)?);
                self.seal(place, &plain).map(Some)
            }
        }
    }

    /// Seals as it was done before keys had ids.
    #[cfg(test)]
    pub(crate) fn seal_unnamed(secret: &[u8; 32], place: &[&str], plain: &[u8]) -> Vec<u8> {
        let key = super::KeyedHash::new(secret).digest([b"seal".as_slice()]);
        let mut sealed = Self::of_item(&key).seal(place, plain).unwrap();
        sealed[0] = FIRST_FORMAT;
        sealed
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

    fn under(byte: u8) -> Sealer {
        Sealer::new(Ring::new(&[byte; 32], []))
    }

    #[test]
    fn opens_only_at_its_own_place_and_under_its_own_key() {
        let sealer = under(7);
        let sealed = sealer.seal(&["journey", "t1", "jrn_1"], b"plain").unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"plain"));
        assert_eq!(sealer.open(&["journey", "t1", "jrn_1"], &sealed).unwrap(), b"plain");
        assert_eq!(sealer.open(&["journey", "t2", "jrn_1"], &sealed), Err(Unsealable));
        assert_eq!(sealer.open(&["journey", "t1j", "rn_1"], &sealed), Err(Unsealable));
        assert_eq!(under(8).open(&["journey", "t1", "jrn_1"], &sealed), Err(Unsealable));
    }

    #[test]
    fn any_damage_is_noticed() {
        let sealer = under(7);
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
        let sealer = under(7);
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
        let sealer = under(7);
        assert_ne!(sealer.seal(&["x"], b"plain").unwrap(), sealer.seal(&["x"], b"plain").unwrap());
    }

    #[test]
    fn a_value_names_its_key_and_stays_open_while_that_is_in_the_ring() {
        let old = under(7);
        let sealed = old.seal(&["x"], b"plain").unwrap();
        assert_eq!(Sealer::sealed_under(&sealed), Some(SealedUnder::Key(KeyId::of(&[7; 32]))));
        let turned = old.clone();
        old.replace(Ring::new(&[8; 32], [&[7; 32]]));
        assert_eq!(turned.open(&["x"], &sealed).unwrap(), b"plain", "every clone has the new ring");
        let anew = turned.reseal(&["x"], &sealed).unwrap().unwrap();
        assert_eq!(Sealer::sealed_under(&anew), Some(SealedUnder::Key(KeyId::of(&[8; 32]))));
        assert_eq!(turned.reseal(&["x"], &anew), Ok(None), "it is under the current key already");
        assert_eq!(turned.reseal(&["y"], &sealed), Err(Unsealable), "at another place");
        turned.replace(Ring::new(&[8; 32], []));
        assert_eq!(turned.open(&["x"], &sealed), Err(Unsealable), "the key is gone");
        assert_eq!(turned.open(&["x"], &anew).unwrap(), b"plain");
    }

    #[test]
    fn a_value_from_before_keys_had_ids_is_opened_by_whichever_key_fits() {
        let sealed = Sealer::seal_unnamed(&[7; 32], &["x"], b"plain");
        let turned = Sealer::new(Ring::new(&[8; 32], [&[9; 32], &[7; 32]]));
        assert_eq!(turned.open(&["x"], &sealed).unwrap(), b"plain");
        assert_eq!(turned.opened_by(&["x"], &sealed), Some(KeyId::of(&[7; 32])));
        let anew = turned.reseal(&["x"], &sealed).unwrap().unwrap();
        assert_eq!(turned.opened_by(&["x"], &anew), Some(KeyId::of(&[8; 32])));
        assert_eq!(Sealer::new(Ring::new(&[8; 32], [])).open(&["x"], &sealed), Err(Unsealable));
    }
}
