//! Ends a call, with all its attempts, by the caller's deadline or the provider's total time, whichever comes first.

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

/// Makes [`Deadline`].
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer {
    /// The most that one call may take, attempts and pauses included.
    pub total: Duration,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;
    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, total: self.total }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
    total: Duration,
}

impl<S> Service<OutboundRequest> for Deadline<S>
where
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: OutboundRequest) -> Self::Future {
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let total = self.total;
        Box::pin(async move {
            let deadline = request.deadline.min(Instant::now() + total);
            request.deadline = deadline;
            let error = ProviderError::new(ErrorKind::Timeout, request.provider, request.stage);
            // Nothing is sent for a caller who has gone already.
            if deadline <= Instant::now() {
                return Err(error.with_detail("the deadline had passed before the call"));
            }
            let cut = request.cut();
            match timeout_at(deadline, inner.call(request)).await {
                Ok(result) => result,
                Err(_) => Err(error.with_effect(cut.effect()).with_detail("the call's total time is over")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::providers::{error::Effect, http::CallKind};

    #[tokio::test(start_paused = true)]
    async fn a_silent_provider_ends_at_the_earlier_of_both_limits() {
        let silent = service_fn(|request: OutboundRequest| {
            request.sending.begin();
            std::future::pending()
        });
        let service = DeadlineLayer { total: Duration::from_secs(5) }.layer(silent);
        let begin = Instant::now();
        let mut request = OutboundRequest::for_test(CallKind::Write);
        request.deadline = begin + Duration::from_secs(2);
        let error = service.clone().oneshot(request.clone()).await.unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::Timeout, Effect::Unknown));
        assert_eq!(begin.elapsed(), Duration::from_secs(2));
        request.deadline = begin + Duration::from_secs(60);
        request.kind = CallKind::Read;
        let error = service.oneshot(request).await.unwrap_err();
        assert_eq!(error.effect, Effect::None);
        assert_eq!(begin.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_ends_before_it_is_sent_has_no_effect() {
        let connecting = service_fn(|_: OutboundRequest| std::future::pending());
        let request = OutboundRequest::for_test(CallKind::Write);
        let sending = request.sending.clone();
        let error = DeadlineLayer { total: Duration::from_secs(5) }.layer(connecting).oneshot(request).await.unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::Timeout, Effect::None));
        assert!(!sending.begin(), "it must not be sent afterwards");
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_call_is_never_sent() {
        let sent = Arc::new(AtomicU32::new(0));
        let counter = sent.clone();
        let inner = service_fn(move |_: OutboundRequest| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::pending()
        });
        let mut request = OutboundRequest::for_test(CallKind::Write);
        request.deadline = Instant::now();
        let error = DeadlineLayer { total: Duration::from_secs(5) }.layer(inner).oneshot(request).await.unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::Timeout, Effect::None));
        assert_eq!(sent.load(Ordering::SeqCst), 0);
    }
}
