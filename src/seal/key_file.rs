//! The key file: 32 random bytes as base64 or as 64 hexadecimal digits.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::random::Random;

/// Why a key file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key file cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// The content is no key.
    #[error("the key file must hold 32 bytes as base64 or as 64 hexadecimal digits")]
    Malformed,
}

/// Reads a key file.
pub fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let text = std::fs::read_to_string(path).map_err(|error| KeyError::Unreadable(error.kind()))?;
    parse(Zeroizing::new(text).trim()).ok_or(KeyError::Malformed)
}

fn parse(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = if text.len() == 64 { hex(text)? } else { STANDARD.decode(text).ok()? };
    let bytes = Zeroizing::new(bytes);
    Some(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

/// A fresh key, as the text of a key file.
pub fn new_key_text(random: &dyn Random) -> String {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut_slice());
    STANDARD.encode(key.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn both_spellings_give_the_same_key() {
        let base64 = parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let hex = parse("000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
        assert_eq!(base64, hex);
        assert!(parse(&new_key_text(&SystemRandom)).is_some());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "AAEC", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "not base64!"] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert_eq!(read_key(Path::new("/nonexistent/key")).unwrap_err(), KeyError::Unreadable(std::io::ErrorKind::NotFound));
    }
}
