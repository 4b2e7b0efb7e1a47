//! What the gateway measures of itself, by one API, with two ways out: OTLP, where an endpoint is set, and the text of `/metrics`.
//!
//! [`table`] names every metric, [`words`] what labels may hold. Where many calls pass, nothing is looked up or allocated: [`rpc`] binds each
//! pair of rpc and code once, and other places count in plain numbers that are read when somebody asks ([`state`]).

mod outward;
pub mod rpc;
pub mod state;
pub mod table;
mod tallies;
pub mod words;

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, MeterProvider},
};
use opentelemetry_otlp::{MetricExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Registry, TextEncoder};

pub use outward::{CallMeter, MeasureLayer, Of};
pub use rpc::RpcMeter;
pub use tallies::Tallies;

use self::table::{Kind, Metric};
use crate::config::Telemetry;

/// A collector that is slower than this loses a push, never a call. The last push is waited for at the end, as the last spans are.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bounds of durations, in seconds: the convention's, and above them what only streams and slow providers take.
const SECONDS: [f64; 18] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The exporter by OTLP cannot be made.
    #[error("the exporter of metrics cannot be made: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The text form cannot be made.
    #[error("the text of metrics cannot be made: {0}")]
    Text(#[from] opentelemetry_sdk::error::OTelSdkError),
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    provider: SdkMeterProvider,
    meter: Meter,
    registry: Registry,
    /// Calls of the contract.
    pub rpc: RpcMeter,
    /// Calls to providers.
    pub calls: CallMeter,
}

impl Metrics {
    /// What the configuration asks for. Needs the runtime if metrics are pushed.
    ///
    /// # Errors
    /// When a way out cannot be made.
    pub fn new(telemetry: &Telemetry) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let text = opentelemetry_prometheus::exporter().with_registry(registry.clone()).scope_info_enabled(false).build()?;
        let resource = Resource::builder().with_service_name(telemetry.service_name.clone()).build();
        let mut provider = SdkMeterProvider::builder().with_resource(resource).with_reader(text);
        if let Some(endpoint) = &telemetry.otlp_endpoint {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
            let every = Duration::from_millis(telemetry.metrics_interval_ms);
            provider = provider.with_reader(PeriodicReader::builder(exporter).with_interval(every).build());
        }
        Ok(Self::of(provider.build(), registry))
    }

    fn of(provider: SdkMeterProvider, registry: Registry) -> Self {
        let meter = provider.meter("sangam");
        observe(&meter, table::BUILD_INFO, || [(vec![KeyValue::new("version", env!("CARGO_PKG_VERSION"))], 1)]);
        Self { rpc: RpcMeter::new(&meter), calls: CallMeter::new(&meter), provider, meter, registry }
    }

    /// The text for Prometheus.
    pub fn text(&self) -> String {
        // It fails only on families that are empty or of mixed types, which the exporter does not make.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Pushes the last numbers. It blocks inside, so it runs aside: the exporter needs the runtime that would wait for it.
    pub async fn shutdown(self) {
        let pushed = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
        if !matches!(pushed, Ok(Ok(()))) {
            tracing::warn!("the last metrics could not be sent");
        }
    }
}

/// A meter whose numbers go nowhere.
fn nowhere() -> Meter {
    SdkMeterProvider::builder().build().meter("sangam")
}

/// Makes the histogram of a metric.
fn histogram(meter: &Meter, metric: Metric) -> Histogram<f64> {
    debug_assert_eq!(metric.kind, Kind::Histogram);
    meter
        .f64_histogram(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.description)
        .with_boundaries(SECONDS.to_vec())
        .build()
}

/// Makes the counter of a metric.
fn counter(meter: &Meter, metric: Metric) -> Counter<u64> {
    debug_assert_eq!(metric.kind, Kind::Counter);
    meter.u64_counter(metric.name).with_unit(metric.unit).with_description(metric.description).build()
}

/// Makes a metric whose numbers are read when somebody asks for them.
fn observe<I>(meter: &Meter, metric: Metric, read: impl Fn() -> I + Send + Sync + 'static)
where
    I: IntoIterator<Item = (Vec<KeyValue>, u64)>,
{
    let read = Arc::new(read);
    match metric.kind {
        Kind::Counter => drop(
            meter
                .u64_observable_counter(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.description)
                .with_callback(move |observer| read().into_iter().for_each(|(labels, number)| observer.observe(number, &labels)))
                .build(),
        ),
        _ => drop(
            meter
                .u64_observable_gauge(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.description)
                .with_callback(move |observer| read().into_iter().for_each(|(labels, number)| observer.observe(number, &labels)))
                .build(),
        ),
    }
}
