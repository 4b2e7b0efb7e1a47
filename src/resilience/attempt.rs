//! Bounds one attempt, so that a read that hangs leaves time for its second try.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::{OutboundRequest, OutboundResponse},
};

/// Makes [`AttemptTimeout`].
#[derive(Debug, Clone, Copy)]
pub struct AttemptTimeoutLayer {
    /// The most that one attempt may take, from connecting to the last byte. A wait for room in our own memory does not count.
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
        let (limit, cut, waits) = (self.limit, request.cut(), request.room_wait.clone());
        let mut answer = Box::pin(self.inner.call(request));
        Box::pin(async move {
            let (begin, before) = (Instant::now(), waits.total());
            let mut end = begin + limit;
            loop {
                if let Ok(result) = timeout_at(end, &mut answer).await {
                    return result;
                }
                end = begin + limit + waits.total().saturating_sub(before);
                if end <= Instant::now() {
                    break;
                }
            }
            drop(answer);
            Err(error.with_effect(cut.effect()))
        })
    }
}
