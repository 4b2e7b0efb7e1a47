//! The listeners: an accept loop, one list of layers, health and reflection.

pub mod accept;
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

pub use layers::{call_id::CallId, deadline::Deadline, limit::LimitLayer};

use crate::{
    access::{Caller, Scopes},
    config::{Config, Deadlines},
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
    /// Most calls in progress, watches apart.
    pub max_calls: usize,
    /// What each tenant's callers may do.
    pub limits: LimitLayer,
    /// The time that calls get.
    pub deadlines: Deadlines,
    /// Who calls, where nobody is asked who he is.
    pub anybody: Arc<Caller>,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            max_connections: config.listen.max_connections,
            max_streams: config.listen.max_streams,
            max_calls: config.listen.max_calls,
            limits: LimitLayer::new(config.tenants()),
            grace: Duration::from_millis(config.listen.shutdown_grace_ms),
            deadlines: config.deadlines.clone(),
            anybody: Arc::new(anybody(config)),
        }
    }
}

/// Who calls, where nobody is asked who he is. Of several tenants nobody can be meant by that, and such a caller may do nothing.
fn anybody(config: &Config) -> Caller {
    match config.only_tenant() {
        Some(tenant) => Caller::anybody(&tenant.id, tenant.full_view),
        None => Caller { scopes: Scopes::default(), ..Caller::anybody("", false) },
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
        .layer(layers::trace::TraceLayer)
        // Inside the trace, which records the INTERNAL; outside the deadline, so that its code is covered as well.
        .layer(layers::panic::PanicLayer)
        // Innermost of these: the time runs for the work, and the answer at its end passes the layers above. The load shed,
        // authentication, scopes and limits per tenant are inside, in this order.
        .layer(layers::deadline::DeadlineLayer { deadlines: settings.deadlines.clone() })
        // Inside the deadline and before anything that costs: it holds its place until the answer is gone.
        .layer(layers::shed::ShedLayer::new(settings.max_calls))
        .layer(layers::caller::CallerLayer { anybody: settings.anybody.clone() })
        // Inside what says who calls: whose limits they are.
        .layer(settings.limits.clone())
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
