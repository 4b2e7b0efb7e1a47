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
    /// Allows addresses other than loopback, although callers are not authenticated yet.
    pub insecure: bool,
    /// Most connections at once, per listener. Further ones wait in the backlog.
    pub max_connections: usize,
    /// Most calls at once on one gRPC connection.
    pub max_streams: u32,
    /// Most calls in progress at once, watches apart; further ones are refused.
    pub max_calls: usize,
    /// Milliseconds that running calls get to finish after the stop signal, before they are cut.
    pub shutdown_grace_ms: u64,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 50051)),
            webhook: SocketAddr::from((Ipv4Addr::LOCALHOST, 50052)),
            insecure: false,
            max_connections: 1024,
            max_streams: 256,
            max_calls: 4096,
            shutdown_grace_ms: 20_000,
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
        faults.at_least_one("listen.max_connections", self.max_connections as u64);
        faults.at_least_one("listen.max_calls", self.max_calls as u64);
        faults.at_least_one("listen.max_streams", u64::from(self.max_streams));
    }

    /// The listeners that others than this machine can reach, by the path of the setting.
    pub(super) fn open_to_others(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        [("listen.grpc", self.grpc), ("listen.webhook", self.webhook)]
            .into_iter()
            .filter(|(_, address)| !address.ip().is_loopback())
    }
}
