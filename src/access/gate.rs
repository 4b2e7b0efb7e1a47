//! Who makes a call: one proof, of one of the ways that are switched on.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::{
    Caller, Refused,
    api_key::ApiKeys,
    jwt::{Judged, Tokens},
    peer::{Peer, Peers},
};
use crate::clock::SharedClock;

/// The header with an API key.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Lets callers in.
pub struct Gate {
    /// Who calls, where nobody is asked who he is. With it nothing else is looked at.
    anybody: Option<Arc<Caller>>,
    ways: Ways,
    /// The tenants that are served. A caller of another one is nobody here.
    tenants: Vec<String>,
    clock: SharedClock,
}

/// The ways to prove who one is.
#[derive(Default)]
pub struct Ways {
    /// By certificate.
    pub peers: Peers,
    /// By token.
    pub tokens: Option<Arc<Tokens>>,
    /// By API key.
    pub keys: Option<Arc<ApiKeys>>,
}

/// What the gate says.
pub enum Verdict {
    /// Who calls.
    Caller(Arc<Caller>),
    /// Nobody.
    Refused(Refused),
    /// It takes a while.
    Later(BoxFuture<'static, Result<Arc<Caller>, Refused>>),
}

impl Gate {
    /// A gate that asks nobody.
    pub fn open(anybody: Caller, clock: SharedClock) -> Self {
        Self { anybody: Some(Arc::new(anybody)), ways: Ways::default(), tenants: Vec::new(), clock }
    }

    /// A gate that asks everybody.
    pub fn asking(ways: Ways, tenants: Vec<String>, clock: SharedClock) -> Self {
        Self { anybody: None, ways, tenants, clock }
    }

    /// Whether callers are asked who they are.
    pub fn asks(&self) -> bool {
        self.anybody.is_none()
    }

    /// The ways.
    pub fn ways(&self) -> &Ways {
        &self.ways
    }

    /// Judges a call by its headers and the peer of its connection. What stands in a header decides alone: whoever sends a token that
    /// is not good is not let in by his certificate instead.
    pub fn judge(&self, headers: &HeaderMap, peer: Option<&Peer>) -> Verdict {
        if let Some(anybody) = &self.anybody {
            return Verdict::Caller(anybody.clone());
        }
        let judged = match proof(headers) {
            Err(refused) => Err(refused),
            Ok(Some(Proof::Token(token))) => match self.ways.tokens.as_ref().map(|tokens| tokens.judge(token)) {
                None => Err(Refused::WayOff),
                Some(Judged::Caller(caller)) => Ok(caller),
                Some(Judged::Refused(refused)) => Err(refused),
                Some(Judged::Later(later)) => return self.after(later),
            },
            Ok(Some(Proof::Key(key))) => {
                let keys = self.ways.keys.as_ref().ok_or(Refused::WayOff);
                keys.and_then(|keys| keys.judge(key, self.clock.now()))
            }
            Ok(None) => match peer {
                None => Err(Refused::Nothing),
                Some(_) if self.ways.peers.is_empty() => Err(Refused::WayOff),
                Some(peer) => self.ways.peers.judge(peer, self.clock.now()),
            },
        };
        match judged.and_then(|caller| of_tenant(&self.tenants, caller)) {
            Ok(caller) => Verdict::Caller(caller),
            Err(refused) => Verdict::Refused(refused),
        }
    }

    fn after(&self, later: BoxFuture<'static, Result<Arc<Caller>, Refused>>) -> Verdict {
        let tenants = self.tenants.clone();
        Verdict::Later(Box::pin(async move { of_tenant(&tenants, later.await?) }))
    }
}

fn of_tenant(tenants: &[String], caller: Arc<Caller>) -> Result<Arc<Caller>, Refused> {
    if tenants.iter().any(|tenant| **tenant == *caller.tenant) { Ok(caller) } else { Err(Refused::Tenant) }
}

/// What a call brings as its proof.
#[derive(Debug, PartialEq, Eq)]
enum Proof<'a> {
    Token(&'a str),
    Key(&'a str),
}

/// The one proof in the headers. Two of them are refused, even if both are good: which one was meant?
fn proof(headers: &HeaderMap) -> Result<Option<Proof<'_>>, Refused> {
    let mut found = headers.get_all(AUTHORIZATION).iter().map(|value| (true, value));
    let mut keys = headers.get_all(API_KEY).iter().map(|value| (false, value));
    let first = found.next().or_else(|| keys.next());
    if found.next().is_some() || keys.next().is_some() {
        return Err(Refused::Several);
    }
    let Some((is_authorization, value)) = first else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refused::Header)?;
    if !is_authorization {
        return Ok(Some(Proof::Key(text)));
    }
    let (scheme, proof) = text.split_once(' ').ok_or(Refused::Header)?;
    let proof = proof.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(Proof::Token(proof)))
    } else if scheme.eq_ignore_ascii_case("apikey") {
        Ok(Some(Proof::Key(proof)))
    } else {
        Err(Refused::Header)
    }
}

/// Takes the proof out of the headers: nothing behind the gate needs it.
pub fn forget(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    headers.remove(API_KEY);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_call_has_one_proof_or_none() {
        assert_eq!(proof(&headers(&[])), Ok(None));
        for (name, value, expected) in [
            ("authorization", "Bearer a.b.c", Proof::Token("a.b.c")),
            ("authorization", "bearer  a.b.c", Proof::Token("a.b.c")),
            ("authorization", "ApiKey k", Proof::Key("k")),
            ("x-api-key", "k", Proof::Key("k")),
        ] {
            assert_eq!(proof(&headers(&[(name, value)])), Ok(Some(expected)));
        }
        for wrong in ["", "Bearer", "a.b.c", "Basic dXNlcjpwYXNz", "Bearer\ta"] {
            assert_eq!(proof(&headers(&[("authorization", wrong)])), Err(Refused::Header), "{wrong:?}");
        }
        let (token, key) = (("authorization", "Bearer a"), ("x-api-key", "k"));
        for two in [[token, key], [token, token], [key, key]] {
            assert_eq!(proof(&headers(&two)), Err(Refused::Several), "{two:?}");
        }
    }
}
