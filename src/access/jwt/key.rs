//! An issuer's public keys, each bound to one algorithm. A token never chooses how it is checked.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A larger set is not read.
pub const MAX_SET_BYTES: usize = 256 * 1024;
/// Most keys of a set.
const MAX_KEYS: usize = 100;
/// Longest name of a key.
pub const MAX_KID: usize = 128;
/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// How a signature is made (RFC 7518, RFC 8037). There is no HS256 here, and no "none": a public key is no shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    /// The algorithm of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, algorithm)| algorithm)
    }

    /// What the key's own type and curve allow; the first is taken where the key names no algorithm.
    fn of_kind(kind: &str, curve: &str) -> &'static [Self] {
        match (kind, curve) {
            ("RSA", _) => &[Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512],
            ("EC", "P-256") => &[Self::Es256],
            ("EC", "P-384") => &[Self::Es384],
            ("OKP", "Ed25519") => &[Self::EdDsa],
            // A shared secret ("oct") is none of an issuer's public keys.
            _ => &[],
        }
    }
}

/// One public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The only algorithm that it is used with.
    pub algorithm: Algorithm,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Point(Vec<u8>),
}

impl Key {
    /// Whether the signature of the message was made with the key.
    pub fn verifies(&self, message: &[u8], signed: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { modulus, exponent } => {
                let parameters = match self.algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
                    Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return false,
                };
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signed).is_ok()
            }
            Material::Point(point) => {
                let algorithm: &dyn signature::VerificationAlgorithm = match self.algorithm {
                    Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
                    Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
                    Algorithm::EdDsa => &signature::ED25519,
                    _ => return false,
                };
                UnparsedPublicKey::new(algorithm, point).verify(message, signed).is_ok()
            }
        }
    }
}

/// The keys of an issuer, by their names.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    named: HashMap<String, Key>,
    /// The entries that were left out, in the order of the set.
    pub skipped: Vec<Skipped>,
}

/// An entry of a set that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Its place in the set, from 0.
    pub entry: usize,
    /// Why, without a part of it.
    pub cause: &'static str,
}

/// Entries are read one by one: what an issuer adds for others must not cost the keys that are good.
#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A key of RFC 7517. What is not read does not matter here.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: String,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a key set (RFC 7517). Entries that are no key, or a key that cannot check tokens here, are skipped. Of two keys with the same name
    /// both are skipped unless they are the same key: nothing says which of them is meant. A set without a usable key is wrong. The error
    /// holds nothing of the set.
    pub fn read(text: &[u8]) -> Result<Self, &'static str> {
        if text.len() > MAX_SET_BYTES {
            return Err("the key set is larger than 256 KiB");
        }
        let Set { keys } = serde_json::from_slice(text).map_err(|_| "is no JSON Web Key Set")?;
        if keys.len() > MAX_KEYS {
            return Err("the key set has more than 100 keys");
        }
        let mut named: HashMap<String, (usize, Key)> = HashMap::new();
        let mut ambiguous: HashSet<String> = HashSet::new();
        let mut skipped = Vec::new();
        for (entry, raw) in keys.into_iter().enumerate() {
            let mut skip = |entry, cause| skipped.push(Skipped { entry, cause });
            let read = serde_json::from_str(raw.get()).map_err(|_| "it is no JSON Web Key").and_then(usable);
            let (kid, key) = match read {
                Ok(read) => read,
                Err(cause) => {
                    skip(entry, cause);
                    continue;
                }
            };
            if ambiguous.contains(&kid) {
                skip(entry, OTHER_KEY);
                continue;
            }
            match named.get(&kid) {
                None => drop(named.insert(kid, (entry, key))),
                Some((_, known)) if *known == key => skip(entry, "the same key stands in the set before"),
                Some((first, _)) => {
                    skip(*first, OTHER_KEY);
                    skip(entry, OTHER_KEY);
                    named.remove(&kid);
                    ambiguous.insert(kid);
                }
            }
        }
        if named.is_empty() {
            return Err("the key set has no key with a `kid` that can check RS, PS, ES or EdDSA signatures");
        }
        let named = named.into_iter().map(|(kid, (_, key))| (kid, key)).collect();
        skipped.sort_by_key(|skipped| skipped.entry);
        Ok(Self { named, skipped })
    }

    /// The key of a name.
    pub fn get(&self, kid: &str) -> Option<&Key> {
        self.named.get(kid)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }
}

/// Another key of the set has the same name.
const OTHER_KEY: &str = "another key of the set has the same `kid`";

fn usable(entry: Entry) -> Result<(String, Key), &'static str> {
    let Entry { kty, kid, alg, usage, key_ops, crv, n, e, x, y } = entry;
    let kid = kid.ok_or("it has no `kid`")?;
    if !(1..=MAX_KID).contains(&kid.len()) {
        return Err("its `kid` is empty or longer than 128 bytes");
    }
    if usage.is_some_and(|usage| usage != "sig") || key_ops.is_some_and(|all| !all.iter().any(|one| one == "verify")) {
        return Err("it is not for checking signatures");
    }
    let allowed = Algorithm::of_kind(&kty, &crv);
    let algorithm = match alg {
        // RFC 8037 says EdDSA; newer issuers say which curve.
        Some(name) if name == "Ed25519" => Some(Algorithm::EdDsa),
        Some(name) => Algorithm::named(&name),
        None => allowed.first().copied(),
    };
    let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
    let algorithm = algorithm.ok_or("its type, curve or algorithm is not one of RS, PS, ES and EdDSA")?;
    let material = material(algorithm, n, e, x, y).ok_or("its numbers are missing or have another size than its type needs")?;
    Ok((kid, Key { algorithm, material }))
}

