//! A token in compact form (RFC 7515), taken apart before anything of it is believed.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;

use super::key::MAX_KID;
use crate::access::Refused;

/// A longer token is not even looked at.
pub const MAX_BYTES: usize = 16 * 1024;

/// What may stand in a header beside `alg`, `kid` and `typ`: names of keys by hash, which are not used. Whatever brings a key of its own,
/// or says where one is, is refused, and so is every extension that would have to be understood (`crit`).
const HARMLESS: [&str; 3] = ["x5t", "x5t#S256", "cty"];
/// The types that an access token can have.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A JSON object, each of whose members stands once: two parties that read one twice could read two different things.
#[derive(Debug, Clone, PartialEq)]
pub struct Members(pub BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(M::Error::custom("twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

impl Members {
    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

/// A token whose signature has not been checked.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// The algorithm that it names.
    pub algorithm: String,
    /// The name of its key.
    pub kid: String,
    /// What it claims.
    pub claims: Members,
    /// What is signed.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn read(token: &'a str) -> Result<Self, Refused> {
        if token.len() > MAX_BYTES {
            return Err(Refused::TokenSize);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::TokenForm)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::TokenForm)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::TokenForm);
        let object = |part: &str| serde_json::from_slice::<Members>(&bytes(part)?).map_err(|_| Refused::TokenForm);
        let (algorithm, kid) = of_header(&object(header)?)?;
        Ok(Self { algorithm, kid, claims: object(claims)?, signed: signed.as_bytes(), signature: bytes(signature)? })
    }
}

/// The algorithm and the key's name.
fn of_header(header: &Members) -> Result<(String, String), Refused> {
    let known = |name: &String| matches!(name.as_str(), "alg" | "kid" | "typ") || HARMLESS.contains(&name.as_str());
    if !header.0.keys().all(known) {
        return Err(Refused::TokenHeader);
    }
    if let Some(kind) = header.0.get("typ") {
        let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
        if !TYPES.contains(&kind.as_str()) {
            return Err(Refused::TokenHeader);
        }
    }
    let algorithm = header.text("alg").ok_or(Refused::TokenHeader)?;
    let kid = header.text("kid").filter(|kid| (1..=MAX_KID).contains(&kid.len())).ok_or(Refused::TokenHeader)?;
    Ok((algorithm.to_owned(), kid.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    fn refused(token: &str) -> Refused {
        Unverified::read(token).unwrap_err()
    }

    #[test]
    fn a_token_has_three_parts_of_plain_base64_with_objects_whose_members_stand_once() {
        let good = token("{\"alg\":\"RS256\",\"kid\":\"a\",\"typ\":\"at+JWT\",\"x5t\":\"q\"}", "{\"iss\":\"i\"}");
        let read = Unverified::read(&good).unwrap();
        assert_eq!((read.algorithm.as_str(), read.kid.as_str(), read.claims.text("iss")), ("RS256", "a", Some("i")));
        assert_eq!((read.signed, read.signature.as_slice()), (&good.as_bytes()[..good.len() - 5], &[0; 3][..]));
        let header = "{\"alg\":\"RS256\",\"kid\":\"a\"}";
        for wrong in [
            "".to_owned(),
            "a.b".to_owned(),
            ".".repeat(4),
            good.replace('.', "="),
            format!("{good}="),
            format!("{good}.AAAA"),
            format!("{good}.A.B"),
            token(header, "[]"),
            token(header, "5"),
            token(header, "{"),
            token(header, "{\"iss\":\"a\",\"iss\":\"b\"}"),
            token(header, &format!("{{\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000))),
            token("{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"a\"}", "{}"),
        ] {
            assert_eq!(refused(&wrong), Refused::TokenForm, "{wrong}");
        }
        assert_eq!(refused(&"a".repeat(MAX_BYTES + 1)), Refused::TokenSize);
    }

    #[test]
    fn a_header_that_brings_a_key_or_asks_for_more_is_refused() {
        let base = "\"alg\":\"RS256\",\"kid\":\"a\"";
        for more in ["jwk\":{", "jku\":\"", "x5u\":\"", "x5c\":[", "crit\":[", "b64\":", "zip\":\"", "enc\":\"", "new\":\""] {
            let value = match more.as_bytes().last() {
                Some(b'{') => "}",
                Some(b'[') => "\"exp\"]",
                Some(b'"') => "x\"",
                _ => "false",
            };
            assert_eq!(refused(&token(&format!("{{{base},\"{more}{value}}}"), "{}")), Refused::TokenHeader, "{more}");
        }
        let long = "k".repeat(MAX_KID + 1);
        for header in [
            "{\"alg\":\"RS256\"}".to_owned(),
            "{\"kid\":\"a\"}".to_owned(),
            "{\"alg\":\"RS256\",\"kid\":\"\"}".to_owned(),
            "{\"alg\":\"RS256\",\"kid\":5}".to_owned(),
            "{\"alg\":[\"RS256\"],\"kid\":\"a\"}".to_owned(),
            format!("{{{base},\"typ\":\"dpop+jwt\"}}"),
            format!("{{{base},\"typ\":1}}"),
            format!("{{\"alg\":\"RS256\",\"kid\":\"{long}\"}}"),
        ] {
            assert_eq!(refused(&token(&header, "{}")), Refused::TokenHeader, "{header}");
        }
    }
}
