//! The key that seals what is kept.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Faults;

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// The section `seal`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// A file with 32 random bytes as base64 or hexadecimal text. Required; whoever loses it loses what is stored.
    pub key_file: PathBuf,
}

impl Seal {
    pub(super) fn validate(&self, faults: &mut Faults) {
        if let Err(message) = self.load() {
            faults.add("seal.key_file", message);
        }
    }

    /// Reads the key; the error says why it cannot be read, without any of its content.
    pub fn load(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, String> {
        if self.key_file.as_os_str().is_empty() {
            return Err("is required: a file with 32 random bytes as base64, from `openssl rand -base64 32`".to_owned());
        }
        let text = std::fs::read_to_string(&self.key_file)
            .map(Zeroizing::new)
            .map_err(|error| format!("the file {} cannot be read: {}", self.key_file.display(), error.kind()))?;
        decode(text.trim()).ok_or_else(|| "must hold 32 bytes as base64 (44 characters) or hexadecimal (64)".to_owned())
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if text.len() == KEY_BYTES * 2 {
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        return Some(key);
    }
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    (bytes.len() == KEY_BYTES).then(|| {
        key.copy_from_slice(&bytes);
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_base64_and_from_hexadecimal_text() {
        assert_eq!(decode(&"0f".repeat(32)).unwrap().as_ref(), &[15; 32]);
        assert_eq!(decode(&STANDARD.encode([7; 32])).unwrap().as_ref(), &[7; 32]);
        for wrong in ["", "secret", &"0g".repeat(32), &STANDARD.encode([7; 31])] {
            assert!(decode(wrong).is_none());
        }
    }
}
