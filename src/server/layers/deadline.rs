//! Ends every call at its deadline with DEADLINE_EXCEEDED, streams included. The time is the caller's `grpc-timeout`, the default
//! where there is none, and never more than the configured most. Watches last as long as their callers want: without a `grpc-timeout`
//! for ever, but their requests must come within the default, and a watcher that takes nothing of what is ready for so long is cut.
//!
//! The task of an answered call ends soon after the caller's time, whether the caller reads or not.
//!
//! A call ends a little before its caller's time does. The caller's library ends the call by its own timer, which began earlier by the way of the
//! request, and then nothing of our answer is read: neither the reason nor the effect nor the journey's id. So the work ends first, then, if it
//! did not end by itself, this layer ends the call, and a part of the margin is left for the way back. Work that hangs, as in a store that does
//! not answer, has left in [`Progress`] which journey it concerns and what it may have done.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{
    in_time::{Late, in_time},
    paths, refusal,
};
use crate::{
    config::Deadlines,
    journey::progress::Progress,
    server::call_end::{self, Unread},
};

/// When the work for a call must end, in the request's extensions. What is left of the caller's time is for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

/// The margin is this part of a call's time, and no longer than the bound.
const MARGIN: (u32, Duration) = (20, Duration::from_millis(50));

/// How long the work for a call of this time may last, and how long the call itself.
fn shares(allowed: Duration) -> (Duration, Duration) {
    let margin = (allowed / MARGIN.0).min(MARGIN.1);
    // The work gets most of the margin to write down how it ended.
    (allowed - margin, allowed - margin / 4)
}

/// How long after the caller's time the task of a call ends whose caller does not read the answer.
const UNREAD: Duration = Duration::from_millis(500);

/// Makes [`EndAtDeadline`].
#[derive(Debug, Clone)]
pub struct DeadlineLayer {
    /// The default and the most.
    pub deadlines: Deadlines,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = EndAtDeadline<S>;
    fn layer(&self, inner: S) -> EndAtDeadline<S> {
        EndAtDeadline { inner, deadlines: self.deadlines.clone() }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct EndAtDeadline<S> {
    inner: S,
    deadlines: Deadlines,
}

impl<S, Q> Service<Request<Q>> for EndAtDeadline<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let (asked, is_health) = (asked(request.headers()), paths::is_health(request.uri().path()));
        // A watch: only its caller's own time ends it.
        let allowed = match (paths::is_open_ended(request.uri().path()), asked) {
            (true, None) => return self.open_ended(request, is_health),
            (true, Some(own)) => own,
            (false, _) => self.deadlines.allowed(asked),
        };
        let ((work, whole), begin) = (shares(allowed), Instant::now());
        request.extensions_mut().insert(Deadline(begin + work));
        let progress = Progress::default();
        request.extensions_mut().insert(progress.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let end = begin + whole;
            match in_time(begin + work, end, answer).await {
                Ok(answer) => {
                    call_end::set(Some(begin + allowed + UNREAD));
                    answer.map(|response| response.map(|body| Body::new(Ending::new(body, end, progress))))
                }
                Err(Late::Begun) => Ok(late(is_health, &progress).into_http()),
                Err(Late::Unbegun) => Ok(refusal::expired().into_http()),
            }
        })
    }
}

impl<S> EndAtDeadline<S> {
    /// A watch without a time of its own: the default holds for its request, and for what is ready and not taken.
    fn open_ended<Q>(&mut self, request: Request<Q>, is_health: bool) -> BoxFuture<'static, Result<Response<Body>, S::Error>>
    where
        S: Service<Request<Q>, Response = Response<Body>>,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
    {
        let limit = self.deadlines.allowed(None);
        let answer = timeout(limit, self.inner.call(request));
        Box::pin(async move {
            match answer.await {
                Ok(answer) => answer.map(|response| response.map(|body| Unread::body(body, limit))),
                Err(_) => Ok(late(is_health, &Progress::default()).into_http()),
            }
        })
    }
}

/// The status of a call without an answer in time. A health check is answered as soon as its request arrives, so a late one means that the
/// request is incomplete. Any client can cause that, so the code is not one that alerts count.
fn late(is_health: bool, progress: &Progress) -> Status {
    if is_health { refusal::abandoned() } else { refusal::deadline_exceeded(progress) }
}

