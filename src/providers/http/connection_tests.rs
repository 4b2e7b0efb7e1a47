//! Writes and reads over connections that the other side closes. A raw server decides when: no test waits for a time.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::{clock::SystemClock, providers::error::Effect, telemetry::metrics::CallMeter};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// What the server does with each connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers one request, keeps the connection open, and closes it as soon as a second one begins: as a server whose idle time ends
    /// at that moment.
    OneThenClose,
    /// Says that it closes before it reads, and then reads what still comes.
    CloseFirst,
    /// Reads a request and closes instead of answering.
    SwallowOne,
    /// Reads nothing and answers nothing.
    Silent,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    /// Requests that came over a used connection.
    late: AtomicUsize,
}

async fn serve(manner: Manner) -> (SocketAddr, Arc<Seen>, tokio::task::JoinHandle<()>, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let shared = seen.clone();
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.spawn(connection(accepted.unwrap().0, manner, shared.clone()));
                }
                _ = &mut stopped => break,
            }
        }
        if !matches!(manner, Manner::Silent) {
            connections.join_all().await;
        }
    });
    (address, seen, task, stop)
}

async fn connection(mut stream: TcpStream, manner: Manner, seen: Arc<Seen>) {
    match manner {
        Manner::OneThenClose => {
            let Some(request) = read_request(&mut stream).await else { return };
            seen.requests.lock().unwrap().push(request);
            stream.write_all(ANSWER).await.unwrap();
            if stream.read_u8().await.is_ok() {
                seen.late.fetch_add(1, Ordering::SeqCst);
            }
        }
        Manner::CloseFirst => {
            let _ = stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            if !rest.is_empty() {
                seen.requests.lock().unwrap().push(String::from_utf8(rest).unwrap());
            }
        }
        Manner::SwallowOne => {
            if let Some(request) = read_request(&mut stream).await {
                seen.requests.lock().unwrap().push(request);
            }
        }
        Manner::Silent => std::future::pending().await,
    }
}

/// A request with its body; `None` if the connection ends before it is whole.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        text.push(char::from(stream.read_u8().await.ok()?));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
        if body.len() == length {
            return Some(text);
        }
    }
}

fn executor(base: &str) -> Executor {
    let limits = Limits { retry_pause: Duration::from_millis(1), breaker_failures: 0, ..Limits::default() };
    let outward =
        Outward { jitter: Arc::new(|| 0.5), meter: CallMeter::silent(), bodies: crate::memory::BodyBudget::new(1 << 30).share() };
    Executor::new(base.parse().unwrap(), HeaderMap::new(), limits, outward, Arc::new(SystemClock)).unwrap()
}

async fn send(executor: &Executor, kind: CallKind, number: usize, time: Duration) -> Result<OutboundResponse, ProviderError> {
    let request = OutboundRequest::post_json("test", "call", kind, "path", &json!({ "number": number }));
    executor.send(Call { deadline: tokio::time::Instant::now() + time }, request).await.map(|(_, response)| response)
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn no_write_meets_a_connection_that_closes_when_used_again() {
    let (address, seen, _task, _stop) = serve(Manner::OneThenClose).await;
    let executor = executor(&format!("http://{address}/"));
    for number in 0..50 {
        for kind in [CallKind::Read, CallKind::Write] {
            send(&executor, kind, number, LONG).await.unwrap();
        }
    }
    // Each write came once and whole.
    assert_eq!(seen.requests.lock().unwrap().len(), 100);
    assert!(seen.late.load(Ordering::SeqCst) > 0, "no read used a connection twice: the server closed nothing");
}

#[tokio::test]
async fn a_write_has_a_length_and_no_chunks() {
    let (address, seen, _task, _stop) = serve(Manner::OneThenClose).await;
    send(&executor(&format!("http://{address}/")), CallKind::Write, 7, LONG).await.unwrap();
    let request = seen.requests.lock().unwrap().concat().to_lowercase();
    assert!(request.contains("content-length: 12\r\n") && !request.contains("transfer-encoding"), "{request}");
    assert!(request.ends_with("{\"number\":7}"), "{request}");
}

#[tokio::test]
async fn a_write_to_a_closed_port_has_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let executor = executor(&format!("http://{}/", listener.local_addr().unwrap()));
    drop(listener);
    let error = send(&executor, CallKind::Write, 0, LONG).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::Unavailable, Effect::None));
}

#[tokio::test]
async fn a_write_whose_bytes_arrived_never_counts_as_without_effect() {
    let (address, seen, task, stop) = serve(Manner::CloseFirst).await;
    let executor = executor(&format!("http://{address}/"));
    let mut without_effect = Vec::new();
    for number in 0..100 {
        let error = send(&executor, CallKind::Write, number, LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        if error.effect == Effect::None {
            without_effect.push(format!("{{\"number\":{number}}}"));
        }
    }
    drop(executor);
    stop.send(()).unwrap();
    task.await.unwrap();
    let heard = seen.requests.lock().unwrap().concat();
    assert!(without_effect.iter().all(|body| !heard.contains(body.as_str())), "{without_effect:?} among {heard}");
}

#[tokio::test]
async fn a_write_that_was_read_and_not_answered_is_unknown_and_sent_once() {
    let (address, seen, _task, _stop) = serve(Manner::SwallowOne).await;
    let error = send(&executor(&format!("http://{address}/")), CallKind::Write, 0, LONG).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::Unavailable, Effect::Unknown));
    assert_eq!(seen.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_write_that_ends_during_the_handshake_has_no_effect() {
    let (address, _seen, _task, _stop) = serve(Manner::Silent).await;
    let executor = executor(&format!("https://{address}/"));
    let error = send(&executor, CallKind::Write, 0, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::Timeout, Effect::None));
}
