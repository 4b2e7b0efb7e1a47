//! Clients that take places and give nothing: answers that they do not read, requests that do not come, connections without a call.

use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tonic::body::Body;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{
    fleet::{Fleet, Place},
    full, size,
};
use crate::harness::{PATIENCE, breath};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CALL: &str = "/sangam.v1.ProviderService/ListProviders";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// A gateway with its addresses: gRPC, webhooks, admin.
struct Target {
    fleet: Fleet,
    ports: [SocketAddr; 3],
}

async fn start(listen: &str) -> Target {
    let free = [0; 3].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = free.each_ref().map(|listener| listener.local_addr().unwrap());
    drop(free);
    let fleet = Fleet::start(Place::Sqlite, 1, |_, text| {
        let (_, rest) = text.split_once("[store]").unwrap();
        let [grpc, webhook, admin] = ports;
        format!("[listen]\ngrpc = \"{grpc}\"\nwebhook = \"{webhook}\"\nadmin = \"{admin}\"\n{listen}\n[store]{rest}")
    })
    .await;
    Target { fleet, ports }
}

/// A client that takes no byte of an answer's body.
async fn client(address: SocketAddr) -> SendRequest<Body> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = Builder::new(TokioExecutor::new());
    let (client, connection) = builder.initial_stream_window_size(0).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The answer's head. `whole`: whether the request's message comes.
fn call(
    client: &mut SendRequest<Body>,
    path: &str,
    limit: &str,
    whole: bool,
) -> impl Future<Output = Option<Response<Incoming>>> + use<> {
    let body = match whole {
        true => Body::new(http_body_util::Full::new(Bytes::from_static(&[0; 5]))),
        false => Body::new(http_body_util::StreamBody::new(futures_util::stream::pending::<Result<_, tonic::Status>>())),
    };
    let request = Request::post(format!("http://gateway{path}")).header("content-type", "application/grpc");
    let answer = client.send_request(request.header("grpc-timeout", limit).body(body).unwrap());
    async move { answer.await.ok() }
}

fn refused(answer: Option<&Response<Incoming>>) -> bool {
    answer.is_none_or(|answer| answer.headers().contains_key("grpc-status"))
}

/// Waits until another caller is served.
async fn served(address: SocketAddr) -> Duration {
    let begin = Instant::now();
    let mut client = client(address).await;
    let served = async {
        while refused(call(&mut client, CALL, "20S", true).await.as_ref()) {
            breath().await;
        }
    };
    timeout(PATIENCE * 3, served).await.expect("nobody is served any more");
    begin.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_and_unfinished_calls_give_their_places_back() {
    let (calls, streams) = (size(4_250, 80), size(250, 20));
    // Long enough that all calls are sent before the first of them ends.
    let seconds = size(15, 2);
    let target = start(if full() { "" } else { "max_calls = 40" }).await;
    for whole in [true, false] {
        let mut clients = Vec::new();
        let mut answers = Vec::new();
        for number in 0..calls {
            if number % streams == 0 {
                clients.push(client(target.ports[0]).await);
            }
            answers.push(call(clients.last_mut().unwrap(), CALL, &format!("{seconds}S"), whole));
        }
        let mut heads: FuturesUnordered<_> = answers.into_iter().collect();
        // The first that ends is a refusal, or the head of an answer that is not read.
        let mut ended = vec![heads.next().await.unwrap()];
        let took = if whole {
            ended.extend(heads.by_ref().collect::<Vec<_>>().await);
            served(target.ports[0]).await
        } else {
            let first = ended[0].as_ref().unwrap();
            assert_eq!(first.headers()["grpc-status"], "14", "the places are not taken");
            let took = served(target.ports[0]).await;
            ended.extend(heads.collect::<Vec<_>>().await);
            took
        };
        let over = ended.iter().filter(|head| refused(head.as_ref())).count();
        let what = if whole { "whose answers are not read" } else { "whose requests do not come" };
        println!(
            "{calls} calls of {seconds} s {what}, {over} of them refused: another caller is served after {took:?} (bound: {} s)",
            seconds + 1
        );
        assert!(over > 0 && (whole || over == calls), "{over} were refused");
    }
    target.fleet.stop().await;
}

/// A client that sends this and nothing more; what it does not say is waited for on each port.
async fn stalled(ports: [SocketAddr; 3], count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for number in 0..count {
        for port in ports {
            let mut stream = TcpStream::connect(port).await.unwrap();
            // A connection that is cut already cannot be written to.
            let _ = stream.write_all([&[][..], &PREFACE[..1], PREFACE][number % 3]).await;
            held.push(stream);
        }
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_connections_keep_neither_callers_nor_probes_out() {
    let count = size(2_000, 100);
    let target = start(if full() { "" } else { "max_new_connections = 32\nfirst_request_ms = 2000" }).await;
    let begin = Instant::now();
    let held = stalled(target.ports, count).await;
    let took = served(target.ports[0]).await;
    let [_, webhook, admin] = target.ports;
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{admin}")).unwrap().connect().await.unwrap();
    let probe = HealthCheckRequest { service: "liveness".to_owned() };
    HealthClient::new(channel).check(probe).await.unwrap();
    let http = reqwest::Client::new();
    assert_eq!(http.get(format!("http://{admin}/metrics")).send().await.unwrap().status(), 200);
    let posted = http.post(format!("http://{webhook}/webhooks/finpro/unknown")).body("{}").send().await.unwrap();
    assert_eq!(posted.status(), 401);
    let closed = held.into_iter().map(|mut stream| async move {
        let _ = timeout(PATIENCE * 2, stream.read_to_end(&mut Vec::new())).await.expect("a stalled connection is held");
    });
    futures_util::stream::iter(closed).buffer_unordered(10_000).collect::<Vec<_>>().await;
    println!(
        "{count} stalled connections on each of 3 ports: a caller is served after {took:?}, probes and webhooks too, and all are closed \
         after {:?} (bound: 10 s from the last)",
        begin.elapsed()
    );
    target.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_watches_without_a_proof_stay_few() {
    let (watches, streams) = (size(30_000, 100), size(250, 25));
    let target = start("").await;
    served(target.ports[0]).await;
    let before = target.fleet.resident_kib(0);
    let (mut clients, mut held) = (Vec::new(), Vec::new());
    for number in 0..watches {
        if number % streams == 0 {
            clients.push(client(target.ports[0]).await);
        }
        held.push(call(clients.last_mut().unwrap(), WATCH, "600S", true));
    }
    let answers = join_all(held).await;
    let open = answers.iter().filter(|answer| !refused(answer.as_ref())).count();
    let during = target.fleet.resident_kib(0);
    let connections = clients.len();
    drop((answers, clients));
    served(target.ports[0]).await;
    println!(
        "{watches} health watches on {connections} connections: {open} are open; resident {before} kB before, {during} kB with them, {} kB \
         after (bound: 40 MB more)",
        target.fleet.resident_kib(0)
    );
    assert_eq!(open, connections * 4);
    target.fleet.stop().await;
}