/// The time that the caller gives, by the gRPC protocol: up to eight digits and a unit. Anything else counts as absent.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// A body that ends at the deadline.
struct Ending {
    body: Option<Body>,
    over: Pin<Box<Sleep>>,
    progress: Progress,
}

impl Ending {
    fn new(body: Body, deadline: Instant, progress: Progress) -> Self {
        Self { body: Some(body), over: Box::pin(sleep_until(deadline)), progress }
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let inner = Pin::new(body).poll_frame(cx);
        // What ends by itself keeps its own status. A stream that never rests is ended too; only one that rests needs the timer.
        let over = match &inner {
            Poll::Ready(Some(Ok(frame))) => !frame.is_trailers() && Instant::now() >= self.over.deadline(),
            Poll::Ready(_) => false,
            Poll::Pending => self.over.as_mut().poll(cx).is_ready(),
        };
        if !over {
            return inner;
        }
        // The work behind the stream ends with it.
        self.body = None;
        Poll::Ready(Some(Ok(Frame::trailers(refusal::trailers(&refusal::deadline_exceeded(&self.progress))))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        // No exact size is promised: the deadline can cut it short.
        http_body::SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().unwrap());
        asked(&headers)
    }

    #[test]
    fn the_protocols_units_are_read_and_anything_else_counts_as_absent() {
        assert_eq!(parsed("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(parsed("2M"), Some(Duration::from_secs(120)));
        assert_eq!(parsed("42S"), Some(Duration::from_secs(42)));
        assert_eq!(parsed("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(parsed("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parsed("8n"), Some(Duration::from_nanos(8)));
        for wrong in ["", "S", "1", "999999999S", "-1S", "+1S", "1 S", "1s", "1.5S"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_service_is_answered_for_at_the_default_and_at_most_at_the_most() {
        let deadlines = Deadlines { default_ms: 3_000, max_ms: 5_000 };
        let silent = tower::service_fn(|request: Request<()>| async move {
            assert!(request.extensions().get::<Deadline>().is_some());
            std::future::pending::<Result<Response<Body>, std::convert::Infallible>>().await
        });
        let mut service = DeadlineLayer { deadlines }.layer(silent);
        for (asked, expected) in [(None, 3_000), (Some("1S"), 1_000), (Some("100m"), 100), (Some("1H"), 5_000)] {
            let mut request = Request::new(());
            if let Some(asked) = asked {
                request.headers_mut().insert("grpc-timeout", asked.parse().unwrap());
            }
            let begin = Instant::now();
            let response = service.call(request).await.unwrap();
            let (took, expected) = (begin.elapsed(), Duration::from_millis(expected));
            assert!(took <= expected && took >= expected - Duration::from_millis(50), "{took:?} of {expected:?}");
            assert_eq!(response.headers()["grpc-status"], "4");
        }
    }

    #[test]
    fn the_margin_is_a_small_share_of_the_time() {
        let millis = |micros: u64| Duration::from_micros(micros);
        assert_eq!(shares(Duration::from_secs(30)), (millis(29_950_000), millis(29_987_500)));
        assert_eq!(shares(Duration::from_secs(1)), (millis(950_000), millis(987_500)));
        assert_eq!(shares(Duration::from_millis(100)), (millis(95_000), millis(98_750)));
        assert_eq!(shares(Duration::ZERO), (Duration::ZERO, Duration::ZERO));
        for nanos in 1..100 {
            let (work, whole) = shares(Duration::from_nanos(nanos));
            assert!(work <= whole && whole <= Duration::from_nanos(nanos));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_at_its_deadline_answers_by_itself() {
        for millis in [20, 300, 1_000, 60_000] {
            let own = tower::service_fn(|request: Request<()>| async move {
                let Some(Deadline(work)) = request.extensions().get().copied() else { panic!("a call without a deadline") };
                tokio::time::sleep_until(work).await;
                Ok::<_, std::convert::Infallible>(Status::unavailable("by itself").into_http::<Body>())
            });
            let deadlines = Deadlines { default_ms: 30_000, max_ms: 120_000 };
            let mut request = Request::new(());
            request.headers_mut().insert("grpc-timeout", format!("{millis}m").parse().unwrap());
            let begin = Instant::now();
            let response = DeadlineLayer { deadlines }.layer(own).call(request).await.unwrap();
            assert_eq!(response.headers()["grpc-status"], "14", "{millis}");
            assert!(begin.elapsed() < Duration::from_millis(millis), "{millis}");
        }
    }

    fn metadata(headers: &HeaderMap) -> std::collections::HashMap<String, String> {
        let status = Status::from_header_map(headers).unwrap();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        tonic_types::StatusExt::get_details_error_info(&status).unwrap().metadata
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_work_leaves_its_journey_and_effect() {
        use crate::providers::error::Effect;
        let hanging = tower::service_fn(|request: Request<()>| async move {
            let progress = request.extensions().get::<Progress>().unwrap();
            if request.uri().path() == "/begun" {
                progress.journey("jrn_1");
                progress.effect(Effect::Unknown);
            }
            std::future::pending::<Result<Response<Body>, std::convert::Infallible>>().await
        });
        let mut service = DeadlineLayer { deadlines: Deadlines::default() }.layer(hanging);
        let mut call = async |path: &str| {
            let request = Request::builder().uri(path).body(()).unwrap();
            metadata(service.call(request).await.unwrap().headers())
        };
        let begun = call("/begun").await;
        assert_eq!((begun["journey_id"].as_str(), begun["effect"].as_str()), ("jrn_1", "UNKNOWN"));
        let nothing = call("/waiting").await;
        assert_eq!((nothing.get("journey_id"), nothing["effect"].as_str()), (None, "NONE"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_stream_names_its_journey() {
        let endless = tower::service_fn(|request: Request<()>| async move {
            request.extensions().get::<Progress>().unwrap().journey("jrn_1");
            let pending = http_body_util::StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, Status>>());
            Ok::<_, std::convert::Infallible>(Response::new(Body::new(pending)))
        });
        let mut service = DeadlineLayer { deadlines: Deadlines::default() }.layer(endless);
        let body = service.call(Request::new(())).await.unwrap().into_body();
        let whole = http_body_util::BodyExt::collect(body).await.unwrap();
        let metadata = metadata(whole.trailers().unwrap());
        assert_eq!((metadata["journey_id"].as_str(), metadata["effect"].as_str()), ("jrn_1", "NONE"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_before_its_callers_time() {
        let endless = tower::service_fn(|_: Request<()>| async {
            let pending = http_body_util::StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, Status>>());
            Ok::<_, std::convert::Infallible>(Response::new(Body::new(pending)))
        });
        let mut service = DeadlineLayer { deadlines: Deadlines::default() }.layer(endless);
        for path in ["/sangam.v1.JourneyService/StreamData", paths::WATCHES[0]] {
            let request = Request::builder().uri(path).header("grpc-timeout", "10S").body(()).unwrap();
            let begin = Instant::now();
            let body = service.call(request).await.unwrap().into_body();
            let whole = http_body_util::BodyExt::collect(body).await.unwrap();
            assert_eq!(whole.trailers().unwrap()["grpc-status"], "4");
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(10) && took > Duration::from_millis(9_940), "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_has_its_callers_own_time_or_none() {
        let deadlines = Deadlines { default_ms: 3_000, max_ms: 5_000 };
        let silent = tower::service_fn(|request: Request<()>| async move {
            let Some(Deadline(_)) = request.extensions().get() else { return Ok(Response::new(Body::empty())) };
            std::future::pending::<Result<Response<Body>, std::convert::Infallible>>().await
        });
        let mut service = DeadlineLayer { deadlines }.layer(silent);
        for path in paths::WATCHES {
            let mut request = Request::builder().uri(path).body(()).unwrap();
            assert!(!service.call(request.clone()).await.unwrap().headers().contains_key("grpc-status"));
            request.headers_mut().insert("grpc-timeout", "1H".parse().unwrap());
            let begin = Instant::now();
            assert_eq!(service.call(request).await.unwrap().headers()["grpc-status"], "4");
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(3_600) && took > Duration::from_millis(3_599_940), "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn health_has_no_deadline() {
        let inner = tower::service_fn(|request: Request<()>| async move {
            assert!(request.extensions().get::<Deadline>().is_none());
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        });
        let mut service = DeadlineLayer { deadlines: Deadlines::default() }.layer(inner);
        let request = Request::builder().uri("/grpc.health.v1.Health/Watch").body(()).unwrap();
        assert!(service.call(request).await.is_ok());
    }
}
