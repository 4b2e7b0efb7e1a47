//! Where the gateway listens, and how much it lets in.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::Faults;

/// The section `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address of the gRPC listener. Port 0 takes a free one.
    pub grpc: SocketAddr,
    /// Address of the listener for providers' webhooks. Port 0 takes a free one.
    pub webhook: SocketAddr,
    /// Where probes and metrics are served.
    pub admin: Admin,
    /// Whether callers may ask the gRPC listener for the contract (grpc.reflection). The admin listener never answers that.
    pub reflection: bool,
    /// Allows addresses other than loopback, although callers are not authenticated yet.
    pub insecure: bool,
    /// Most connections at once, per listener. Further ones wait in the backlog.
    pub max_connections: usize,
    /// Most calls at once on one gRPC connection.
    pub max_streams: u32,
    /// Milliseconds that running calls get to finish after the stop signal, before they are cut.
    pub shutdown_grace_ms: u64,
    /// Milliseconds after the stop signal for which new connections and calls are still taken.
    pub drain_delay_ms: u64,
    /// Seconds after which a gRPC connection is asked to go; 0 lets it last.
    pub max_connection_age_s: u64,
    /// Milliseconds that the calls of such a connection get to finish, before they are cut.
    pub connection_age_grace_ms: u64,
}

/// The listener for probes and metrics. It holds nothing personal and has no TLS, so it may be open to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Admin {
    /// None.
    Off,
    /// Its address. Port 0 takes a free one.
    At(SocketAddr),
}

impl Admin {
    /// Where it is, unless it is off.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl TryFrom<String> for Admin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| "is neither an address with its port nor `off`")
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 50051)),
            webhook: SocketAddr::from((Ipv4Addr::LOCALHOST, 50052)),
            admin: Admin::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 50053))),
            reflection: true,
            insecure: false,
            max_connections: 1024,
            max_streams: 256,
            shutdown_grace_ms: 20_000,
            drain_delay_ms: 0,
            max_connection_age_s: 300,
            connection_age_grace_ms: 30_000,
        }
    }
}

impl Listen {
    pub(super) fn validate(&self, faults: &mut Faults) {
        for (path, address) in self.open_to_others() {
            if !self.insecure {
                faults.add(
                    path,
                    format!(
                        "{address} is no loopback address; callers are not authenticated, so this needs \
                         `listen.insecure = true`"
                    ),
                );
            }
        }
        if self.grpc == self.webhook && self.grpc.port() != 0 {
            faults.add("listen.webhook", "must differ from `listen.grpc`");
        }
        let admin = self.admin.address().filter(|address| address.port() != 0);
        for (path, other) in [("listen.grpc", self.grpc), ("listen.webhook", self.webhook)] {
            if admin == Some(other) {
                faults.add("listen.admin", format!("must differ from `{path}`"));
            }
        }
        if self.max_connection_age_s > 0 {
            faults.at_least_one("listen.connection_age_grace_ms", self.connection_age_grace_ms);
        }
        faults.at_least_one("listen.max_connections", self.max_connections as u64);
        faults.at_least_one("listen.max_streams", u64::from(self.max_streams));
    }

    /// The listeners that others than this machine can reach, by the path of the setting.
    pub(super) fn open_to_others(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        [("listen.grpc", self.grpc), ("listen.webhook", self.webhook)]
            .into_iter()
            .filter(|(_, address)| !address.ip().is_loopback())
    }
}
