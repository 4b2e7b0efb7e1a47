//! Turns a panic into INTERNAL, so that it costs one call. The panic's text goes nowhere: it can quote what was being read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
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
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        // Nothing of the service is used after its panic but its shared state, whose locks are poison-proof or tell.
        let answer = catch_unwind(AssertUnwindSafe(|| self.0.call(request)));
        Box::pin(async move {
            let Ok(answer) = answer else { return Ok(failed()) };
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(answer) => answer.map(|response| response.map(|body| Body::new(Guarded { body: Some(body) }))),
                Err(_) => Ok(failed()),
            }
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
