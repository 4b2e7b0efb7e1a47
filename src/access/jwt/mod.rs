//! Callers with tokens of configured issuers (JSON Web Tokens, RFC 7519).

mod claims;
mod key;
mod source;
mod token;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use moka::sync::Cache;

pub use claims::{Accepted, Expected, TenantRule};
pub use key::{Algorithm, Keys};
pub use source::{Pace, Place, Source};
use token::Unverified;

use super::{Caller, Refused};
use crate::clock::SharedClock;

/// An issuer whose tokens are taken.
#[derive(Debug)]
pub struct Issuer {
    /// What its tokens must say.
    pub expected: Expected,
    /// Its keys.
    pub source: Arc<Source>,
}

/// Checks tokens, and remembers those that it has checked.
pub struct Tokens {
    issuers: Vec<Issuer>,
    /// Seconds by which clocks may differ.
    leeway: i64,
    /// By the SHA-256 of the token: what lies in memory is no token.
    known: Cache<[u8; 32], Known>,
    clock: SharedClock,
}

/// A token that was good.
#[derive(Debug, Clone)]
struct Known {
    accepted: Accepted,
    issuer: usize,
    /// Of the keys by which it was judged.
    generation: u64,
}

/// A judgement, or what it has to wait for.
pub enum Judged {
    /// The token is good.
    Caller(Arc<Caller>),
    /// It is not.
    Refused(Refused),
    /// Its key is not known; the issuer may have a new one.
    Later(BoxFuture<'static, Result<Arc<Caller>, Refused>>),
}

impl Tokens {
    /// For these issuers; `remember` tokens at most.
    pub fn new(issuers: Vec<Issuer>, leeway: i64, remember: u64, clock: SharedClock) -> Self {
        Self { issuers, leeway, known: Cache::new(remember), clock }
    }

    /// The sources of all issuers' keys.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.issuers.iter().map(|issuer| &issuer.source)
    }

    /// Judges a token.
    pub fn judge(self: &Arc<Self>, token: &str) -> Judged {
        // A hash of something huge is work, too.
        if token.len() > token::MAX_BYTES {
            return Judged::Refused(Refused::TokenSize);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let now = self.clock.now();
        if let Some(caller) = self.remembered(&hash, now) {
            return Judged::Caller(caller);
        }
        match self.check(token, hash, now) {
            Ok(caller) => Judged::Caller(caller),
            Err(Check { refused: Refused::TokenKey, issuer: Some(issuer) }) => self.later(token.to_owned(), hash, issuer),
            Err(Check { refused, .. }) => Judged::Refused(refused),
        }
    }

    fn later(self: &Arc<Self>, token: String, hash: [u8; 32], issuer: usize) -> Judged {
        let this = self.clone();
        Judged::Later(Box::pin(async move {
            if let Some(issuer) = this.issuers.get(issuer) {
                issuer.source.refreshed().await;
            }
            this.check(&token, hash, this.clock.now()).map_err(|check| match check {
                Check { refused: Refused::TokenKey, issuer: Some(issuer) } => this.missing(issuer),
                Check { refused, .. } => refused,
            })
        }))
    }

    /// Why an issuer has no key of a name.
    fn missing(&self, issuer: usize) -> Refused {
        let has_some = self.issuers.get(issuer).is_some_and(|issuer| !issuer.source.current().keys.is_empty());
        if has_some { Refused::TokenKey } else { Refused::KeysMissing }
    }

    fn remembered(&self, hash: &[u8; 32], now: Timestamp) -> Option<Arc<Caller>> {
        let known = self.known.get(hash)?;
        let generation = self.issuers.get(known.issuer)?.source.current().generation;
        (now.as_second() < known.accepted.until && known.generation == generation).then_some(known.accepted.caller)
    }

    /// The issuer that the token names, by it the key that it names, by that the algorithm; then the signature, then the rest.
    fn check(&self, token: &str, hash: [u8; 32], now: Timestamp) -> Result<Arc<Caller>, Check> {
        let token = Unverified::read(token).map_err(Check::of)?;
        let named = token.claims.text("iss").unwrap_or_default();
        let place = self.issuers.iter().position(|issuer| issuer.expected.issuer == named);
        let (place, issuer) =
            place.and_then(|place| Some((place, self.issuers.get(place)?))).ok_or(Check::of(Refused::TokenIssuer))?;
        let current = issuer.source.current();
        // Nobody has the issuer asked for a key of an algorithm that there is none for.
        let algorithm = Algorithm::named(&token.algorithm).ok_or(Check::of(Refused::TokenAlgorithm))?;
        let key = current.keys.get(&token.kid).ok_or(Check { refused: Refused::TokenKey, issuer: Some(place) })?;
        if key.algorithm != algorithm {
            return Err(Check::of(Refused::TokenAlgorithm));
        }
        if !key.verifies(token.signed, &token.signature) {
            return Err(Check::of(Refused::TokenSignature));
        }
        let accepted = issuer.expected.accept(&token.claims, now, self.leeway).map_err(Check::of)?;
        let caller = accepted.caller.clone();
        self.known.insert(hash, Known { accepted, issuer: place, generation: current.generation });
        Ok(caller)
    }
}

/// Why a token is refused, and whose it says to be where that may change at once.
struct Check {
    refused: Refused,
    issuer: Option<usize>,
}

impl Check {
    fn of(refused: Refused) -> Self {
        Self { refused, issuer: None }
    }
}
