//! Clients that take connections and streams without a call, on every listener.

use tokio::time::timeout;

use super::*;
use crate::telemetry::metrics::Metrics;

/// Longer than any of these tests lasts, unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// A HEADERS frame on stream 1 without END_HEADERS, with the indexed field `:method: POST`.
const HALF_HEAD: &[u8] = &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83];

/// The listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Grpc,
    Webhook,
    Admin,
}

/// A listener that serves until the value is dropped.
struct Listening {
    address: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

async fn listen(kind: Kind, settings: Settings) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let health = Health::new().await;
    health.serving().await;
    match kind {
        Kind::Grpc => serve_grpc(listener, Routes::new(health.service()), settings, stop.clone()),
        Kind::Webhook => {
            let router = axum::Router::new().fallback(async |body: Bytes| body.len().to_string());
            serve_http(listener, router, settings, stop.clone())
        }
        Kind::Admin => {
            let metrics = Metrics::new(&crate::config::Telemetry::default()).unwrap();
            admin::serve(listener, &health, metrics, settings, stop.clone())
        }
    };
    Listening { address, _stop: stop.drop_guard() }
}

/// Whether a request of a new client is answered.
async fn answers(kind: Kind, address: SocketAddr) -> bool {
    let asked = async {
        if kind == Kind::Webhook {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(b"POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            return Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"));
        }
        let request = HealthCheckRequest { service: health::LIVENESS.to_owned() };
        let answer = HealthClient::new(channel(address).await).check(request).await;
        Ok(answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving))
    };
    timeout(PATIENCE, asked).await.is_ok_and(|answer| answer.unwrap_or(false))
}

/// A client that sends this and nothing more.
async fn mute(address: SocketAddr, says: &[&[u8]]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&says.concat()).await.unwrap();
    stream
}

/// Waits until the gateway closes a connection.
async fn closed(kind: Kind, mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A reset closes as well.
    let _ = read.unwrap_or_else(|_| panic!("{kind:?}: a mute connection is held"));
    rest
}

