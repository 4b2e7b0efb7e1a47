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
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{
    Settings,
    age::{ConnectionAge, Leaving},
    call_end,
    connections::{Connection, Connections},
    tls::Tls,
};
use crate::access::peer::Peer;

/// How long a client has to leave after it is asked to, where another connection needs its place.
const LEAVE: Duration = Duration::from_secs(1);
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

/// Runs the calls of one connection, so that a cut ends them too.
#[derive(Clone)]
struct Calls {
    running: TaskTracker,
    connection: Arc<Connection>,
    /// Shared as a whole: cloning a token takes its lock, and this happens for every call.
    cut: Arc<CancellationToken>,
}

impl<F> Executor<F> for Calls
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, call: F) {
        let (cut, running) = (self.cut.clone(), self.connection.begin_call());
        self.running.spawn(async move {
            let _running = running;
            call_end::run(call, cut).await;
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
    let connections = Connections::new(settings.places);
    let (running, cut) = (TaskTracker::new(), Arc::new(CancellationToken::new()));
    let tasks = TaskTracker::new();
    while let Some(stream) = stop.run_until_cancelled(accept(&listener)).await {
        // The time counts from here: handshake, preface and the head of the first request have it together.
        let seat = connections.enter();
        let end = End {
            stop: stop.clone(),
            cut: cut.clone(),
            age: settings.age.clone(),
            leaving: Leaving::default(),
            first_request: Instant::now() + settings.first_request,
            connection: seat.0.clone(),
        };
        let calls = Calls { running: running.clone(), connection: seat.0.clone(), cut: cut.clone() };
        let (builder, service) = (builder(&protocol, &settings, calls), service.clone());
        let tls = match &protocol {
            Protocol::Grpc(tls) => tls.clone(),
            Protocol::Http | Protocol::Both => None,
        };
        tasks.spawn(async move {
            let evicted = seat.0.cut.clone();
            evicted.run_until_cancelled(converse(stream, tls, builder, service, end)).await;
        });
    }
    // Closed at once, so that the kernel refuses newcomers instead of letting them wait.
    drop(listener);
    tasks.close();
    running.close();
    let finished = async {
        tasks.wait().await;
        running.wait().await;
    };
    if timeout(settings.grace, finished).await.is_err() {
        tracing::warn!(connections = tasks.len(), "cut the remaining connections: the grace period is over");
        cut.cancel();
        tasks.wait().await;
        running.wait().await;
    }
}

/// Serves one connection until it ends.
async fn converse<S, B>(stream: TcpStream, tls: Option<Arc<Tls>>, builder: auto::Builder<Calls>, service: S, end: End)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let beside = |peer| {
        let (leaving, connection) = (end.leaving.clone(), end.connection.clone());
        TowerToHyperService::new(Beside { inner: service, leaving, connection, peer })
    };
    match tls {
        // Nothing is set up for a client that sends nothing.
        None => {
            if end.in_time(speaks(&stream)).await == Some(true) {
                let connection = builder.serve_connection(TokioIo::new(stream), beside(None));
                until_ended(connection, &end).await;
            }
        }
        Some(tls) => {
            let Some(Some((stream, peer))) = end.in_time(secured(&tls, stream)).await else { return };
            let connection = builder.serve_connection(TokioIo::new(stream), beside(peer));
            until_ended(connection, &end).await;
        }
    }
}

/// What ends a connection.
struct End {
    stop: CancellationToken,
    cut: Arc<CancellationToken>,
    age: Option<ConnectionAge>,
    /// Cancelled at that age.
    leaving: Leaving,
    /// When the head of the first request must be there.
    first_request: Instant,
    connection: Arc<Connection>,
}

impl End {
    /// The result, unless the time of the first request is over or the gateway stops before.
    async fn in_time<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(timeout_at(self.first_request, step)).await?.ok()
    }

    /// Ends shortly before the time of the first request is over, if none has come.
    async fn nearly_mute(&self) {
        let left = self.first_request.saturating_duration_since(Instant::now());
        // A client that is there gets a GOAWAY and connects again when it has something to ask.
        sleep(left - left / 10).await;
        if self.connection.has_called() {
            std::future::pending().await
        }
    }

    /// Ends when the time of the first request is over and no call is in progress: one that came meanwhile goes on.
    async fn mute(&self) {
        sleep_until(self.first_request).await;
        if !self.connection.is_idle() {
            after(Some(self.age.as_ref().map_or(LEAVE, |age| age.grace))).await;
        }
    }
}

/// Lets a connection go on until it ends by itself; after the stop until its calls have ended, or the cut; at its age for the grace of that.
async fn until_ended<C: GracefulConnection>(connection: C, end: &End) {
    let mut connection = std::pin::pin!(connection);
    let mut is_mute = false;
    let grace = tokio::select! {
        _ = connection.as_mut() => return,
        // A stop ends the streams by itself, and cuts what is left in its own time.
        () = end.stop.cancelled() => None,
        () = after(end.age.as_ref().map(ConnectionAge::draw)) => {
            end.leaving.0.cancel();
            end.age.as_ref().map(|age| age.grace)
        }
        () = end.connection.leave.cancelled() => Some(LEAVE),
        () = end.nearly_mute() => {
            is_mute = true;
            None
        }
    };
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = after(grace) => {}
        () = end.mute(), if is_mute => {}
        () = end.cut.cancelled() => {}
    }
}

/// The stream inside TLS, and who is at its other end; none if there is nobody to talk to.
async fn secured(tls: &Arc<Tls>, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Option<Arc<Peer>>)> {
    let (mut stream, peer) = tls.accept(stream).await?;
    let first = stream.fill_buf().await;
    matches!(first, Ok(bytes) if !bytes.is_empty()).then_some((stream, peer))
}

/// Ends after a time; without one, never.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Puts beside each request its connection, who is at the other end, and that the connection is to go.
#[derive(Clone)]
struct Beside<S> {
    inner: S,
    leaving: Leaving,
    connection: Arc<Connection>,
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
        self.connection.request_came();
        request.extensions_mut().insert(self.connection.clone());
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
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.first_request).max_buf_size(MAX_HEADER_BYTES as usize);
    match protocol {
        Protocol::Grpc(_) => builder.http2_only(),
        Protocol::Http => builder.http1_only(),
        Protocol::Both => builder,
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

/// Whether the client sends anything.
async fn speaks(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]).await, Ok(1..))
}
