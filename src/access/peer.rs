//! Callers with certificates.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::{Caller, Refused};

/// Seconds for which a certificate that was checked counts as good. After them it is checked anew on the open connection: by then it may have
/// ended, or its authority may be trusted no more.
const CHECK_AGAIN: i64 = 60;

/// Whether a chain of certificates is trusted.
pub trait Trust: Send + Sync + 'static {
    /// Whether it is now, the caller's own certificate first.
    fn trusts(&self, chain: &[CertificateDer<'static>], now: Timestamp) -> bool;
}

/// Whoever is at the other end of a connection, by a certificate whose key was proven in the handshake.
pub struct Peer {
    chain: Vec<CertificateDer<'static>>,
    names: Vec<PeerName>,
    trust: Arc<dyn Trust>,
    /// The second in which it was last found good.
    checked: AtomicI64,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerName {
    /// A SPIFFE id: `spiffe://` with a trust domain and a path.
    Spiffe(String),
    /// A DNS name, in small letters.
    Dns(String),
}

impl Peer {
    /// The peer of a handshake that is done.
    pub fn new(chain: Vec<CertificateDer<'static>>, trust: Arc<dyn Trust>, now: Timestamp) -> Self {
        let names = chain.first().map(names).unwrap_or_default();
        Self { chain, names, trust, checked: AtomicI64::new(now.as_second()) }
    }

    fn is_trusted(&self, now: Timestamp) -> bool {
        // A clock that goes back has it checked as well.
        let age = now.as_second().abs_diff(self.checked.load(Ordering::Relaxed));
        if age < CHECK_AGAIN.unsigned_abs() {
            return true;
        }
        let good = self.trust.trusts(&self.chain, now);
        if good {
            self.checked.store(now.as_second(), Ordering::Relaxed);
        }
        good
    }
}

/// The names by which a certificate may be listed. One with two SPIFFE ids is none of SPIFFE's, and has none of them.
fn names(certificate: &CertificateDer<'static>) -> Vec<PeerName> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let spiffe: Vec<&str> = parsed.valid_uri_names().filter(|uri| uri.starts_with("spiffe://")).collect();
    let mut names: Vec<PeerName> = parsed.valid_dns_names().map(|name| PeerName::Dns(name.to_ascii_lowercase())).collect();
    if let [one] = spiffe[..] {
        names.push(PeerName::Spiffe(one.to_owned()));
    }
    names
}

/// Which names are whose. A name stands for itself: nothing is matched by pattern.
#[derive(Debug, Default)]
pub struct Peers(HashMap<PeerName, Arc<Caller>>);

impl Peers {
    /// The list.
    pub fn new(listed: impl IntoIterator<Item = (PeerName, Arc<Caller>)>) -> Self {
        Self(listed.into_iter().collect())
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who a peer is.
    pub fn judge(&self, peer: &Peer, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        if !peer.is_trusted(now) {
            return Err(Refused::Certificate);
        }
        let mut callers = peer.names.iter().filter_map(|name| self.0.get(name));
        let caller = callers.next().ok_or(Refused::CertificateUnlisted)?;
        if callers.any(|other| other != caller) {
            return Err(Refused::CertificateAmbiguous);
        }
        Ok(caller.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;
    use crate::access::Scopes;

    struct Says(AtomicBool);

    impl Trust for Says {
        fn trusts(&self, _: &[CertificateDer<'static>], _: Timestamp) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn peer(trust: &Arc<Says>, uris: &[&str], dns: &[&str]) -> Peer {
        let mut params = CertificateParams::new(dns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Peer::new(vec![certificate.der().clone()], trust.clone(), Timestamp::UNIX_EPOCH)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn listed() -> Peers {
        let caller = |name: &str| Arc::new(Caller { tenant: "demo".into(), name: name.into(), scopes: Scopes::default() });
        let (one, two) = (caller("mtls:one"), caller("mtls:two"));
        Peers::new([
            (PeerName::Spiffe("spiffe://lender/one".to_owned()), one.clone()),
            (PeerName::Dns("one.lender.example".to_owned()), one),
            (PeerName::Dns("two.lender.example".to_owned()), two),
        ])
    }

    #[test]
    fn a_certificate_is_whose_name_is_listed_in_full() {
        let trust = Arc::new(Says(AtomicBool::new(true)));
        let judged =
            |uris: &[&str], dns: &[&str]| listed().judge(&peer(&trust, uris, dns), at(0)).map(|caller| caller.name.to_string());
        assert_eq!(judged(&["spiffe://lender/one"], &[]), Ok("mtls:one".to_owned()));
        assert_eq!(judged(&[], &["other.example", "TWO.lender.example"]), Ok("mtls:two".to_owned()));
        assert_eq!(judged(&["spiffe://lender/one"], &["one.lender.example"]), Ok("mtls:one".to_owned()));
        for (uris, dns) in [
            (&["spiffe://lender/one/more"][..], &[][..]),
            (&["spiffe://lender/one", "spiffe://lender/two"], &[]),
            (&["https://lender/one"], &[]),
            (&[], &["*.lender.example", "x.one.lender.example", "one.lender"]),
            (&[], &[]),
        ] {
            assert_eq!(judged(uris, dns), Err(Refused::CertificateUnlisted), "{uris:?} {dns:?}");
        }
        assert_eq!(judged(&["spiffe://lender/one"], &["two.lender.example"]), Err(Refused::CertificateAmbiguous));
    }

    #[test]
    fn a_certificate_that_is_trusted_no_more_ends_its_caller_on_the_open_connection() {
        let trust = Arc::new(Says(AtomicBool::new(true)));
        let peer = peer(&trust, &["spiffe://lender/one"], &[]);
        let peers = listed();
        assert!(peers.judge(&peer, at(120)).is_ok());
        trust.0.store(false, Ordering::Relaxed);
        assert!(peers.judge(&peer, at(179)).is_ok());
        assert_eq!(peers.judge(&peer, at(180)), Err(Refused::Certificate));
        assert_eq!(peers.judge(&peer, at(-3600)), Err(Refused::Certificate));
    }
}
