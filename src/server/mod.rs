//! The listeners: an accept loop, one list of layers, health and reflection.

pub mod accept;
pub mod admin;
pub mod age;
mod call_end;
mod connections;
pub mod health;
pub mod layers;
pub mod reflection;
mod reflection_answer;
pub mod tls;
mod webhook;

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder, util::BoxCloneSyncService};

pub use age::ConnectionAge;
use connections::Connection;
pub use connections::Places;
use layers::share::{Sharers, Shares};
pub use layers::{call_id::CallId, deadline::Deadline, limit::LimitLayer};
use tls::Tls;

use crate::{
    access::Gate,
    config::{Config, Deadlines},
    telemetry::metrics::RpcMeter,
};

/// How a listener behaves.
#[derive(Clone)]
pub struct Settings {
    /// How many connections each listener has places for.
    pub places: Places,
    /// The time from the accept of a connection to the head of its first request; for HTTP/1 to the head of each request.
    pub first_request: Duration,
    /// The time of a whole webhook request.
    pub webhook_time: Duration,
    /// Most calls at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long running calls may go on after the stop.
    pub grace: Duration,
    /// Most calls in progress, watches apart.
    pub max_calls: usize,
    /// What each tenant's callers may do.
    pub limits: LimitLayer,
    /// The time that calls get.
    pub deadlines: Deadlines,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// The TLS of the gRPC listener; none without.
    pub tls: Option<Arc<Tls>>,
    /// How old a gRPC connection may get; none for as old as it likes.
    pub age: Option<ConnectionAge>,
    /// Measures the calls.
    pub meter: RpcMeter,
}

impl Settings {
    /// As configured, with the parts that were made before.
    pub fn new(config: &Config, gate: Arc<Gate>, tls: Option<Arc<Tls>>, meter: RpcMeter) -> Self {
        Self {
            places: Places {
                callers: config.listen.max_connections,
                newcomers: config.listen.max_new_connections,
                health: config.listen.max_health_streams,
                reflection: config.listen.max_reflection_streams,
            },
            first_request: Duration::from_millis(config.listen.first_request_ms),
            webhook_time: Duration::from_millis(config.webhook.request_ms),
            max_streams: config.listen.max_streams,
            max_calls: config.listen.max_calls,
            limits: LimitLayer::new(config.tenants(), shares(config, gate.asks())),
            grace: Duration::from_millis(config.listen.shutdown_grace_ms),
            deadlines: config.deadlines.clone(),
            gate,
            tls,
            age: None,
            meter,
        }
    }
}

/// The shares of tenants and callers; none where all calls are of one tenant and callers cannot be told apart.
fn shares(config: &Config, authenticated: bool) -> Option<Shares> {
    let sharers = Sharers { tenants: config.tenants().len() > 1, callers: authenticated };
    let percent = usize::from(config.listen.max_share_percent);
    let share = |places: usize| (places.saturating_mul(percent) / 100).max(1);
    let watches = usize::try_from(config.watch.max_streams).unwrap_or(usize::MAX);
    let shared = percent < 100 && (sharers.tenants || sharers.callers);
    shared.then(|| Shares::new(share(config.listen.max_calls), share(watches), sharers))
}

/// A service as the accept loop takes it.
pub type GrpcService = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// The layers around every rpc, outermost first.
pub fn grpc_stack(routes: Routes, settings: &Settings) -> GrpcService {
    let inner = ServiceBuilder::new()
        // Inside the trace, which records the INTERNAL; outside the deadline, so that its code is covered as well.
        .layer(layers::panic::PanicLayer)
        // The time runs for the work, and the answer at its end passes the layers above. Asking an issuer for a new key is work, too.
        .layer(layers::deadline::DeadlineLayer { deadlines: settings.deadlines.clone() })
        // Inside everything that writes down how a call ended: for all of it this is an end as the gateway's stop is one.
        .layer(layers::leaving::LeavingLayer)
        // Before anything that costs: a call holds its place until the answer is read, or until soon after its deadline.
        .layer(layers::shed::ShedLayer::new(settings.max_calls))
        // Nobody who is unknown learns even which methods there are.
        .layer(layers::authenticate::AuthenticateLayer { gate: settings.gate.clone() })
        .layer(layers::scope::ScopeLayer)
        // Inside what says who calls: whose limits they are.
        .layer(settings.limits.clone())
        // `prepare` builds the router's tables once instead of at each clone.
        .service(routes.prepare());
    // One type for all of these: the compiler's work on the type of a stack grows with the power of its depth.
    let inner: GrpcService = BoxCloneSyncService::new(inner);
    let stack = ServiceBuilder::new()
        // Outermost, so that every answer carries the id, whoever makes it.
        .layer(layers::call_id::CallIdLayer)
        // Outside everything that can answer by itself: a refusal, a panic and a passed deadline are traced like any result.
        .layer(layers::trace::TraceLayer { meter: settings.meter.clone() })
        // Outside whatever answers without a reason, and inside the trace, which records the code that leaves.
        .layer(layers::explain::ExplainLayer)
        // Before anything that costs: what is no call of gRPC gets no further.
        .layer(layers::protocol::ProtocolLayer)
        .service(inner);
    BoxCloneSyncService::new(stack)
}

/// Serves gRPC until `stop`. The handle ends when nothing runs any more.
pub fn serve_grpc(listener: TcpListener, routes: Routes, settings: Settings, stop: CancellationToken) -> JoinHandle<()> {
    let service = grpc_stack(routes, &settings);
    let protocol = accept::Protocol::Grpc(settings.tls.clone());
    tokio::spawn(accept::serve(listener, protocol, service, settings, stop))
}

/// Serves providers' webhooks until `stop`: POST only, within the time of a request.
pub fn serve_http(listener: TcpListener, router: axum::Router, settings: Settings, stop: CancellationToken) -> JoinHandle<()> {
    let router = webhook::bounded(router, settings.webhook_time);
    // The router takes its own body type; hyper's is wrapped once.
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        async move {
            let _running = connection.as_ref().map(Connection::begin_call);
            let answer = router.call(request.map(axum::body::Body::new)).await?;
            // Only who sends what is taken gets a lasting place.
            if let Some(connection) = connection.filter(|_| answer.status().is_success()) {
                connection.accept();
            }
            Ok(answer)
        }
    });
    tokio::spawn(accept::serve(listener, accept::Protocol::Http, service, settings, stop))
}

#[cfg(test)]
mod tests;
