//! Ends watches whose connection is to go, with the status after which a watcher goes on elsewhere. Other calls end by themselves.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{paths, refusal};
use crate::server::age::Leaving;

/// Makes [`EndWhenLeaving`].
#[derive(Debug, Clone, Copy)]
pub struct LeavingLayer;

impl<S> Layer<S> for LeavingLayer {
    type Service = EndWhenLeaving<S>;
    fn layer(&self, inner: S) -> EndWhenLeaving<S> {
        EndWhenLeaving(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct EndWhenLeaving<S>(S);

impl<S, Q> Service<Request<Q>> for EndWhenLeaving<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let open_ended = paths::is_watch(request.uri().path());
        let leaving = request.extensions().get().filter(|_| open_ended).cloned();
        Answer { answer: self.0.call(request), leaving }
    }
}

/// The answer, whose body may be cut short.
pub struct Answer<F> {
    answer: F,
    leaving: Option<Leaving>,
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        let Some(Leaving(leaving)) = self.leaving.take() else { return Poll::Ready(answer) };
        Poll::Ready(answer.map(|response| {
            response.map(|body| Body::new(Ending { body: Some(body), leaving: Box::pin((*leaving).clone().cancelled_owned()) }))
        }))
    }
}

/// A body that ends when its connection is to go.
struct Ending {
    body: Option<Body>,
    leaving: BoxFuture<'static, ()>,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        // What is ready goes out first: whoever reads it knows from where to go on.
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.leaving.as_mut().poll(cx));
        self.body = None;
        Poll::Ready(Some(Ok(Frame::trailers(refusal::trailers(&refusal::leaving())))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::default()
    }
}
