//! Requests that are no good calls: whatever they are, the answer has an ErrorInfo, a fixed text, and a code that says whose fault it is.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::{Code, Status, codec::CompressionEncoding};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use crate::harness::{World, channel, connect, reason, start_request};

const GET_STATUS: &str = "/sangam.v1.JourneyService/GetStatus";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const REFLECTION_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/// A length-prefixed message (PROTOCOL-HTTP2.md).
fn frame(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

fn post(path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://gateway{path}")).header(header::CONTENT_TYPE, "application/grpc");
    request.header(header::TE, "trailers").body(Full::new(body)).unwrap()
}

fn encoded(name: &'static str, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("grpc-encoding", name.parse().unwrap());
    request
}

fn with_metadata(bytes: usize, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("x-large", "y".repeat(bytes).parse().unwrap());
    request
}

/// The HTTP status, and the status of the call from wherever it stands.
async fn answered(world: &World, request: Request<Full<Bytes>>) -> (u16, Status) {
    let stream = TcpStream::connect(world.gateway.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let whole = body.collect().await.unwrap();
    let status = Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(whole.trailers()?));
    (head.status.as_u16(), status.expect("a grpc-status"))
}

#[tokio::test]
async fn every_request_that_is_no_good_call_has_a_reason() {
    let world = World::start().await;
    let secret = b"AAAPA0001A";
    let mut damaged = vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
    damaged.extend_from_slice(secret);
    let unreadable = (Code::InvalidArgument, "REQUEST_UNREADABLE");
    let unknown = (Code::Unimplemented, "METHOD_UNKNOWN");
    // It lists the services.
    let good = frame(0, b"\x3a\x01*");
    let cases = [
        ("too large", post(GET_STATUS, frame(0, &vec![0; 300 * 1024])), (Code::ResourceExhausted, "REQUEST_TOO_LARGE")),
        (
            "a length that lies",
            post(GET_STATUS, Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff])),
            (Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
        ),
        ("damaged", post(GET_STATUS, frame(0, &damaged)), unreadable),
        ("text that is no UTF-8", post(GET_STATUS, frame(0, &[0x0a, 2, 0xc3, 0x28])), unreadable),
        ("an unknown flag", post(GET_STATUS, frame(7, secret)), unreadable),
        ("compressed by nothing", post(GET_STATUS, frame(1, secret)), unreadable),
        ("no gzip", encoded("gzip", post(GET_STATUS, frame(1, secret))), unreadable),
        ("cut off", post(GET_STATUS, frame(0, secret).slice(..9)), unreadable),
        ("no message", post(GET_STATUS, Bytes::new()), unreadable),
        ("an unknown compression", encoded("br", post(GET_STATUS, frame(0, b""))), (Code::Unimplemented, "COMPRESSION_UNKNOWN")),
        ("an unknown method", post("/sangam.v1.JourneyService/AAAPA0001A", frame(0, b"")), unknown),
        ("an unknown service", post("/AAAPA0001A/GetStatus", frame(0, b"")), unknown),
        ("no path", post("/", frame(0, b"")), unknown),
        ("an odd path", post("/sangam.v1.JourneyService/%FF%00/../x", frame(0, b"")), unknown),
        ("unknown of health", post("/grpc.health.v1.Health/AAAPA0001A", frame(0, b"")), unknown),
        ("unknown of reflection", post("/grpc.reflection.v1.ServerReflection/X", frame(0, b"")), unknown),
        (
            "too much metadata",
            with_metadata(40 * 1024, post(GET_STATUS, frame(0, b""))),
            (Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
        ),
        ("damaged, to reflection", post(REFLECTION, frame(0, &damaged)), unreadable),
        ("damaged, to reflection v1alpha", post(REFLECTION_ALPHA, frame(0, &damaged)), unreadable),
        ("cut off, to reflection", post(REFLECTION, frame(0, secret).slice(..9)), unreadable),
        ("compressed by nothing, to reflection", post(REFLECTION, frame(1, secret)), unreadable),
        (
            "too large, to reflection",
            post(REFLECTION, Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff])),
            (Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
        ),
        ("damaged behind a good one, to reflection", post(REFLECTION, [good, frame(0, &damaged)].concat().into()), unreadable),
        ("nothing, to reflection", post(REFLECTION, frame(0, b"")), unreadable),
        (
            "an unknown symbol, to reflection",
            post(REFLECTION, frame(0, b"\x22\x0aAAAPA0001A")),
            (Code::NotFound, "REFLECTION_NAME_UNKNOWN"),
        ),
        (
            "an unknown name's health",
            post("/grpc.health.v1.Health/Check", frame(0, b"\x0a\x01x")),
            (Code::NotFound, "HEALTH_NAME_UNKNOWN"),
        ),
    ];
    for (what, request, (code, reason)) in cases {
        let (http, status) = answered(&world, request).await;
        let info = status.get_details_error_info().unwrap_or_else(|| panic!("{what}: {status:?}"));
        assert_eq!((http, status.code(), info.reason.as_str(), info.domain.as_str()), (200, code, reason, "sangam"), "{what}");
        assert_eq!(info.metadata["effect"], "NONE", "{what}");
        assert!(!format!("{status:?}").contains("AAAPA"), "{what}: {status:?}");
        assert!(status.message().len() < 80 && !status.message().is_empty(), "{what}: {status:?}");
    }
    // The alert on calls that fail counts none of them.
    let metrics = crate::metrics::scrape(&world).await;
    for code in ["UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED"] {
        assert!(!metrics.contains(&format!("rpc_response_status_code=\"{code}\"")), "{code}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_message_too_large_once_unpacked_is_refused_alike() {
    let world = World::start().await;
    let mut request = start_request("finpro", "consent", "01", &[]);
    request.institutions = vec!["x".repeat(100); 3_000];
    for compression in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let mut client = connect(&world.gateway).await;
        if let Some(compression) = compression {
            client = client.send_compressed(compression);
        }
        let status = client.start_journey(request.clone()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"), "{compression:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn only_a_post_of_grpc_is_taken() {
    let world = World::start().await;
    for (method, kind, expected) in [
        (Method::GET, "application/grpc", 405),
        (Method::PUT, "application/grpc", 405),
        (Method::POST, "application/json", 415),
        (Method::POST, "application/grpc-web+proto", 415),
    ] {
        let mut request = post(GET_STATUS, frame(0, b""));
        *request.method_mut() = method.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let (http, status) = answered(&world, request).await;
        assert_eq!((http, reason(&status).as_str()), (expected, "NOT_GRPC"), "{method} {kind}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_watch_of_an_unknown_name_stays_and_says_so() {
    let world = World::start().await;
    let mut health = HealthClient::new(channel(&world.gateway).await);
    let watch = health.watch(HealthCheckRequest { service: "no.such.Service".to_owned() }).await.unwrap();
    let mut watch = watch.into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    // Another call on the same connection has its answer by now, and the watch has no end.
    let known = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(known.status(), ServingStatus::Serving);
    assert!(watch.message().now_or_never().is_none());
    drop(watch);
    world.stop().await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_mid_message_is_no_failure() {
    use tonic::body::Body;
    let world = World::start().await;
    let rest = || futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Status>>();
    for (count, reset) in [(1, true), (2, false)] {
        let stream = TcpStream::connect(world.gateway.grpc).await.unwrap().into_std().unwrap();
        // The library's own tasks keep the connection open while a request goes on, so it is closed past them.
        let socket = stream.try_clone().unwrap();
        let stream = TokioIo::new(TcpStream::from_std(stream).unwrap());
        let handshake = hyper::client::conn::http2::handshake::<_, _, Body>(TokioExecutor::new(), stream);
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let half = futures_util::stream::iter([Ok(http_body::Frame::data(frame(0, b"AAAPA0001A").slice(..9)))]);
        let body = Body::new(http_body_util::StreamBody::new(futures_util::StreamExt::chain(half, rest())));
        let call = tokio::spawn(sender.send_request(post(GET_STATUS, Bytes::new()).map(|_| body)));
        // Requests of one connection arrive in order: once this one is answered, the other one has begun.
        let beside = sender.send_request(post("/", frame(0, b"")).map(Body::new)).await.unwrap();
        assert_eq!(beside.headers()["grpc-status"], "12");
        match reset {
            true => call.abort(),
            false => socket.shutdown(std::net::Shutdown::Both).unwrap(),
        }
        // Tonic takes a reset for the end of the message, so such a call counts as an unreadable one.
        let ended = |text: &str| -> u32 {
            let own = "rpc_server_call_duration_seconds_count{rpc_method=\"sangam.v1.JourneyService/GetStatus\"";
            let lines = text.lines().filter(|line| line.starts_with(own));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
        };
        let metrics = crate::metrics::until_scraped(&world, |text| ended(text) == count).await;
        for code in ["UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED"] {
            assert!(!metrics.contains(&format!("rpc_response_status_code=\"{code}\"")), "{code}");
        }
    }
    world.stop().await;
}
