//! Bytes that somebody sent to a known address. Nothing reads them but the proof, which runs over exactly these bytes.

use bytes::Bytes;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::{address::Address, verified::Verified};
use crate::providers::inbound::{Proof, Reading};

/// See the module. What is inside comes out through [`Unverified::verify`] only.
pub struct Unverified {
    address: Address,
    headers: HeaderMap,
    body: Bytes,
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is not signed.
    Unsigned,
    /// Its signature fits nothing.
    Forged,
    /// Its signature fits other bytes than those that came.
    OtherForm,
    /// It is older than the memory of what came: it could be a replay.
    Stale,
}

impl Refused {
    /// A word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "UNSIGNED",
            Self::Forged => "FORGED",
            Self::OtherForm => "SIGNED_IN_ANOTHER_FORM",
            Self::Stale => "STALE",
        }
    }
}

impl Unverified {
    /// What came.
    pub fn new(address: Address, headers: HeaderMap, body: Bytes) -> Self {
        Self { address, headers, body }
    }

    /// Proves a message where its address demands that. Where it does not, the message passes as a hint, which may wake a look and nothing
    /// more. `memory` is how long a message that came is remembered.
    pub fn verify(self, now: Timestamp, memory: SignedDuration) -> Result<Verified, Refused> {
        let Self { address, headers, body } = self;
        let Some(signature) = address.door().and_then(|door| door.signature.as_ref()) else {
            return Ok(Verified::hint(address, body));
        };
        match signature.judge(&headers, &body) {
            Proof::Fits => {}
            Proof::Missing => return Err(Refused::Unsigned),
            Proof::Forged => return Err(Refused::Forged),
            Proof::OtherForm => return Err(Refused::OtherForm),
        }
        // Proved, so it may be read: the signature covers no time of its own, the message's word is all there is.
        let sent_at = match address.provider.read_webhook(&body) {
            Reading::About(hint) => hint.sent_at,
            Reading::Unreadable | Reading::Nobody => None,
        };
        if sent_at.is_some_and(|sent_at| now.duration_since(sent_at) > memory) {
            return Err(Refused::Stale);
        }
        Ok(Verified::proved(address, body))
    }
}
