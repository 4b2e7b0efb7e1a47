//! Accepts connections and serves one service on each. Our own small loop instead of tonic's server: that one puts its timeout around
//! every layer and answers CANCELLED, and its graceful stop waits for a mute client for ever.

use std::{
    convert::Infallible,
    future::Future,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, rt::Executor};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncBufReadExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{
    Settings,
    age::{ConnectionAge, Leaving},
    tls::Tls,
};
use crate::access::peer::Peer;

/// A client that says nothing for this long after connecting is sent away.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// Most time for the head of an HTTP/1 request.
const HEAD: Duration = Duration::from_secs(10);
/// How often an idle HTTP/2 client is asked whether it is there, and how long it may take to answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Most bytes of headers of one request.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// The same for a call, which the connection refuses without a reason: what is smaller and still too large gets one from the layers.
const MAX_CALL_HEADER_BYTES: u32 = 128 * 1024;
/// Pause after a failed accept: file handles that are used up come back only with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener speaks.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// HTTP/2, known beforehand, inside TLS if there is any.
    Grpc(Option<Arc<Tls>>),
    /// HTTP/1.
    Http,
    /// Either, as the client begins.
    Both,
}

/// Runs the calls of connections, so that a cut ends them too.
#[derive(Clone)]
struct Calls {
    running: TaskTracker,
    /// Shared as a whole: cloning a token takes its lock, and this happens for every call.
    cut: Arc<CancellationToken>,
}

impl<F> Executor<F> for Calls
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, call: F) {
        let cut = self.cut.clone();
        self.running.spawn(async move {
            tokio::select! {
                // A call that is answered at once never waits for the cut.
                biased;
                _ = call => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

/// Serves until `stop`; then accepts no more, tells every client so (GOAWAY), lets running calls finish for the grace period and
/// cuts what is left. Returns when nothing runs any more.
pub async fn serve<S, B>(listener: TcpListener, protocol: Protocol, service: S, settings: Settings, stop: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let calls = Calls { running: TaskTracker::new(), cut: Arc::new(CancellationToken::new()) };
    let builder = Arc::new(builder(&protocol, &settings, calls.clone()));
    let connections = TaskTracker::new();
    while let Some((stream, slot)) = next(&listener, &slots, &stop).await {
        let (leaving, age) = (Leaving::default(), settings.age.clone());
        let (builder, service) = (builder.clone(), service.clone());
        let (stop, cut) = (stop.clone(), calls.cut.clone());
        let tls = match &protocol {
            Protocol::Grpc(tls) => tls.clone(),
            Protocol::Http | Protocol::Both => None,
        };
        connections.spawn(async move {
            let _slot = slot;
            let end = End { stop: &stop, cut: &cut, age, leaving: &leaving };
            match tls {
                None if speaks(&stream, &stop).await => {
                    let service = Beside { inner: service, leaving: leaving.clone(), peer: None };
                    until_ended(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)), end).await;
                }
                None => {}
                Some(tls) => {
                    let secured = stop.run_until_cancelled(secured(&tls, stream)).await.flatten();
                    let Some((stream, peer)) = secured else { return };
                    let service = Beside { inner: service, leaving: leaving.clone(), peer };
                    until_ended(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)), end).await;
                }
            }
        });
    }
    // Closed at once, so that the kernel refuses newcomers instead of letting them wait.
    drop(listener);
    connections.close();
    calls.running.close();
    let finished = async {
        connections.wait().await;
        calls.running.wait().await;
    };
    if timeout(settings.grace, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "the grace period is over: cutting what is left");
        calls.cut.cancel();
        connections.wait().await;
        calls.running.wait().await;
    }
}

/// What ends a connection.
struct End<'a> {
    stop: &'a CancellationToken,
    cut: &'a CancellationToken,
    age: Option<ConnectionAge>,
    /// Told when it is the age.
    leaving: &'a Leaving,
}

/// Lets a connection go on until it ends by itself; after the stop until its calls have ended, or the cut; at its age for the grace of that.
async fn until_ended<C: GracefulConnection>(connection: C, end: End<'_>) {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = end.stop.cancelled() => {}
        () = after(end.age.as_ref().map(ConnectionAge::draw)) => {}
    }
    connection.as_mut().graceful_shutdown();
    // A stop ends the streams by itself, and cuts what is left in its own time.
    let grace = end.age.filter(|_| !end.stop.is_cancelled()).map(|age| age.grace);
    if grace.is_some() {
        end.leaving.0.cancel();
    }
    tokio::select! {
        _ = connection => {}
        () = after(grace) => {}
        () = end.cut.cancelled() => {}
    }
}

/// The stream inside TLS, and who is at its other end; none if there is nobody to talk to.
async fn secured(tls: &Arc<Tls>, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Option<Arc<Peer>>)> {
    // The handshake has a time of its own, which counts from the first byte that does not come.
    let (mut stream, peer) = tls.accept(stream).await?;
    let first = timeout(FIRST_BYTE, stream.fill_buf()).await;
    matches!(first, Ok(Ok(bytes)) if !bytes.is_empty()).then_some((stream, peer))
}

/// Ends after a time; without one, never.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Puts beside each request of a connection who is at its other end, and that the connection is to go.
#[derive(Clone)]
struct Beside<S> {
    inner: S,
    leaving: Leaving,
    peer: Option<Arc<Peer>>,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for Beside<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(self.leaving.clone());
        if let Some(peer) = &self.peer {
            request.extensions_mut().insert(peer.clone());
        }
        self.inner.call(request)
    }
}

fn builder(protocol: &Protocol, settings: &Settings, calls: Calls) -> auto::Builder<Calls> {
    let mut builder = auto::Builder::new(calls);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(match protocol {
            Protocol::Grpc(_) => MAX_CALL_HEADER_BYTES,
            Protocol::Http | Protocol::Both => MAX_HEADER_BYTES,
        })
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEADER_BYTES as usize);
    match protocol {
        Protocol::Grpc(_) => builder.http2_only(),
        Protocol::Http => builder.http1_only(),
        Protocol::Both => builder,
    }
}

/// The next connection with its slot; none once it is time to stop. The slot comes first: whoever finds no room waits outside.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let slot = slots.clone().acquire_owned().await.ok()?;
        Some((accept(listener).await, slot))
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        next = accepted => next,
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small frames must not wait for a full packet; failing means that the client is gone already.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(kind = ?error.kind(), "accepting failed");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Whether the client says anything before the time, or the stop.
async fn speaks(stream: &TcpStream, stop: &CancellationToken) -> bool {
    let mut byte = [0];
    tokio::select! {
        first = timeout(FIRST_BYTE, stream.peek(&mut byte)) => matches!(first, Ok(Ok(1..))),
        () = stop.cancelled() => false,
    }
}