fn material(
    algorithm: Algorithm,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
) -> Option<Material> {
    let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let coordinate = |text, length| bytes(text).filter(|bytes: &Vec<u8>| bytes.len() == length);
    match algorithm {
        Algorithm::EdDsa => Some(Material::Point(coordinate(x, 32)?)),
        Algorithm::Es256 | Algorithm::Es384 => {
            let length = if algorithm == Algorithm::Es256 { 32 } else { 48 };
            Some(Material::Point([&[4][..], &coordinate(x, length)?, &coordinate(y, length)?].concat()))
        }
        _ => {
            let modulus = bytes(n)?;
            let exponent = bytes(e).filter(|bytes| (1..=8).contains(&bytes.len()))?;
            let significant = modulus.iter().position(|byte| *byte != 0).map(|at| modulus.len() - at)?;
            MODULUS.contains(&significant).then_some(Material::Rsa { modulus, exponent })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &str) -> Result<Keys, &'static str> {
        Keys::read(format!("{{\"keys\": [{keys}]}}").as_bytes())
    }

    fn rsa(kid: &str, more: &str) -> String {
        let modulus = URL_SAFE_NO_PAD.encode([0xb5; 256]);
        format!("{{\"kty\":\"RSA\",\"kid\":\"{kid}\",\"n\":\"{modulus}\",\"e\":\"AQAB\"{more}}}")
    }

    #[test]
    fn a_key_without_an_algorithm_gets_that_of_its_type() {
        let point = URL_SAFE_NO_PAD.encode([7; 32]);
        let ec = format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"{point}\",\"y\":\"{point}\"}}");
        let ed = format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"o\",\"x\":\"{point}\"}}");
        let keys = set(&[rsa("r", ""), rsa("p", ",\"alg\":\"PS512\",\"use\":\"sig\""), ec, ed].join(",")).unwrap();
        let of = |kid: &str| keys.get(kid).unwrap().algorithm;
        assert_eq!(
            [of("r"), of("p"), of("e"), of("o")],
            [Algorithm::Rs256, Algorithm::Ps512, Algorithm::Es256, Algorithm::EdDsa]
        );
    }

    #[test]
    fn keys_that_cannot_check_a_token_are_left_out() {
        let secret = "{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"c2VjcmV0\",\"alg\":\"HS256\"}".to_owned();
        let others = [
            secret,
            rsa("enc", ",\"use\":\"enc\""),
            rsa("signs", ",\"key_ops\":[\"sign\"]"),
            rsa("hs", ",\"alg\":\"HS256\""),
            rsa("none", ",\"alg\":\"none\""),
            rsa("es", ",\"alg\":\"ES256\""),
            rsa(&"k".repeat(129), ""),
            rsa("short", "").replace(&URL_SAFE_NO_PAD.encode([0xb5; 256]), &URL_SAFE_NO_PAD.encode([0xb5; 128])),
            "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}".to_owned(),
        ];
        let keys = set(&format!("{},{}", others.join(","), rsa("good", ""))).unwrap();
        assert_eq!((keys.len(), keys.get("good").is_some()), (1, true));
        assert!(set(&others.join(",")).is_err());
    }

    #[test]
    fn an_odd_entry_costs_no_other_key() {
        let odd = [
            "null",
            "7",
            "\"text\"",
            "[]",
            "{}",
            "{\"kty\":\"AKP\",\"kid\":7}",
            "{\"kty\":\"RSA\",\"kid\":null}",
            "{\"kty\":5,\"kid\":\"x\"}",
            "{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":5,\"e\":\"AQAB\"}",
            "{\"kty\":\"RSA\",\"kid\":\"x\",\"key_ops\":\"verify\"}",
        ];
        for entry in odd {
            for text in [format!("{entry},{}", rsa("good", "")), format!("{},{entry}", rsa("good", ""))] {
                let keys = set(&text).unwrap_or_else(|cause| panic!("{entry}: {cause}"));
                assert_eq!((keys.len(), keys.get("good").is_some(), keys.skipped.len()), (1, true, 1), "{entry}");
            }
        }
        let places: Vec<_> = set(&format!("null,{},7", rsa("good", ""))).unwrap().skipped.iter().map(|one| one.entry).collect();
        assert_eq!(places, [0, 2]);
    }

    #[test]
    fn the_same_key_twice_is_one_key() {
        let keys = set(&[rsa("a", ""), rsa("a", ""), rsa("a", "")].join(",")).unwrap();
        assert_eq!((keys.len(), keys.get("a").is_some(), keys.skipped.len()), (1, true, 2));
    }

    #[test]
    fn of_two_keys_with_one_name_none_is_used() {
        let other = rsa("a", ",\"alg\":\"PS256\"");
        let keys = set(&[rsa("a", ""), other.clone(), rsa("good", ""), rsa("a", "")].join(",")).unwrap();
        assert_eq!((keys.len(), keys.get("a").is_none(), keys.skipped.len()), (1, true, 3));
        assert!(set(&[rsa("a", ""), other].join(",")).is_err());
    }

    #[test]
    fn a_set_without_a_usable_key_is_refused() {
        for wrong in ["", "{}", "[]", "{\"keys\": 5}", "{\"keys\": []}", "<html>"] {
            assert!(Keys::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(set("null").is_err());
        assert!(set(&vec![rsa("a", ""); 101].join(",")).is_err());
        assert!(Keys::read(&vec![b' '; MAX_SET_BYTES + 1]).is_err());
    }
}
