//! Callers who do not read their answers, and callers whose requests do not come.

use std::sync::Mutex;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tower::Layer;

use super::*;

const WATCH: &str = "/sangam.v1.JourneyService/WatchStatus";
/// Longer than any of these tests lasts, unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that gives each answer a flow-control window of so many bytes, and opens it only by reading.
async fn narrow_client(address: SocketAddr, window: u32) -> hyper::client::conn::http2::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (client, connection) =
        builder.initial_stream_window_size(window).handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Sends a message when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Routes whose answers have a body of this size, and the messages of bodies that are dropped.
fn answering(size: usize) -> (Routes, mpsc::UnboundedReceiver<()>) {
    let (dropped, is_dropped) = mpsc::unbounded_channel();
    let routes = routes(move |_| {
        let guard = Dropped(dropped.clone());
        async move {
            let data = http_body::Frame::data(Bytes::from(vec![7; size]));
            let trailers =
                http_body::Frame::trailers([("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect());
            let frames = tokio_stream::iter([Ok::<_, Status>(data), Ok(trailers)]).map(move |frame| {
                let _ = &guard;
                frame
            });
            Response::builder().header("content-type", "application/grpc").body(Body::new(StreamBody::new(frames))).unwrap()
        }
    });
    (routes, is_dropped)
}

#[tokio::test]
async fn an_unread_answer_gives_its_place_back_at_the_deadline() {
    // With a window of one byte the transport buffers all that it is given at once.
    for window in [0, 1] {
        let (routes, mut is_dropped) = answering(64 * 1024);
        let served = serve(routes, Settings { max_calls: 1, ..settings(Duration::ZERO) }).await;
        let mut mute = narrow_client(served.address, window).await;
        let unread = mute.send_request(request(METHOD, Some("2S"))).await.unwrap();
        let mut other = client(served.address).await;
        let refused = other.send_request(request(METHOD, None)).await.unwrap();
        assert_eq!(refused.headers()["grpc-status"], "14", "{window}");
        timeout(PATIENCE, is_dropped.recv()).await.expect("the answer is held beyond its deadline").unwrap();
        let taken = other.send_request(request(METHOD, None)).await.unwrap();
        let whole = taken.into_body().collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(whole.to_bytes().len(), 64 * 1024);
        // What is left of the unread answer is not sent any more: the stream is reset.
        assert!(unread.into_body().collect().await.is_err(), "{window}");
    }
}

#[tokio::test]
async fn an_unread_watch_is_cut_after_the_default_time() {
    let (routes, mut is_dropped) = answering(8);
    let deadlines = Deadlines { default_ms: 100, max_ms: 100 };
    let served = serve(routes, Settings { deadlines, ..settings(Duration::ZERO) }).await;
    let unread = narrow_client(served.address, 0).await.send_request(request(WATCH, None)).await.unwrap();
    timeout(PATIENCE, is_dropped.recv()).await.expect("an unread watch is held").unwrap();
    assert!(unread.into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_changes_is_not_cut() {
    let (change, changes) = mpsc::unbounded_channel::<Result<http_body::Frame<Bytes>, Status>>();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(changes);
    let stream = Mutex::new(Some(Body::new(StreamBody::new(stream))));
    let quiet = tower::service_fn(move |_: Request<()>| {
        let body = stream.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let mut service = layers::deadline::DeadlineLayer { deadlines: Deadlines { default_ms: 1_000, max_ms: 1_000 } }.layer(quiet);
    let watch = service.call(Request::builder().uri(WATCH).body(()).unwrap());
    let task = tokio::spawn(call_end::run(async { watch.await.unwrap().into_body().collect().await }, Arc::default()));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!task.is_finished());
    drop(change);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_ends_at_the_default() {
    let deadlines = Deadlines { default_ms: 3_000, max_ms: 5_000 };
    let waiting = tower::service_fn(|_: Request<()>| pending::<Result<Response<Body>, Infallible>>());
    let mut service = layers::deadline::DeadlineLayer { deadlines }.layer(waiting);
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    // Anyone can leave a request of the health unfinished, so that is none of the codes on which an alert counts failures.
    let (check, watch) = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch");
    for (path, code) in [(METHOD, "4"), (WATCH, "4"), (reflection, "4"), (check, "1"), (watch, "1")] {
        let begin = Instant::now();
        let answer = service.call(Request::builder().uri(path).body(()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], code, "{path}");
        assert!(begin.elapsed() <= Duration::from_secs(3), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_health_watch_ends_at_its_callers_time() {
    let endless = tower::service_fn(|_: Request<()>| async {
        let pending = StreamBody::new(tokio_stream::pending::<Result<http_body::Frame<Bytes>, Status>>());
        Ok::<_, Infallible>(Response::new(Body::new(pending)))
    });
    let mut service = layers::deadline::DeadlineLayer { deadlines: Deadlines::default() }.layer(endless);
    let request = Request::builder().uri("/grpc.health.v1.Health/Watch").header("grpc-timeout", "10S").body(()).unwrap();
    let whole = service.call(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["grpc-status"], "4");
}
