//! Traces, logs and metrics. Nothing personal enters either: `redact` says how.

pub mod filter;
pub mod lines;
pub mod links;
pub mod metrics;
pub mod propagation;
pub mod redact;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider, TracerProviderBuilder},
};
use tracing::{Subscriber, subscriber::set_global_default};
use tracing_subscriber::{Layer, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt, registry::Registry};

use crate::config::Telemetry;

/// A collector that is slower than this loses the batch, never a call.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why logs and traces cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is none; the configuration checks it before.
    #[error("the log filter cannot be read")]
    Filter,
    /// The exporter cannot be made.
    #[error("the span exporter cannot be made: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something else in this process has begun to log.
    #[error("logging has begun already")]
    Twice,
}

/// Holds what must be flushed at the end.
#[derive(Debug)]
pub struct Guard(SdkTracerProvider);

impl Guard {
    /// Sends the last spans. It blocks inside, so it runs aside: the exporter needs the runtime that would wait for it.
    pub async fn shutdown(self) {
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

/// Begins to log to standard error, and to send spans if an endpoint is set. Needs the runtime.
pub fn init(telemetry: &Telemetry) -> Result<Guard, InitError> {
    let provider = provider(&telemetry.service_name);
    let provider = match &telemetry.otlp_endpoint {
        Some(endpoint) => {
            let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build()?;
            provider.with_batch_exporter(exporter)
        }
        // Spans that go nowhere have their ids only, and say so to the providers, unless the caller wants the trace recorded.
        None => provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))),
    }
    .build();
    let subscriber = subscriber(&telemetry.log_filter, std::io::stderr, &provider)?;
    set_global_default(subscriber).map_err(|_| InitError::Twice)?;
    std::panic::set_hook(Box::new(redact::note_panic));
    Ok(Guard(provider))
}

/// A provider without an exporter: even then spans have ids, which stand on log lines and go on to the providers.
pub fn provider(service_name: &str) -> TracerProviderBuilder {
    let resource = Resource::builder().with_service_name(service_name.to_owned()).build();
    SdkTracerProvider::builder().with_resource(resource)
}

/// The whole of what listens to spans and events; `writer` gets one JSON object a line.
pub fn subscriber<W>(
    filter: &str,
    writer: W,
    provider: &SdkTracerProvider,
) -> Result<impl Subscriber + Send + Sync + use<W>, InitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter::parse(filter).map_err(|_| InitError::Filter)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("sangam"))
        .with_location(false)
        .with_threads(false)
        // How long a span was busy or idle between its polls tells nobody anything, and costs two looks at the clock for each.
        .with_tracked_inactivity(false)
        // Our own spans only, and no events: those have the log, where fields are chosen one by one.
        .with_filter(filter_fn(|metadata| metadata.is_span() && redact::is_ours(metadata.target())));
    Ok(Registry::default().with(spans).with(lines::JsonLines::new(writer).with_filter(filter)))
}
