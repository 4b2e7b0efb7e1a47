#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    future::{Future, pending},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_stream::StreamExt;
use tonic::{Status, codec::CompressionEncoding};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use super::*;
use crate::{access::Caller, clock::SystemClock, pb::journey_service_server, server::health::Health};

mod places;
mod unread;

type GrpcAnswer = Response<Body>;

fn settings(grace: Duration) -> Settings {
    Settings {
        places: Places { callers: 8, newcomers: 8, health: 8, reflection: 8 },
        first_request: Duration::from_secs(60),
        webhook_time: Duration::from_secs(60),
        max_streams: 8,
        max_calls: 8,
        limits: LimitLayer::new([], None),
        grace,
        deadlines: Deadlines::default(),
        gate: Arc::new(Gate::open(Caller::anybody("default", false), Arc::new(SystemClock))),
        tls: None,
        age: None,
        meter: RpcMeter::silent(),
    }
}

/// Routes whose every method does what `method` says.
fn routes<F>(method: impl Fn(Request<axum::body::Body>) -> F + Clone + Send + Sync + 'static) -> Routes
where
    F: Future<Output = GrpcAnswer> + Send + 'static,
{
    let handler = move |request: Request<axum::body::Body>| {
        let answer = method(request);
        async move { answer.await.map(axum::body::Body::new) }
    };
    Routes::from(axum::Router::new().fallback(handler))
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<()>,
}

async fn serve(routes: Routes, settings: Settings) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let done = serve_grpc(listener, routes, settings, stop.clone());
    Served { address, stop, done }
}

/// A raw HTTP/2 client: what it reads is what stands on the wire.
async fn client(address: SocketAddr) -> hyper::client::conn::http2::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn request(path: &str, timeout: Option<&str>) -> Request<Body> {
    let mut request =
        Request::post(format!("http://gateway{path}")).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(timeout) = timeout {
        request = request.header("grpc-timeout", timeout);
    }
    request.body(Body::empty()).unwrap()
}

const METHOD: &str = "/sangam.v1.JourneyService/GetStatus";

#[tokio::test]
async fn a_hanging_call_ends_with_deadline_exceeded_in_a_trailers_only_answer() {
    let served = serve(routes(|_| pending()), settings(Duration::ZERO)).await;
    let response = client(served.address).await.send_request(request(METHOD, Some("50m"))).await.unwrap();
    let head = response.headers().clone();
    assert_eq!(response.status(), 200);
    assert_eq!((&head["grpc-status"], &head["content-type"]), (&"4".parse().unwrap(), &"application/grpc".parse().unwrap()));
    assert!(head.contains_key("sangam-call-id"));
    let info = Status::from_header_map(&head).unwrap().get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("DEADLINE_EXCEEDED", "sangam"));
    let rest = response.into_body().collect().await.unwrap();
    assert!(rest.trailers().is_none() && rest.to_bytes().is_empty());
}

#[tokio::test]
async fn a_stream_that_never_ends_is_ended_at_the_deadline_after_what_it_has_said() {
    let method = |_| async {
        let first = tokio_stream::once(Ok::<_, Status>(http_body::Frame::data(Bytes::from_static(b"first"))));
        let body = StreamBody::new(first.chain(tokio_stream::pending()));
        Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
    };
    let served = serve(routes(method), settings(Duration::ZERO)).await;
    let response = client(served.address).await.send_request(request(METHOD, Some("200m"))).await.unwrap();
    assert!(!response.headers().contains_key("grpc-status"));
    let whole = response.into_body().collect().await.unwrap();
    assert_eq!(Status::from_header_map(whole.trailers().unwrap()).unwrap().code(), tonic::Code::DeadlineExceeded);
    assert_eq!(whole.to_bytes(), "first");
}

#[tokio::test]
async fn a_panic_costs_one_call_and_tells_nothing() {
    let method = |request: Request<axum::body::Body>| async move {
        if request.uri().path() == METHOD {
            panic!("AAAPA0001A");
        }
        Status::not_found("").into_http()
    };
    let served = serve(routes(method), settings(Duration::ZERO)).await;
    let mut client = client(served.address).await;
    let failed = client.send_request(request(METHOD, None)).await.unwrap();
    let status = Status::from_header_map(failed.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::Internal);
    assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
    assert!(!format!("{:?}", failed.headers()).contains("AAAPA"));
    let next = client.send_request(request("/sangam.v1.JourneyService/FetchData", None)).await.unwrap();
    assert_eq!(next.headers()["grpc-status"], "5");
}

