//! Bounds one attempt, so that a read that hangs leaves time for its second try.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tower::{Layer, Service};

use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::{OutboundRequest, OutboundResponse},
};

/// Makes [`AttemptTimeout`].
#[derive(Debug, Clone, Copy)]
pub struct AttemptTimeoutLayer {
    /// The most that one attempt may take, from connecting to the last byte.
    pub limit: Duration,
}

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;
    fn layer(&self, inner: S) -> AttemptTimeout<S> {
        AttemptTimeout { inner, limit: self.limit }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct AttemptTimeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> Service<OutboundRequest> for AttemptTimeout<S>
where
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError>,
    S::Future: Send + 'static,
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let error =
            ProviderError::new(ErrorKind::Timeout, request.provider, request.stage).with_detail("the attempt's time is over");
        let (limit, cut) = (self.limit, request.cut());
        let answer = self.inner.call(request);
        Box::pin(async move {
            match timeout(limit, answer).await {
                Ok(result) => result,
                Err(_) => Err(error.with_effect(cut.effect())),
            }
        })
    }
}
