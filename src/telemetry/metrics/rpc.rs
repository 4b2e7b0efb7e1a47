//! Measures the calls of the contract. Each pair of rpc and code is bound at its first call; after that a call costs no look-up but that of
//! its path, and no allocation.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{BoundHistogram, Histogram, Meter},
};
use opentelemetry_semantic_conventions::attribute as convention;
use tonic::Code;

use super::{
    histogram, nowhere, observe, table,
    words::{CODES, code_place},
};
use crate::contract::CONTRACT;

/// The rpcs that are served beside those of the contract.
const OTHERS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// What a path is counted under if it is no rpc of ours.
pub const UNKNOWN: &str = "unknown";

/// Every rpc by its path; its number is its place among the bound ones.
static RPCS: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let ours = CONTRACT.methods.iter().map(|method| method.path.as_str());
    ours.chain(OTHERS).enumerate().map(|(place, path)| (path, place)).collect()
});

/// The rpcs as labels have them.
pub fn names() -> Vec<&'static str> {
    RPCS.keys().map(|path| path.trim_start_matches('/')).chain([UNKNOWN]).collect()
}

/// The contract's own text of a path, which may be anybody's; none if it is no rpc that is served here.
pub fn known(path: &str) -> Option<&'static str> {
    RPCS.get_key_value(path).map(|(path, _)| *path)
}

/// An rpc of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc(usize);

impl Rpc {
    /// By a path, which may be anybody's text.
    pub fn of(path: &str) -> Self {
        Self(RPCS.get(path).copied().unwrap_or(RPCS.len()))
    }
}

struct Inner {
    duration: Histogram<f64>,
    bound: Box<[[OnceLock<BoundHistogram<f64>>; CODES.len()]]>,
    active: AtomicU64,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct RpcMeter(Arc<Inner>);

impl std::fmt::Debug for RpcMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RpcMeter")
    }
}

impl RpcMeter {
    pub(super) fn new(meter: &Meter) -> Self {
        let bound = (0..=RPCS.len()).map(|_| std::array::from_fn(|_| OnceLock::new())).collect();
        let inner = Arc::new(Inner { duration: histogram(meter, table::RPC_DURATION), bound, active: AtomicU64::new(0) });
        let seen = Arc::downgrade(&inner);
        observe(meter, table::RPC_ACTIVE, move || seen.upgrade().map(|inner| (Vec::new(), inner.active.load(Ordering::Relaxed))));
        Self(inner)
    }

    /// One that tells nobody.
    pub fn silent() -> Self {
        Self::new(&nowhere())
    }

    /// A call begins.
    pub fn begin(&self) {
        self.0.active.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that began has ended.
    pub fn end(&self, rpc: Rpc, code: Code, took: Duration) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
        let place = code_place(code);
        let Some(slot) = self.0.bound.get(rpc.0).and_then(|codes| codes.get(place)) else { return };
        slot.get_or_init(|| self.bind(rpc, place)).record(took.as_secs_f64());
    }

    fn bind(&self, rpc: Rpc, code: usize) -> BoundHistogram<f64> {
        let path = RPCS.iter().find(|(_, place)| **place == rpc.0).map_or(UNKNOWN, |(path, _)| path.trim_start_matches('/'));
        self.0.duration.bind(&[
            KeyValue::new(convention::RPC_SYSTEM_NAME, "grpc"),
            KeyValue::new(convention::RPC_METHOD, path),
            KeyValue::new(convention::RPC_RESPONSE_STATUS_CODE, CODES.get(code).copied().unwrap_or("UNKNOWN")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Telemetry, telemetry::metrics::Metrics};

    #[tokio::test]
    async fn whatever_a_caller_calls_has_a_name_of_the_contract_or_none() {
        let metrics = Metrics::new(&Telemetry::default()).unwrap();
        for path in ["/sangam.v1.JourneyService/GetStatus", "/sangam.v1.JourneyService/AAAPA0001A", "/9000000001/x", ""] {
            metrics.rpc.begin();
            metrics.rpc.end(Rpc::of(path), Code::NotFound, Duration::from_millis(3));
        }
        metrics.rpc.begin();
        let text = metrics.text();
        let count = |method: &str| {
            format!(
                "rpc_server_call_duration_seconds_count{{rpc_method=\"{method}\",rpc_response_status_code=\"NOT_FOUND\",rpc_system_name=\"grpc\"}}"
            )
        };
        assert!(text.contains(&format!("{} 1\n", count("sangam.v1.JourneyService/GetStatus"))), "{text}");
        assert!(text.contains(&format!("{} 3\n", count("unknown"))), "{text}");
        assert!(text.contains("sangam_rpc_active 1\n") && !text.contains("AAAPA"), "{text}");
    }
}
