//! Clients that shake hands, or begin to, and then send nothing that is a call.

use std::{sync::Arc, time::Duration};

use sangam::{
    config::ClientAuth,
    server::{Places, Settings, tls::Tls},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    certificates::{Authority, Client, IN, Identity, LISTED, NOBODY, Offer, listed, settings, write},
    clock, gate,
};
use crate::{harness::PATIENCE, torture::size};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The head of a TLS record that announces a ClientHello of 512 bytes.
const HALF_HELLO: &[u8] = &[22, 3, 1, 2, 0, 1];

trait Stream: AsyncRead + Unpin + Send {}
impl<T: AsyncRead + Unpin + Send> Stream for T {}

/// A listener with TLS whose callers have certificates.
struct Listening {
    address: std::net::SocketAddr,
    authority: Authority,
    _files: TempDir,
    _stop: tokio_util::sync::DropGuard,
}

async fn listen(change: impl FnOnce(&mut Settings)) -> Listening {
    let (authority, files) = (Authority::new(), TempDir::new().unwrap());
    write(files.path(), &authority.server(), &authority.pem());
    let tls = Arc::new(Tls::load(&settings(files.path(), ClientAuth::Optional), clock()).unwrap());
    let config = listed();
    let mut settings = Settings {
        grace: Duration::ZERO,
        ..Settings::new(&config, gate(&config), Some(tls), sangam::telemetry::metrics::RpcMeter::silent())
    };
    change(&mut settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    sangam::server::serve_grpc(listener, tonic::service::Routes::default(), settings, stop.clone());
    Listening { address, authority, _files: files, _stop: stop.drop_guard() }
}

/// A client that gets so far and no further.
async fn mute(listening: &Listening, step: usize) -> Box<dyn Stream> {
    let says = [&[][..], HALF_HELLO, &[], &PREFACE[..1], PREFACE][step];
    if step < 2 {
        let mut stream = TcpStream::connect(listening.address).await.unwrap();
        stream.write_all(says).await.unwrap();
        return Box::new(stream);
    }
    let mut stream = Offer::new(&listening.authority, None).connect(listening.address).await.unwrap();
    stream.write_all(says).await.unwrap();
    stream.flush().await.unwrap();
    Box::new(stream)
}

async fn connected(listening: &Listening, identity: Option<&Identity>) -> Client {
    let stream = Offer::new(&listening.authority, identity).connect(listening.address).await.unwrap();
    Client::over(stream).await.unwrap()
}

async fn closed(mut stream: Box<dyn Stream>) {
    // A reset closes as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("a mute connection is held");
}

#[tokio::test]
async fn mute_clients_inside_tls_keep_no_caller_out() {
    let (count, newcomers) = (size(2_000, 40), size(256, 5));
    let places = Places { callers: 4, newcomers, health: 1, reflection: 1 };
    let listening = listen(|settings| settings.places = places).await;
    let mut held = Vec::new();
    for step in (0..5).cycle().take(count) {
        held.push(mute(&listening, step).await);
    }
    let identity = listening.authority.caller(LISTED);
    let status = Offer::new(&listening.authority, Some(&identity)).called(listening.address).await;
    assert_eq!(status, IN);
    held.truncate(count - newcomers);
    for stream in held {
        closed(stream).await;
    }
}

#[tokio::test]
async fn clients_that_stop_anywhere_inside_tls_are_closed_in_time() {
    let listening = listen(|settings| settings.first_request = Duration::from_millis(500)).await;
    for step in 0..5 {
        closed(mute(&listening, step).await).await;
    }
}

#[tokio::test]
async fn calls_without_a_proof_give_no_lasting_place() {
    let places = Places { callers: 4, newcomers: 1, health: 1, reflection: 1 };
    let listening = listen(|settings| settings.places = places).await;
    let mut stranger = connected(&listening, None).await;
    assert_eq!(stranger.called().await, NOBODY);
    let identity = listening.authority.caller(LISTED);
    let mut caller = connected(&listening, Some(&identity)).await;
    assert_eq!(caller.called().await, IN);
    // The caller took the stranger's place, and keeps its own when further strangers come.
    assert_eq!(stranger.called().await, None);
    for _ in 0..3 {
        assert_eq!(Offer::new(&listening.authority, None).called(listening.address).await, NOBODY);
    }
    assert_eq!(caller.called().await, IN);
}
