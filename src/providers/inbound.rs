//! How a provider's messages come in: at which address, what proves them, and what they say before they are believed.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// Where the messages of a credential come in.
#[derive(Debug, Clone, Copy)]
pub enum Inbound<'a> {
    /// Nowhere: no address is configured.
    Closed,
    /// At one address that was set at the provider by hand.
    Credential(&'a Door),
    /// At an address of each attempt, given to the provider with the opening. Nothing is signed.
    Attempt,
}

/// An address that belongs to a credential.
#[derive(Clone)]
pub struct Door {
    /// SHA-256 of the secret part of the address: comparing hashes takes the same time for every guess, whatever its length.
    token: [u8; 32],
    /// What every message must carry; none where the provider does not sign.
    pub signature: Option<Signature>,
}

impl Door {
    /// An address with this secret part.
    pub fn new(token: &SecretString, signature: Option<Signature>) -> Self {
        Self { token: hash(token.expose_secret()), signature }
    }

    /// Whether this is the secret part of the address, in constant time.
    pub fn opens(&self, token: &str) -> bool {
        verify_slices_are_equal(&self.token, &hash(token)).is_ok()
    }

    /// Whether two addresses have the same secret part.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.token, &other.token).is_ok()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("signature", &self.signature).finish_non_exhaustive()
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// A header with the base64 of HMAC-SHA256 over the raw body, under one of the secrets that live.
#[derive(Clone)]
pub struct Signature {
    header: HeaderName,
    keys: Vec<hmac::Key>,
}

/// What a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It fits the raw bytes.
    Fits,
    /// There is none, or it is no signature by its form.
    Missing,
    /// It fits nothing.
    Forged,
    /// It fits the bytes in another form, so a true provider signs otherwise than configured. It proves nothing all the same.
    OtherForm,
}

impl Signature {
    /// A signature under any of `secrets`, whose UTF-8 bytes are the keys.
    pub fn new(header: HeaderName, secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { header, keys: secrets.iter().map(key).collect() }
    }

    /// Whether a request carries anything that could be a signature: judged before its body is read.
    pub fn is_present(&self, headers: &HeaderMap) -> bool {
        self.tag(headers).is_some()
    }

    /// Judges the raw bytes. Every key is tried, so that the time does not tell which of them fits.
    pub fn judge(&self, headers: &HeaderMap, body: &[u8]) -> Proof {
        let Some((tag, plain)) = self.tag(headers) else { return Proof::Missing };
        let fits = |bytes: &[u8]| self.keys.iter().filter(|key| hmac::verify(key, bytes, &tag).is_ok()).count() > 0;
        match (fits(body), plain) {
            (true, true) => Proof::Fits,
            (true, false) => Proof::OtherForm,
            (false, _) if fits(body.trim_ascii()) || fits(&compacted(body)) => Proof::OtherForm,
            (false, _) => Proof::Forged,
        }
    }

    /// The tag, and whether it came as base64; as hexadecimal it is only recognised, never accepted.
    fn tag(&self, headers: &HeaderMap) -> Option<(Vec<u8>, bool)> {
        let text = headers.get(&self.header)?.to_str().ok()?.trim();
        let base64 = STANDARD.decode(text).ok().filter(|tag| tag.len() == 32).map(|tag| (tag, true));
        base64.or_else(|| hexadecimal(text).map(|tag| (tag, false)))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("header", &self.header).field("keys", &self.keys.len()).finish()
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes.filter(|bytes| rest.is_empty() && bytes.len() == 32)
}

/// The bytes without white space outside of strings. No parser runs over what is not proved.
fn compacted(body: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        let white = !inside && byte.is_ascii_whitespace();
        match (inside, escaped, *byte) {
            (_, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, false, b'"') => inside = !inside,
            _ => {}
        }
        !white
    };
    body.iter().copied().filter(keep).collect()
}

/// What a message says, before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Nobody can tell whom it concerns.
    Unreadable,
    /// It concerns no journey.
    Nobody,
    /// It concerns journeys.
    About(WebhookHint),
}

