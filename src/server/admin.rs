//! The listener for probes and monitoring: grpc.health.v1 and `GET /metrics` on one port, without TLS, and nothing else. It is up before the
//! store is opened and goes last, so that a probe always gets an answer.

use std::{convert::Infallible, sync::Arc};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

use super::{
    Settings, accept,
    connections::Connection,
    health::Health,
    layers::{deadline::DeadlineLayer, paths, shed::ShedLayer},
};
use crate::telemetry::metrics::Metrics;

/// The form of the metrics' text.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Serves until `stop`.
pub fn serve(
    listener: TcpListener,
    health: &Health,
    metrics: Metrics,
    settings: Settings,
    stop: CancellationToken,
) -> JoinHandle<()> {
    // Probes need no proof here, so a few places for each connection are all that bounds them. A call needs no place of callers.
    let routes = ServiceBuilder::new()
        .layer(DeadlineLayer { deadlines: settings.deadlines.clone() })
        .layer(ShedLayer::new(settings.max_calls))
        .service(Routes::new(health.service()).prepare());
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (mut routes, metrics) = (routes.clone(), metrics.clone());
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        async move {
            let _running = connection.as_ref().map(Connection::begin_call);
            if paths::is_health(request.uri().path()) {
                return routes.call(request).await;
            }
            Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &metrics))
        }
    });
    tokio::spawn(accept::serve(listener, accept::Protocol::Both, service, settings, stop))
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Body> {
    let (status, text) = match (path, method) {
        ("/metrics", &Method::GET) => (StatusCode::OK, metrics.text()),
        ("/metrics", _) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Body::new(http_body_util::Full::from(text)));
    *response.status_mut() = status;
    if status == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    }
    response
}
