//! The keys that seal what is kept.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Faults;
use crate::seal::Ring;

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// The section `seal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// A file with 32 random bytes as base64 or hexadecimal text. Required; whoever loses it loses what is stored.
    pub key_file: PathBuf,
    /// Files with the keys before it, in the same form. They open what is stored and seal nothing.
    pub previous_key_files: Vec<PathBuf>,
    /// Milliseconds between two looks at the files: a change is taken without a restart.
    pub reload_ms: u64,
}

impl Default for Seal {
    fn default() -> Self {
        Self { key_file: PathBuf::new(), previous_key_files: Vec::new(), reload_ms: 30_000 }
    }
}

impl Seal {
    pub(super) fn validate(&self, faults: &mut Faults) {
        if let Err(message) = self.load() {
            faults.add("seal.key_file", message);
        }
        for (at, file) in self.previous_key_files.iter().enumerate() {
            if let Err(message) = read(file) {
                faults.add(format!("seal.previous_key_files[{at}]"), message);
            }
        }
        faults.at_least_one("seal.reload_ms", self.reload_ms);
    }

    /// Time between two looks at the files.
    pub fn reload_every(&self) -> Duration {
        Duration::from_millis(self.reload_ms)
    }

    /// Reads all keys; the error names the setting and says why, without any content.
    pub fn ring(&self) -> Result<Ring, String> {
        let current = self.load().map_err(|message| format!("key_file: {message}"))?;
        let previous = self.previous_key_files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>();
        let previous = previous.map_err(|message| format!("previous_key_files: {message}"))?;
        Ok(Ring::new(&current, previous.iter().map(|key| &**key)))
    }

    /// Reads the current key; the error says why it cannot be read, without any of its content.
    pub fn load(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, String> {
        if self.key_file.as_os_str().is_empty() {
            return Err("is required: a file with 32 random bytes as base64, from `openssl rand -base64 32`".to_owned());
        }
        read(&self.key_file)
    }
}

fn read(file: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, String> {
    let text = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| format!("the file {} cannot be read: {}", file.display(), error.kind()))?;
    decode(text.trim()).ok_or_else(|| "must hold 32 bytes as base64 (44 characters) or hexadecimal (64)".to_owned())
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
