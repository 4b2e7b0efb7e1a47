//! Logs, traces and metrics.

use serde::Deserialize;
use url::Url;

use super::Faults;

/// The section `telemetry`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Where spans and metrics go by OTLP over gRPC, such as `http://localhost:4317`. Without it none are sent.
    pub otlp_endpoint: Option<String>,
    /// Milliseconds between two pushes of metrics to it.
    pub metrics_interval_ms: u64,
    /// Which log lines are written: a level, or directives such as `info,sangam=debug`.
    pub log_filter: String,
    /// `service.name` of spans and metrics.
    pub service_name: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            metrics_interval_ms: 15_000,
            log_filter: "info".to_owned(),
            service_name: "sangam".to_owned(),
        }
    }
}

impl Telemetry {
    pub(super) fn validate(&self, faults: &mut Faults) {
        // A collector beside the gateway usually speaks plain http; spans hold nothing personal.
        let endpoint = self.otlp_endpoint.as_deref().map(Url::parse);
        if endpoint.is_some_and(|url| !url.is_ok_and(|url| url.has_host() && url.scheme() == "http")) {
            faults.add("telemetry.otlp_endpoint", "must be an http:// address, such as http://localhost:4317");
        }
        faults.at_least_one("telemetry.metrics_interval_ms", self.metrics_interval_ms);
        if crate::telemetry::filter::parse(&self.log_filter).is_err() {
            faults.add("telemetry.log_filter", "is no log filter; `info` or `info,sangam=debug` are");
        }
        if self.service_name.is_empty() {
            faults.add("telemetry.service_name", "must not be empty");
        }
    }
}
