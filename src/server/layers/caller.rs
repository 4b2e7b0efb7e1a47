//! Puts beside each call who makes it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tower::{Layer, Service};

use crate::access::Caller;

/// Makes [`AsCaller`].
#[derive(Debug, Clone)]
pub struct CallerLayer {
    /// Who calls, where nobody is asked who he is.
    pub anybody: Arc<Caller>,
}

impl<S> Layer<S> for CallerLayer {
    type Service = AsCaller<S>;
    fn layer(&self, inner: S) -> AsCaller<S> {
        AsCaller { inner, anybody: self.anybody.clone() }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct AsCaller<S> {
    inner: S,
    anybody: Arc<Caller>,
}

impl<S, Q> Service<Request<Q>> for AsCaller<S>
where
    S: Service<Request<Q>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        request.extensions_mut().insert(self.anybody.clone());
        self.inner.call(request)
    }
}