#[tokio::test]
async fn a_graceful_stop_lets_the_running_call_finish_and_refuses_new_connections() {
    let (begun, has_begun) = oneshot::channel();
    let (finish, finished) = oneshot::channel::<()>();
    let once = std::sync::Arc::new(std::sync::Mutex::new(Some((begun, finished))));
    let method = move |_| {
        let once = once.clone();
        async move {
            let (begun, finished) = once.lock().unwrap().take().unwrap();
            begun.send(()).unwrap();
            finished.await.unwrap();
            Status::ok("").into_http()
        }
    };
    let served = serve(routes(method), settings(Duration::from_secs(600))).await;
    let mut client = client(served.address).await;
    let call = tokio::spawn(client.send_request(request(METHOD, None)));
    has_begun.await.unwrap();
    served.stop.cancel();
    // The listener closes: from some moment on nobody gets in any more.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.done.is_finished());
    finish.send(()).unwrap();
    assert_eq!(call.await.unwrap().unwrap().headers()["grpc-status"], "0");
    served.done.await.unwrap();
}

#[tokio::test]
async fn neither_a_mute_client_nor_a_hanging_call_holds_up_a_hard_stop() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let method = move |_| {
        begun.send(()).unwrap();
        pending()
    };
    let served = serve(routes(method), settings(Duration::from_millis(10))).await;
    // One says nothing at all, one stops after the preface, one never takes note of the GOAWAY.
    let silent = TcpStream::connect(served.address).await.unwrap();
    let mut half = TcpStream::connect(served.address).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut hanging = client(served.address).await;
    let call = tokio::spawn(hanging.send_request(request(METHOD, None)));
    has_begun.recv().await.unwrap();
    served.stop.cancel();
    served.done.await.unwrap();
    assert!(call.await.unwrap().is_err());
    drop((silent, half));
}

async fn channel(address: SocketAddr) -> tonic::transport::Channel {
    tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn health_tells_the_truth_under_every_name_even_to_a_client_that_compresses() {
    let health = Health::new().await;
    let served = serve(Routes::new(health.service()), settings(Duration::ZERO)).await;
    let mut client = HealthClient::new(channel(served.address).await).send_compressed(CompressionEncoding::Gzip);
    let mut asked = async |name: &str| {
        let request = HealthCheckRequest { service: name.to_owned() };
        client.check(request).await.unwrap().into_inner().status()
    };
    assert_eq!(asked("").await, ServingStatus::NotServing);
    health.serving().await;
    for name in health::NAMES {
        assert_eq!(asked(name).await, ServingStatus::Serving);
    }
    health.not_serving().await;
    assert_eq!(asked(journey_service_server::SERVICE_NAME).await, ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_lists_the_public_services_in_both_versions() {
    use tonic_reflection::pb::{
        v1::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient, server_reflection_request::MessageRequest,
        },
        v1alpha,
    };
    let served = serve(reflection::add(Routes::default()).unwrap(), settings(Duration::ZERO)).await;
    let channel = channel(served.address).await;
    let ask = ServerReflectionRequest { host: String::new(), message_request: Some(MessageRequest::ListServices(String::new())) };
    let mut client = ServerReflectionClient::new(channel.clone()).send_compressed(CompressionEncoding::Zstd);
    let answer =
        client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner().next().await.unwrap().unwrap();
    let text = format!("{answer:?}");
    assert!(text.contains("sangam.v1.JourneyService") && text.contains("sangam.v1.ProviderService"), "{text}");
    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "sangam.v1.Money".to_owned(),
        )),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let answer =
        client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(format!("{answer:?}").contains("FileDescriptorResponse"), "{answer:?}");
}

/// What the webhook listener answers to raw bytes.
async fn posted(raw: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = axum::Router::new().fallback(async |body: Bytes| body.len().to_string());
    let done = serve_http(listener, router, settings(Duration::ZERO), stop.clone());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(raw).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    stop.cancel();
    done.await.unwrap();
    answer
}

#[tokio::test]
async fn the_webhook_listener_takes_posts_only() {
    let good = posted(b"POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello").await;
    assert!(good.starts_with("HTTP/1.1 200") && good.ends_with("\r\n5"), "{good}");
    let wrong = posted(b"GET /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(wrong.starts_with("HTTP/1.1 405"), "{wrong}");
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_and_what_outlives_its_grace_is_cut() {
    const WATCH: &str = "/sangam.v1.JourneyService/WatchStatus";
    let method = |request: Request<axum::body::Body>| async move {
        if request.uri().path() != WATCH {
            pending::<()>().await;
        }
        let first = tokio_stream::once(Ok::<_, Status>(http_body::Frame::data(Bytes::from_static(b"first"))));
        let body = StreamBody::new(first.chain(tokio_stream::pending()));
        Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
    };
    let age = ConnectionAge {
        most: Duration::from_millis(300),
        grace: Duration::from_millis(100),
        random: Arc::new(crate::random::SystemRandom),
    };
    let served = serve(routes(method), Settings { age: Some(age), ..settings(Duration::from_secs(600)) }).await;
    let mut client = client(served.address).await;
    let watch = client.send_request(request(WATCH, None)).await.unwrap();
    let hanging = tokio::spawn(client.send_request(request(METHOD, None)));
    let told = watch.into_body().collect().await.unwrap();
    let end = Status::from_header_map(told.trailers().unwrap()).unwrap();
    assert_eq!((end.code(), told.to_bytes()), (tonic::Code::Unavailable, Bytes::from_static(b"first")));
    assert_eq!(end.get_details_error_info().unwrap().reason, "SHUTTING_DOWN");
    assert!(end.get_details_retry_info().is_some());
    // The other call had the grace, and no more.
    assert!(hanging.await.unwrap().is_err());
    assert!(client.send_request(request(METHOD, None)).await.is_err());
}

#[tokio::test]
async fn the_webhook_listener_refuses_every_other_method() {
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
        let raw = format!("{method} /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = posted(raw.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405") || answer.starts_with("HTTP/1.1 400"), "{method}: {answer}");
    }
}

