//! Where the gateway listens, and how much it lets in.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use serde::Deserialize;

use super::Faults;
use crate::{clock::SystemClock, server::tls::Tls};

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
    /// Allows gRPC on other addresses than loopback although callers are not asked who they are, or not by TLS.
    pub insecure: bool,
    /// TLS of the gRPC listener.
    pub tls: Option<ListenTls>,
    /// Whether callers may ask for the contract's descriptors; where it is left out, if nobody is asked who he is.
    pub reflection: Option<bool>,
    /// Most connections at once on which a call was accepted, per listener. A further one takes the place of an idle one.
    pub max_connections: usize,
    /// Most connections at once on which no call was accepted yet, per listener. A further one takes the place of the oldest idle one.
    pub max_new_connections: usize,
    /// Milliseconds from the accept of a connection to the head of its first request; for HTTP/1 to the head of each request.
    pub first_request_ms: u64,
    /// Most health checks and watches at once on one connection.
    pub max_health_streams: usize,
    /// Most reflection streams at once on one connection.
    pub max_reflection_streams: usize,
    /// Most of `max_calls` and of `watch.max_streams`, in percent, that one tenant of several has at once, and one authenticated caller.
    pub max_share_percent: u8,
    /// Most calls at once on one gRPC connection.
    pub max_streams: u32,
    /// Most calls in progress at once, watches apart; further ones are refused.
    pub max_calls: usize,
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
            insecure: false,
            tls: None,
            reflection: None,
            max_connections: 1024,
            max_new_connections: 256,
            first_request_ms: 10_000,
            max_health_streams: 4,
            max_reflection_streams: 2,
            max_share_percent: 50,
            max_streams: 256,
            max_calls: 4096,
            shutdown_grace_ms: 20_000,
            drain_delay_ms: 0,
            max_connection_age_s: 300,
            connection_age_grace_ms: 30_000,
        }
    }
}

/// The section `listen.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenTls {
    /// The gateway's certificate with those between it and its authority, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// The authorities of callers' certificates, PEM. Without any no caller is asked for one.
    pub client_ca_files: Vec<PathBuf>,
    /// Whether a caller must have a certificate.
    pub client_auth: ClientAuth,
    /// Most milliseconds of a handshake.
    pub handshake_ms: u64,
}

impl Default for ListenTls {
    fn default() -> Self {
        Self {
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            client_ca_files: Vec::new(),
            client_auth: ClientAuth::Required,
            handshake_ms: 10_000,
        }
    }
}

/// Whether a caller must have a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Nobody connects without one.
    #[default]
    Required,
    /// Whoever has none proves by token or API key who he is.
    Optional,
}

impl Listen {
    /// `asks`: whether callers are asked who they are.
    pub(super) fn validate(&self, asks: bool, faults: &mut Faults) {
        if !self.insecure && !self.lacks(asks).is_empty() {
            faults.add(
                "listen.grpc",
                format!(
                    "{} is no loopback address, and {}: this needs `listen.insecure = true`",
                    self.grpc,
                    self.lacks(asks).join(" and ")
                ),
            );
        }
        if let Some(tls) = &self.tls {
            if let Err(cause) = Tls::load(tls, Arc::new(SystemClock)) {
                faults.add("listen.tls", cause);
            }
            if !(100..=60_000).contains(&tls.handshake_ms) {
                faults.add("listen.tls.handshake_ms", "must be 100 to 60000");
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
        faults.at_least_one("listen.max_new_connections", self.max_new_connections as u64);
        if !(100..=60_000).contains(&self.first_request_ms) {
            faults.add("listen.first_request_ms", "must be 100 to 60000");
        }
        faults.at_least_one("listen.max_health_streams", self.max_health_streams as u64);
        faults.at_least_one("listen.max_reflection_streams", self.max_reflection_streams as u64);
        if !(1..=100).contains(&self.max_share_percent) {
            faults.add("listen.max_share_percent", "must be 1 to 100");
        }
        faults.at_least_one("listen.max_calls", self.max_calls as u64);
        faults.at_least_one("listen.max_streams", u64::from(self.max_streams));
    }

    /// What the gRPC listener lacks, if others than this machine can reach it. The one for webhooks may be reached as it is: TLS ends
    /// before it, and messages prove themselves.
    pub(super) fn lacks(&self, asks: bool) -> Vec<&'static str> {
        if self.grpc.ip().is_loopback() {
            return Vec::new();
        }
        let mut lacks = Vec::new();
        if !asks {
            lacks.push("callers are not authenticated");
        }
        if self.tls.is_none() {
            lacks.push("there is no TLS");
        }
        lacks
    }
}
