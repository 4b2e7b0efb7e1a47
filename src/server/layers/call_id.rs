//! Gives every call an id of ours. It stands on each log line of the call and in the answer's metadata; a caller's own is not trusted,
//! for it could be made to look like somebody else's.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderName, HeaderValue, Request, Response};
use tower::{Layer, Service};
use uuid::Uuid;

/// The metadata key of the answer.
pub const HEADER: HeaderName = HeaderName::from_static("sangam-call-id");

/// The id of a call, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallId(pub Uuid);

/// Makes [`CallIds`].
#[derive(Debug, Clone, Copy)]
pub struct CallIdLayer;

impl<S> Layer<S> for CallIdLayer {
    type Service = CallIds<S>;
    fn layer(&self, inner: S) -> CallIds<S> {
        CallIds(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct CallIds<S>(S);

impl<S, Q, B> Service<Request<Q>> for CallIds<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        // Version 7 sorts by time, so that a log can be searched around it.
        let id = Uuid::now_v7();
        request.headers_mut().remove(HEADER);
        request.extensions_mut().insert(CallId(id));
        Answer { answer: self.0.call(request), id }
    }
}

/// The answer with its id.
pub struct Answer<F> {
    answer: F,
    id: Uuid,
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut answer = ready!(Pin::new(&mut self.answer).poll(cx));
        if let Ok(response) = &mut answer
            && let Ok(mut value) = HeaderValue::from_str(self.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
        {
            // No call has the id of another: HTTP/2's table of headers that come again is no place for it.
            value.set_sensitive(true);
            response.headers_mut().insert(HEADER, value);
        }
        Poll::Ready(answer)
    }
}
