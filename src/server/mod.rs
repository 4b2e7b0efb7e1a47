//! The listeners: an accept loop, one list of layers, health and reflection.

pub mod accept;
pub mod admin;
pub mod age;
pub mod health;
pub mod layers;
pub mod reflection;
mod webhook;

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder, util::BoxCloneSyncService};

pub use age::ConnectionAge;
pub use layers::{call_id::CallId, deadline::Deadline};

use crate::{
    access::Caller,
    config::{Config, Deadlines},
    telemetry::metrics::RpcMeter,
};

/// How a listener behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most connections at once.
    pub max_connections: usize,
    /// Most calls at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long running calls may go on after the stop.
    pub grace: Duration,
    /// The time that calls get.
    pub deadlines: Deadlines,
    /// Who calls, where nobody is asked who he is.
    pub anybody: Arc<Caller>,
    /// How old a gRPC connection may get; none for as old as it likes.
    pub age: Option<ConnectionAge>,
    /// Measures the calls.
    pub meter: RpcMeter,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            max_connections: config.listen.max_connections,
            max_streams: config.listen.max_streams,
            grace: Duration::from_millis(config.listen.shutdown_grace_ms),
            deadlines: config.deadlines.clone(),
            anybody: Arc::new(Caller::anybody(&config.tenant.id, config.tenant.full_view)),
            age: None,
            meter: RpcMeter::silent(),
        }
    }
}

/// A service as the accept loop takes it.
pub type GrpcService = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// The layers around every rpc, outermost first.
pub fn grpc_stack(routes: Routes, settings: &Settings) -> GrpcService {
    let stack = ServiceBuilder::new()
        // Outermost, so that every answer carries the id, whoever makes it.
        .layer(layers::call_id::CallIdLayer)
        // Outside everything that can answer by itself: a refusal, a panic and a passed deadline are traced like any result.
        .layer(layers::trace::TraceLayer { meter: settings.meter.clone() })
        // Inside the trace, which records the INTERNAL; outside the deadline, so that its code is covered as well.
        .layer(layers::panic::PanicLayer)
        // Innermost of these: the time runs for the work, and the answer at its end passes the layers above. The load shed,
        // authentication, scopes and limits per tenant take their places inside, in this order.
        .layer(layers::deadline::DeadlineLayer { deadlines: settings.deadlines.clone() })
        // Inside everything that writes down how a call ended: for all of it this is an end as the gateway's stop is one.
        .layer(layers::leaving::LeavingLayer)
        .layer(layers::caller::CallerLayer { anybody: settings.anybody.clone() })
        // `prepare` builds the router's tables once instead of at each clone.
        .service(routes.prepare());
    BoxCloneSyncService::new(stack)
}

/// Serves gRPC until `stop`. The handle ends when nothing runs any more.
pub fn serve_grpc(listener: TcpListener, routes: Routes, settings: Settings, stop: CancellationToken) -> JoinHandle<()> {
    let service = grpc_stack(routes, &settings);
    tokio::spawn(accept::serve(listener, accept::Protocol::Grpc, service, settings, stop))
}

/// Serves providers' webhooks until `stop`: POST only, 30 s a request.
pub fn serve_http(listener: TcpListener, router: axum::Router, settings: Settings, stop: CancellationToken) -> JoinHandle<()> {
    let router = webhook::bounded(router);
    // The router takes its own body type; hyper's is wrapped once.
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move { router.call(request.map(axum::body::Body::new)).await }
    });
    tokio::spawn(accept::serve(listener, accept::Protocol::Http, service, settings, stop))
}

#[cfg(test)]
mod tests;