#[tokio::test]
async fn the_webhook_listener_refuses_a_flood_of_headers() {
    let mut raw = b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n".to_vec();
    for number in 0..90 {
        raw.extend_from_slice(format!("x-{number}: {}\r\n", "y".repeat(1_000)).as_bytes());
    }
    raw.extend_from_slice(b"\r\n");
    let answer = posted(&raw).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_whose_body_does_not_come_is_cut() {
    let router = axum::Router::new().fallback(async |body: Bytes| body.len().to_string());
    let router = webhook::bounded(router, Duration::from_secs(10));
    let mute = axum::body::Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
    let request = Request::post("/hook").body(mute).unwrap();
    let begin = tokio::time::Instant::now();
    let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!((answer.status().as_u16(), begin.elapsed().as_secs()), (408, 10));
}

#[tokio::test]
async fn the_headers_of_a_call_are_bounded_and_cost_others_nothing() {
    let served = serve(routes(|_| async { Status::ok("").into_http() }), settings(Duration::ZERO)).await;
    let mut client = client(served.address).await;
    let large = |kib: usize| {
        let mut large = request(METHOD, None);
        large.headers_mut().insert("x-large", "y".repeat(kib * 1024).parse().unwrap());
        large
    };
    let refused = client.send_request(large(40)).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "8");
    let answer = client.send_request(large(200)).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
    let mut other = self::client(served.address).await;
    assert_eq!(other.send_request(request(METHOD, None)).await.unwrap().headers()["grpc-status"], "0");
}

#[tokio::test]
async fn calls_beyond_the_most_on_one_connection_wait_for_a_free_place() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let method = move |_| {
        let (begun, gate) = (begun.clone(), gate.clone());
        async move {
            begun.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            Status::ok("").into_http()
        }
    };
    let served = serve(routes(method), Settings { max_streams: 2, ..settings(Duration::ZERO) }).await;
    let mut client = client(served.address).await;
    // With the first answer the client has learnt how many calls it may make at once.
    opened.add_permits(1);
    client.send_request(request(METHOD, None)).await.unwrap();
    has_begun.recv().await.unwrap();
    let mut calls: Vec<_> = Vec::new();
    for _ in 0..3 {
        let mut client = client.clone();
        calls.push(tokio::spawn(async move { client.send_request(request(METHOD, None)).await }));
    }
    has_begun.recv().await.unwrap();
    has_begun.recv().await.unwrap();
    // Another connection is served meanwhile, so the third call had time enough to begin.
    let mut other = self::client(served.address).await;
    let beside = tokio::spawn(async move { other.send_request(request(METHOD, None)).await });
    has_begun.recv().await.unwrap();
    assert!(has_begun.try_recv().is_err());
    opened.add_permits(4);
    for call in calls.into_iter().chain([beside]) {
        assert_eq!(call.await.unwrap().unwrap().headers()["grpc-status"], "0");
    }
    has_begun.recv().await.unwrap();
}

#[tokio::test]
async fn a_call_beyond_the_most_in_the_process_is_refused_and_health_is_answered() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let method = move |request: Request<axum::body::Body>| {
        let begun = begun.clone();
        async move {
            if request.uri().path() == METHOD {
                begun.send(()).unwrap();
                return pending().await;
            }
            Status::ok("").into_http()
        }
    };
    let served = serve(routes(method), Settings { max_calls: 1, ..settings(Duration::ZERO) }).await;
    let mut hanging = client(served.address).await;
    let call = tokio::spawn(hanging.send_request(request(METHOD, None)));
    has_begun.recv().await.unwrap();
    let mut other = client(served.address).await;
    let refused = other.send_request(request(METHOD, None)).await.unwrap();
    let status = Status::from_header_map(refused.headers()).unwrap();
    assert_eq!(
        (status.code(), status.get_details_error_info().unwrap().reason.as_str()),
        (tonic::Code::Unavailable, "OVERLOADED")
    );
    let health = other.send_request(request("/grpc.health.v1.Health/Check", None)).await.unwrap();
    assert_eq!(health.headers()["grpc-status"], "0");
    call.abort();
}
