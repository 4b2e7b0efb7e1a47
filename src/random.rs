//! Randomness, injected: tests name the ids they expect.

use std::sync::Arc;

/// Gives random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A source that is shared by everything in one process.
pub type SharedRandom = Arc<dyn Random>;

/// The machine's cryptographic source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // The library fails only where the machine has no source at all; an id must not be guessable, so the process ends there.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            tracing::error!("the machine gives no random bytes");
            std::process::abort();
        }
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An opaque id: the prefix, `_` and 26 characters of 0-9 a-z without i, l, o, u (128 random bits).
pub fn new_id(random: &dyn Random, prefix: &str) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    encode_id(prefix, bytes)
}

/// The id that 16 bytes make.
#[expect(clippy::indexing_slicing, reason = "five bits, and as many letters")]
pub fn encode_id(prefix: &str, bytes: [u8; 16]) -> String {
    let mut value = u128::from_be_bytes(bytes);
    let mut text = [0u8; 26];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    let mut id = String::with_capacity(prefix.len() + 27);
    id.push_str(prefix);
    id.push('_');
    id.extend(text.iter().map(|byte| char::from(*byte)));
    id
}

/// Whether a text can be an id of `prefix`; what cannot is answered without asking the store.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == 26 && rest.bytes().all(in_alphabet))
}

fn in_alphabet(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z') && !matches!(byte, b'i' | b'l' | b'o' | b'u')
}

/// A number in 0..1, for jitter.
pub fn fraction(random: &dyn Random) -> f64 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_shape() {
        let id = new_id(&SystemRandom, "jrn");
        assert!(is_id(&id, "jrn"), "{id}");
        assert!(!is_id(&id, "att"));
        assert!(!is_id("jrn_short", "jrn"));
        for byte in 0..=u8::MAX {
            assert_eq!(in_alphabet(byte), ALPHABET.contains(&byte), "{byte}");
        }
        assert_eq!(encode_id("x", [0xff; 16]), format!("x_7{}", "z".repeat(25)));
    }
}
