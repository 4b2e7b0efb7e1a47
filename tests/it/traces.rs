//! Spans by OTLP, from the real binary into a collector of ours.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use sangam::{
    config::Deadlines,
    server::{Settings, serve_grpc},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{metadata::MetadataValue, service::Routes, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::command::{Killed, configured, sangam, wait_for};

type Exports = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector that keeps what it gets and answers with an empty message.
async fn collector(stop: &CancellationToken) -> (SocketAddr, Exports) {
    let exports = Exports::default();
    let kept = exports.clone();
    let handler = move |request: axum::extract::Request| {
        let kept = kept.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            kept.lock().unwrap().push((path, body));
            let message = http_body_util::Full::new(Bytes::from_static(&[0; 5]));
            let trailers = http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
            let body = axum::body::Body::new(message.with_trailers(async { Some(Ok(trailers)) }));
            Response::builder().header("content-type", "application/grpc").body(body).unwrap()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { max_connections: 8, max_streams: 8, grace: Duration::ZERO, deadlines: Deadlines::default() };
    serve_grpc(listener, Routes::from(axum::Router::new().fallback(handler)), settings, stop.clone());
    (address, exports)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_before_the_gateway_ends_and_belong_to_the_callers_trace() {
    let stop = CancellationToken::new();
    let (collector, exports) = collector(&stop).await;
    let directory = configured("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\n");
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    command.env("THE_SECRET", "x").env("SANGAM__TELEMETRY__OTLP_ENDPOINT", format!("http://{collector}"));
    let mut gateway = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
    let address = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().to_owned();

    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    let parent = MetadataValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    request.metadata_mut().insert("traceparent", parent);
    HealthClient::new(channel).check(request).await.unwrap();
    assert_eq!(gateway.terminate(), Some(0));
    stop.cancel();

    let exports = exports.lock().unwrap();
    let has = |part: &[u8]| exports.iter().any(|(_, body)| body.windows(part.len()).any(|window| window == part));
    assert!(exports.iter().all(|(path, _)| path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"));
    assert!(has(b"grpc.health.v1.Health/Check") && has(b"sangam"));
    assert!(has(&0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()), "the caller's trace id");
    assert!(has(&0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()), "the caller's span as parent");
}
