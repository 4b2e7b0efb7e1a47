//! Callers with API keys. Only hashes of keys are known here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Caller, Refused, reload::Files};
use crate::random::Random;

/// What every key begins with, so that scanners of source code and logs know one.
const PREFIX: &str = "sgm_";
/// Shorter keys can be guessed; longer ones are none. 32 bytes as base64 are 43 characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 43..=256;
/// By how many bytes of its hash a key is looked for.
const INDEX: usize = 8;

/// The SHA-256 of a key.
pub type KeyHash = [u8; 32];

/// The hash of a key as it is sent.
pub fn hash(key: &str) -> KeyHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    hash
}

/// The hash that 64 hexadecimal digits write.
pub fn read_hash(text: &str) -> Option<KeyHash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?, 16).ok()?;
    }
    Some(hash)
}

/// Writes a hash as hexadecimal digits.
pub fn write_hash(hash: &KeyHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new key of 32 random bytes.
pub fn new_key(random: &dyn Random) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut());
    Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// One key of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its hash.
    pub hash: KeyHash,
    /// From when on it is worth nothing.
    pub until: Option<Timestamp>,
    /// Whose it is.
    pub caller: Arc<Caller>,
}

/// Keys by the beginning of their hashes.
#[derive(Debug, Default)]
struct Table(HashMap<[u8; INDEX], Vec<KnownKey>>);

impl Table {
    fn new(keys: impl IntoIterator<Item = KnownKey>) -> Self {
        let mut table = Self::default();
        for key in keys {
            table.0.entry(index(&key.hash)).or_default().push(key);
        }
        table
    }

    /// The key of a hash. Who measures the time of the look-up learns something of a hash, never of a key.
    fn get(&self, hash: &KeyHash) -> Option<&KnownKey> {
        self.0.get(&index(hash))?.iter().find(|key| verify_slices_are_equal(&key.hash, hash).is_ok())
    }
}

fn index(hash: &KeyHash) -> [u8; INDEX] {
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}

/// Reads the keys of a file; the error says what is wrong with it, without any of its content.
pub type ReadKeys = Box<dyn Fn(&[u8]) -> Result<Vec<KnownKey>, String> + Send + Sync>;

/// All keys: those of the configuration, and those of a file that may change.
pub struct ApiKeys {
    fixed: Table,
    from_file: ArcSwap<Table>,
    file: Option<(Mutex<Files>, ReadKeys)>,
}

impl ApiKeys {
    /// The keys of the configuration, and the file with more.
    pub fn new(fixed: Vec<KnownKey>, file: Option<(Files, ReadKeys)>) -> Self {
        let file = file.map(|(files, read)| (Mutex::new(files), read));
        Self { fixed: Table::new(fixed), from_file: ArcSwap::default(), file }
    }

    /// Reads the file if it has changed; answers what is wrong with it.
    pub fn read(&self) -> Result<(), String> {
        let Some((files, read)) = &self.file else { return Ok(()) };
        match files.lock().unwrap_or_else(PoisonError::into_inner).changed() {
            None => Ok(()),
            Some(Ok(contents)) => {
                let keys = read(&contents.concat())?;
                tracing::info!(setting = "access.api_keys_file", count = keys.len(), "API keys were read");
                self.from_file.store(Arc::new(Table::new(keys)));
                Ok(())
            }
            Some(Err(kind)) => Err(format!("the file cannot be read: {kind}")),
        }
    }

    /// Whose key it is.
    pub fn judge(&self, key: &str, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        if !LENGTHS.contains(&key.len()) {
            return Err(Refused::KeyUnknown);
        }
        let hash = hash(key);
        let judge = |known: &KnownKey| match known.until {
            Some(until) if now >= until => Err(Refused::KeyExpired),
            _ => Ok(known.caller.clone()),
        };
        if let Some(known) = self.fixed.get(&hash) {
            return judge(known);
        }
        self.from_file.load().get(&hash).map_or(Err(Refused::KeyUnknown), judge)
    }
}

impl super::reload::Reload for ApiKeys {
    fn look(&self) {
        if let Err(cause) = self.read() {
            tracing::error!(
                setting = "access.api_keys_file",
                cause,
                "the new API keys cannot be used; those that are known stay"
            );
        }
    }
}

/// The caller that has a key, by the name of the configuration.
pub fn caller(name: &str, tenant: &str, scopes: super::Scopes) -> Arc<Caller> {
    Arc::new(Caller { tenant: tenant.into(), name: format!("key:{name}").into(), scopes })
}

/// Notes which hashes stand twice: a key is one caller's.
pub fn twice<'a>(keys: impl IntoIterator<Item = (&'a str, KeyHash)>) -> Vec<&'a str> {
    let mut seen = BTreeMap::new();
    keys.into_iter().filter(|(name, hash)| seen.insert(*hash, *name).is_some()).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Scope, Scopes},
        random::SystemRandom,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn known(key: &str, name: &str, until: Option<i64>) -> KnownKey {
        let caller = caller(name, "demo", Scopes::from_iter([Scope::DataRead]));
        KnownKey { hash: hash(key), until: until.map(at), caller }
    }

    #[test]
    fn a_new_key_has_256_random_bits_and_its_hash_is_of_its_text() {
        let (one, other) = (new_key(&SystemRandom), new_key(&SystemRandom));
        assert!(one.starts_with("sgm_") && one.len() == 47 && one != other);
        assert_eq!(read_hash(&write_hash(&hash(&one))), Some(hash(&one)));
        for wrong in ["", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"+0".repeat(32), &"\u{e9}".repeat(32)] {
            assert_eq!(read_hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_caller_has_several_keys_while_they_change_and_each_ends_by_itself() {
        let (old, new) = (new_key(&SystemRandom), new_key(&SystemRandom));
        let keys = ApiKeys::new(vec![known(&old, "uw", Some(100)), known(&new, "uw", None)], None);
        assert_eq!(&*keys.judge(&old, at(99)).unwrap().name, "key:uw");
        assert_eq!(keys.judge(&old, at(100)), Err(Refused::KeyExpired));
        assert_eq!(&*keys.judge(&new, at(100)).unwrap().name, "key:uw");
        for wrong in ["", "sgm_", old.get(..46).unwrap(), &new_key(&SystemRandom), &"a".repeat(4096)] {
            assert_eq!(keys.judge(wrong, at(1)), Err(Refused::KeyUnknown));
        }
    }

    #[test]
    fn keys_whose_hashes_begin_alike_are_still_apart() {
        let key = new_key(&SystemRandom);
        let (mut near, right) = (known(&key, "near", None), known(&key, "right", None));
        near.hash[31] ^= 1;
        let keys = ApiKeys::new(vec![near, right], None);
        assert_eq!(&*keys.judge(&key, at(1)).unwrap().name, "key:right");
    }
}
