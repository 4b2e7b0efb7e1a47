//! Looks up the hosts of links that come from outside, and gives out only addresses that lie in the public Internet. The connection goes to
//! exactly the addresses that were judged: a name that means something else a moment later gains nothing.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Finds the addresses of a host.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses; port 0 is the link's own.
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Lookup for System {
    fn addresses(&self, host: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
    }
}

/// See the module.
#[derive(Clone)]
pub struct PublicOnly {
    inner: Arc<dyn Lookup>,
    /// Whether this machine may be meant as well.
    loopback: bool,
}

impl PublicOnly {
    /// A resolver that judges what `inner` finds.
    pub fn new(inner: Arc<dyn Lookup>, loopback: bool) -> Self {
        Self { inner, loopback }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = this.inner.addresses(name.as_str().to_owned()).await?;
            // One that is not public makes all of them suspect: who sends several hopes that one is tried.
            let fits = |address: &SocketAddr| is_public(address.ip()) || this.loopback && address.ip().is_loopback();
            if found.is_empty() || !found.iter().all(fits) {
                return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address lies in the public Internet, by the registries of special-purpose addresses (RFC 6890). An address that carries another
/// one is judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        // This network, private use, shared by carriers, loopback, link-local with the clouds' metadata.
        (0 | 10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (169, 254, _)
        // Protocol assignments, documentation, relays, benchmarks.
        | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113)
        // Multicast, reserved, broadcast.
        | (224..=255, ..)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        // An IPv4 address that is written in IPv6, or that a translator turns into one.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => is_public_v4(v4(g, h)),
        (0x2002, high, low, ..) => is_public_v4(v4(high, low)),
        // Tunnels, benchmarks, identifiers without a place, documentation.
        (0x2001, 0..=0x1ff, ..) | (0x2001, 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => false,
        // Global unicast; everything else is loopback, link-local, unique local, multicast, or has no use yet.
        _ => (0x2000..=0x3fff).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers one list after the other, the last one again and again.
    struct Listed(Mutex<Vec<Vec<&'static str>>>);

    impl Lookup for Listed {
        fn addresses(&self, _host: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let mut answers = self.0.lock().unwrap();
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            Box::pin(async move { Ok(answer.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()) })
        }
    }

    async fn passes(resolver: &PublicOnly) -> bool {
        resolver.resolve("files.example".parse().unwrap()).await.is_ok()
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in [
            "8.8.8.8",
            "52.219.62.1",
            "172.32.0.1",
            "100.128.0.1",
            "2600:1f00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[tokio::test]
    async fn every_address_of_every_answer_is_judged() {
        let public = vec!["8.8.8.8", "2600:1f00::1"];
        let of = |answers: Vec<Vec<&'static str>>, loopback| PublicOnly::new(Arc::new(Listed(Mutex::new(answers))), loopback);
        assert!(passes(&of(vec![public.clone()], false)).await);
        assert!(!passes(&of(vec![vec![]], false)).await);
        assert!(!passes(&of(vec![vec!["8.8.8.8", "10.0.0.1"]], false)).await, "one of two is private");
        assert!(!passes(&of(vec![vec!["127.0.0.1"]], false)).await);
        assert!(passes(&of(vec![vec!["127.0.0.1"]], true)).await);
        assert!(!passes(&of(vec![vec!["10.0.0.1"]], true)).await, "a simulator is on this machine, not on the network");
        // A name that means something else the second time.
        let rebound = of(vec![public, vec!["169.254.169.254"]], false);
        assert!(passes(&rebound).await);
        assert!(!passes(&rebound).await);
    }
}
