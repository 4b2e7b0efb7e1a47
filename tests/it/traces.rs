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
    access::{Caller, Gate},
    clock::SystemClock,
    config::Config,
    pb::{GetStatusRequest, Product, journey_service_client::JourneyServiceClient},
    sandbox::{
        Sandbox, SandboxConfig, customer,
        gateway_config::{gateway_toml, point_webhooks},
    },
    server::{Settings, accept},
    telemetry::metrics::RpcMeter,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{metadata::MetadataValue, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    command::{Killed, configured, sangam, wait_for},
    harness::start_request,
};

pub type Exports = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector that keeps what it gets and answers with an empty message.
pub async fn collector(stop: &CancellationToken) -> (SocketAddr, Exports) {
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
    let service = axum::Router::new().fallback(handler).into_service::<hyper::body::Incoming>();
    let gate = Arc::new(Gate::open(Caller::anybody("default", false), Arc::new(SystemClock)));
    let settings =
        Settings { max_streams: 8, grace: Duration::ZERO, ..Settings::new(&Config::default(), gate, None, RpcMeter::silent()) };
    // The accept loop alone: the layers know the contract's methods only.
    tokio::spawn(accept::serve(listener, accept::Protocol::Grpc(None), service, settings, stop.clone()));
    (address, exports)
}

/// The messages of one signal.
pub fn messages(exports: &Exports, signal: &str) -> std::vec::IntoIter<Bytes> {
    let exports = exports.lock().unwrap();
    let of_it = exports.iter().filter(|(path, _)| path.contains(&format!(".collector.{signal}.")));
    // Behind a frame's head: a flag and four bytes of length.
    of_it.map(|(_, body)| body.slice(5..)).collect::<Vec<_>>().into_iter()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_before_the_gateway_ends_and_belong_to_the_callers_trace() {
    let stop = CancellationToken::new();
    let (collector, exports) = collector(&stop).await;
    let directory = configured("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n");
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
    assert!(exports.iter().any(|(path, _)| path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"));
    assert!(has(b"grpc.health.v1.Health/Check") && has(b"sangam"));
    assert!(has(&0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()), "the caller's trace id");
    assert!(has(&0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()), "the caller's span as parent");
}

/// The few fields of OTLP's messages that are looked at.
mod otlp {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Export {
        #[prost(message, repeated, tag = "1")]
        pub resources: Vec<Resource>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Resource {
        #[prost(message, repeated, tag = "2")]
        pub scopes: Vec<Scope>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Scope {
        #[prost(message, repeated, tag = "2")]
        pub spans: Vec<Span>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub trace: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub id: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        pub parent: Vec<u8>,
        #[prost(string, tag = "5")]
        pub name: String,
        #[prost(message, repeated, tag = "13")]
        pub links: Vec<Link>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Link {
        #[prost(bytes = "vec", tag = "2")]
        pub id: Vec<u8>,
    }
}

fn spans(exports: &Exports) -> Vec<otlp::Span> {
    messages(exports, "trace")
        .map(|message| <otlp::Export as prost::Message>::decode(message).unwrap())
        .flat_map(|export| export.resources)
        .flat_map(|resource| resource.scopes)
        .flat_map(|scope| scope.spans)
        .collect()
}

/// The names from a span up to the one that the caller sent.
fn way_up<'a>(spans: &'a [otlp::Span], mut span: &'a otlp::Span) -> Vec<String> {
    let mut names = vec![span.name.clone()];
    while let Some(parent) = spans.iter().find(|other| other.id == span.parent) {
        names.push(parent.name.clone());
        span = parent;
    }
    names.push(u64::from_be_bytes(span.parent.as_slice().try_into().unwrap()).to_string());
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_caller_through_rpc_and_cache_to_the_provider() {
    let stop = CancellationToken::new();
    let (collector, exports) = collector(&stop).await;
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("sangam.toml"), gateway_toml(&sandbox, directory.path()).unwrap()).unwrap();
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    command.env("SANGAM__TELEMETRY__OTLP_ENDPOINT", format!("http://{collector}"));
    let mut gateway = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
    let address = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().to_owned();
    std::thread::spawn(move || lines.for_each(drop));

    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = JourneyServiceClient::new(channel);
    let parent = MetadataValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let mut start = tonic::Request::new(start_request("finpro", "consent", "01", &[Product::Data]));
    start.metadata_mut().insert("traceparent", parent.clone());
    let journey_id = client.start_journey(start).await.unwrap().into_inner().journey_id;
    let mut look = tonic::Request::new(GetStatusRequest { journey_id });
    look.metadata_mut().insert("traceparent", parent);
    client.get_status(look).await.unwrap();
    assert_eq!(gateway.terminate(), Some(0));
    stop.cancel();
    sandbox.stop().await;

    let trace = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
    let spans: Vec<otlp::Span> = spans(&exports).into_iter().filter(|span| span.trace == trace).collect();
    let ways: Vec<Vec<String>> = spans.iter().map(|span| way_up(&spans, span)).collect();
    let caller = 0x00f0_67aa_0ba9_02b7_u64.to_string();
    let rpc = |method: &str| format!("sangam.v1.JourneyService/{method}");
    let has = |way: &[&str]| ways.iter().any(|names| names.iter().map(String::as_str).eq(way.iter().copied()));
    assert!(has(&["provider.attempt", "provider.call", &rpc("StartJourney"), &caller]), "{ways:?}");
    assert!(has(&["store.read", "cache.load", &rpc("GetStatus"), &caller]), "{ways:?}");
    assert!(has(&["store.write", &rpc("StartJourney"), &caller]), "{ways:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_linked_to_the_message_that_woke_it_and_that_to_its_arrival() {
    let stop = CancellationToken::new();
    let (collector, exports) = collector(&stop).await;
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let text = gateway_toml(&sandbox, directory.path())
        .unwrap()
        .replace("first_ms = 100\nmax_ms = 400", "first_ms = 3600000\nmax_ms = 3600000");
    std::fs::write(directory.path().join("sangam.toml"), text).unwrap();
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    command.env("SANGAM__TELEMETRY__OTLP_ENDPOINT", format!("http://{collector}"));
    let mut gateway = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
    let grpc = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().to_owned();
    let webhook = wait_for(&mut lines, "taking webhooks")["address"].as_str().unwrap().to_owned();
    point_webhooks(&sandbox, webhook.parse().unwrap());
    let mut client = JourneyServiceClient::new(Endpoint::from_shared(format!("http://{grpc}")).unwrap().connect().await.unwrap());
    let opened = client.start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    // Nobody looks by itself, so the first change after the opening is the work of a message.
    wait_for(&mut lines, "a message wakes its journeys");
    wait_for(&mut lines, "journey changed");
    std::thread::spawn(move || lines.for_each(drop));
    assert_eq!(gateway.terminate(), Some(0));
    stop.cancel();
    sandbox.stop().await;

    let spans = spans(&exports);
    let named = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let linked = |from: &'static str, to: &'static str| {
        named(from).any(|span| span.links.iter().any(|link| named(to).any(|cause| cause.id == link.id)))
    };
    assert!(linked("webhook.apply", "webhook.receive"), "{spans:?}");
    assert!(linked("background.look", "webhook.apply"), "{spans:?}");
}