#[tokio::test]
async fn a_newcomer_is_served_while_mute_connections_are_held() {
    for kind in [Kind::Grpc, Kind::Webhook, Kind::Admin] {
        let places = Places { callers: 8, newcomers: 8, health: 8, reflection: 8 };
        let listening = listen(kind, Settings { places, ..settings(Duration::ZERO) }).await;
        // The webhook listener closes what begins with a preface at once.
        let says: [&[&[u8]]; 3] = match kind {
            Kind::Webhook => [&[], &[b"P"], &[b"POST /hook HTTP/1.1\r\n"]],
            Kind::Grpc | Kind::Admin => [&[], &[&PREFACE[..1]], &[PREFACE, SETTINGS]],
        };
        let mut held = Vec::new();
        for says in says.into_iter().cycle().take(64) {
            held.push(mute(listening.address, says).await);
        }
        assert!(answers(kind, listening.address).await, "{kind:?}");
        // The oldest went first.
        held.truncate(64 - 8);
        for stream in held {
            closed(kind, stream).await;
        }
        assert!(answers(kind, listening.address).await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_time() {
    let said: [&[&[u8]]; 6] =
        [&[], &[&PREFACE[..1]], &[&PREFACE[..20]], &[PREFACE], &[PREFACE, SETTINGS], &[PREFACE, SETTINGS, HALF_HEAD]];
    for kind in [Kind::Grpc, Kind::Webhook, Kind::Admin] {
        let settings = Settings { first_request: Duration::from_millis(100), ..settings(Duration::ZERO) };
        let listening = listen(kind, settings).await;
        for says in said {
            closed(kind, mute(listening.address, says).await).await;
        }
        if kind != Kind::Grpc {
            closed(kind, mute(listening.address, &[b"POST /hook HTTP/1.1\r\nhost: "]).await).await;
            // A connection that has served a request is closed when the next one does not come.
            let whole = b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
            assert!(closed(kind, mute(listening.address, &[whole]).await).await.starts_with(b"HTTP/1.1 "));
        }
    }
}

#[tokio::test]
async fn an_unfinished_webhook_is_answered_and_its_connection_closed() {
    let settings = Settings { webhook_time: Duration::from_millis(100), ..settings(Duration::ZERO) };
    let listening = listen(Kind::Webhook, settings).await;
    let head = b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe";
    let answer = closed(Kind::Webhook, mute(listening.address, &[head]).await).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}

async fn watch_of(client: &mut hyper::client::conn::http2::SendRequest<Body>, path: &str) -> GrpcAnswer {
    // An empty message in its frame.
    let body = Body::new(http_body_util::Full::new(Bytes::from_static(&[0; 5])));
    let mut asked = request(path, None);
    *asked.body_mut() = body;
    client.send_request(asked).await.unwrap().map(Body::new)
}

#[tokio::test]
async fn one_connection_watches_the_health_a_few_times_only() {
    const WATCH: &str = "/grpc.health.v1.Health/Watch";
    for kind in [Kind::Grpc, Kind::Admin] {
        let places = Places { callers: 8, newcomers: 8, health: 2, reflection: 8 };
        let listening = listen(kind, Settings { places, ..settings(Duration::ZERO) }).await;
        let mut client = client(listening.address).await;
        let first = watch_of(&mut client, WATCH).await;
        let second = watch_of(&mut client, WATCH).await;
        let third = watch_of(&mut client, WATCH).await;
        assert!(!first.headers().contains_key("grpc-status") && !second.headers().contains_key("grpc-status"), "{kind:?}");
        let status = Status::from_header_map(third.headers()).unwrap();
        assert_eq!(
            (status.code(), status.get_details_error_info().unwrap().reason),
            (tonic::Code::ResourceExhausted, "RATE_LIMITED".to_owned())
        );
        assert!(answers(kind, listening.address).await, "another connection is not served");
        drop(first);
        // The reset of the first watch is on its way: the place is free as soon as it is read.
        while watch_of(&mut client, WATCH).await.headers().contains_key("grpc-status") {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn reflection_streams_take_no_place_of_a_call() {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let endless = |_| async {
        let body = StreamBody::new(tokio_stream::pending::<Result<http_body::Frame<Bytes>, Status>>());
        Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
    };
    let places = Places { callers: 8, newcomers: 8, health: 8, reflection: 2 };
    let served = serve(routes(endless), Settings { places, max_calls: 1, ..settings(Duration::ZERO) }).await;
    let mut client = client(served.address).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(client.send_request(request(REFLECTION, None)).await.unwrap());
    }
    let refused: Vec<_> = held.iter().map(|answer| answer.headers().contains_key("grpc-status")).collect();
    assert_eq!(refused, [false, false, true]);
    let call = client.send_request(request(METHOD, None)).await.unwrap();
    assert!(!call.headers().contains_key("grpc-status"));
}

#[tokio::test]
async fn an_idle_callers_connection_gives_way_to_a_new_caller() {
    let places = Places { callers: 1, newcomers: 8, health: 8, reflection: 8 };
    let served = serve(routes(|_| async { Status::ok("").into_http() }), Settings { places, ..settings(Duration::ZERO) }).await;
    let mut first = client(served.address).await;
    assert_eq!(first.send_request(request(METHOD, None)).await.unwrap().headers()["grpc-status"], "0");
    let mut second = client(served.address).await;
    assert_eq!(second.send_request(request(METHOD, None)).await.unwrap().headers()["grpc-status"], "0");
    let left = async { while first.send_request(request(METHOD, None)).await.is_ok() {} };
    timeout(PATIENCE, left).await.expect("the idle connection stays");
}

#[tokio::test]
async fn a_new_caller_is_refused_while_all_callers_have_calls() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (finish, finished) = tokio::sync::watch::channel(false);
    let method = move |_| {
        let (begun, mut finished) = (begun.clone(), finished.clone());
        async move {
            begun.send(()).unwrap();
            finished.wait_for(|finished| *finished).await.unwrap();
            Status::ok("").into_http()
        }
    };
    let places = Places { callers: 1, newcomers: 8, health: 8, reflection: 8 };
    let served = serve(routes(method), Settings { places, ..settings(Duration::ZERO) }).await;
    let mut first = client(served.address).await;
    let call = tokio::spawn(first.send_request(request(METHOD, None)));
    has_begun.recv().await.unwrap();
    let mut second = client(served.address).await;
    let refused = second.send_request(request(METHOD, None)).await.unwrap();
    let status = Status::from_header_map(refused.headers()).unwrap();
    assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED");
    finish.send(true).unwrap();
    assert_eq!(call.await.unwrap().unwrap().headers()["grpc-status"], "0");
    let taken = async {
        while second.send_request(request(METHOD, None)).await.unwrap().headers()["grpc-status"] != "0" {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.expect("the place is not free");
}