/// Whom a message concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookHint {
    /// The kind of event, of a closed list.
    pub kind: &'static str,
    /// Our attempt id, if it names one.
    pub attempt_id: Option<String>,
    /// The provider's ids in it: handle, consent id, orchestration id or client id.
    pub provider_refs: Vec<String>,
    /// The one of these that is the provider's id of the opening as a whole.
    pub opening_ref: Option<String>,
    /// When the provider made it, by its own word.
    pub sent_at: Option<Timestamp>,
    /// Whether financial data came along.
    pub holds_data: bool,
    /// Until when that data may be kept, by the provider's word.
    pub data_expires_at: Option<Timestamp>,
}

/// Whose opening a reference is, read back at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The attempt's customer.
    Customer,
    /// Somebody else.
    Stranger,
    /// The provider does not tell, or not yet.
    Untold,
}

/// Whether a mobile number as told, masked or not, is a customer's. None if it shows fewer than four digits.
pub(super) fn same_mobile(told: &str, ours: &str) -> Option<bool> {
    let told: Vec<u8> = told.bytes().filter(|byte| !matches!(byte, b' ' | b'-' | b'+')).collect();
    let shown = told.iter().filter(|byte| byte.is_ascii_digit()).count();
    if told.len() < ours.len() || shown < 4 {
        return None;
    }
    // A country code stands before the number.
    let number = told.iter().skip(told.len() - ours.len());
    Some(number.zip(ours.bytes()).all(|(told, ours)| !told.is_ascii_digit() || *told == ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "x-signature";

    fn signature(secrets: &[&str]) -> Signature {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Signature::new(HeaderName::from_static(NAME), &secrets)
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, value.parse().unwrap());
        headers
    }

    fn sign(secret: &str, body: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body).as_ref().to_vec()
    }

    #[test]
    fn either_of_two_secrets_proves_exactly_the_bytes_that_came() {
        let both = signature(&["old", "new"]);
        for secret in ["old", "new"] {
            let tag = STANDARD.encode(sign(secret, b"{\"a\": 1}"));
            assert_eq!(both.judge(&headers(&tag), b"{\"a\": 1}"), Proof::Fits);
            assert_eq!(both.judge(&headers(&tag), b"{\"a\": 2}"), Proof::Forged);
        }
        let retired = STANDARD.encode(sign("older", b"{}"));
        assert_eq!(both.judge(&headers(&retired), b"{}"), Proof::Forged);
    }

    #[test]
    fn what_is_no_signature_is_missing() {
        let one = signature(&["s"]);
        assert_eq!(one.judge(&HeaderMap::new(), b"{}"), Proof::Missing);
        for value in ["", "AAAA", "not base64!", &"ab".repeat(31)] {
            assert_eq!(one.judge(&headers(value), b"{}"), Proof::Missing, "{value}");
            assert!(!one.is_present(&headers(value)));
        }
    }

    #[test]
    fn another_form_is_recognised_and_proves_nothing() {
        let one = signature(&["s"]);
        let of = |bytes: &[u8]| headers(&STANDARD.encode(sign("s", bytes)));
        assert_eq!(one.judge(&of(b"{\"a b\":\"\\\" c\"}"), b"{ \"a b\" : \"\\\" c\" }"), Proof::OtherForm);
        assert_eq!(one.judge(&of(b"{}"), b" {}\n"), Proof::OtherForm);
        let hex: String = sign("s", b"{}").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(one.judge(&headers(&hex), b"{}"), Proof::OtherForm);
    }

    #[test]
    fn no_secret_shows() {
        let door = Door::new(&SecretString::from("t0ken"), Some(signature(&["s3cret"])));
        let shown = format!("{door:?}");
        assert!(!shown.contains("t0ken") && !shown.contains("s3cret"), "{shown}");
        assert!(door.opens("t0ken") && !door.opens("t0ke") && !door.opens(""));
    }
}
