//! Turns a panic into INTERNAL, so that it costs one call. The panic's text goes nowhere: it can quote what was being read.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::CatchUnwind};
use http::{Request, Response};
use http_body::Frame;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::refusal;

/// Makes [`CatchPanic`].
#[derive(Debug, Clone, Copy)]
pub struct PanicLayer;

impl<S> Layer<S> for PanicLayer {
    type Service = CatchPanic<S>;
    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct CatchPanic<S>(S);

impl<S, Q> Service<Request<Q>> for CatchPanic<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Caught<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        // Nothing of the service is used after its panic but its shared state, whose locks are poison-proof or tell.
        let answer = catch_unwind(AssertUnwindSafe(|| self.0.call(request)));
        Caught(answer.ok().map(|answer| AssertUnwindSafe(answer).catch_unwind()))
    }
}

/// An answer whose panic is caught; none if the call itself has panicked.
pub struct Caught<F>(Option<CatchUnwind<AssertUnwindSafe<F>>>);

impl<F, E> Future for Caught<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(answer) = &mut self.0 else { return Poll::Ready(Ok(failed())) };
        Poll::Ready(match ready!(Pin::new(answer).poll(cx)) {
            Ok(answer) => answer.map(|response| response.map(|body| Body::new(Guarded { body: Some(body) }))),
            Err(_) => Ok(failed()),
        })
    }
}

fn failed() -> Response<Body> {
    note();
    refusal::internal().into_http()
}

fn note() {
    tracing::error!("a call has panicked");
}

/// A stream that panics while it is polled ends with INTERNAL.
struct Guarded {
    body: Option<Body>,
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))).unwrap_or_else(|_| {
            note();
            self.body = None;
            Poll::Ready(Some(Ok(Frame::trailers(refusal::trailers(&refusal::internal())))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}
