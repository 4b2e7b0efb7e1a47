//! Bounds the calls of one credential that are under way. A call waits for its turn as long as its own time lasts.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::{sync::Semaphore, time::timeout_at};
use tower::{Layer, Service};

use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::{OutboundRequest, OutboundResponse},
};

/// Makes [`Concurrency`]. All that it makes share one bound.
#[derive(Debug, Clone)]
pub struct ConcurrencyLayer {
    turns: Arc<Semaphore>,
}

impl ConcurrencyLayer {
    /// A layer that lets so many calls be under way.
    pub fn new(most: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))) }
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;
    fn layer(&self, inner: S) -> Concurrency<S> {
        Concurrency { inner, turns: self.turns.clone() }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Concurrency<S> {
    inner: S,
    turns: Arc<Semaphore>,
}

impl<S> Service<OutboundRequest> for Concurrency<S>
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

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let turns = self.turns.clone();
        Box::pin(async move {
            // Nothing was sent, whatever the call is: so a write that waited in vain had no effect.
            let waited = ProviderError::new(ErrorKind::Timeout, request.provider, request.stage);
            let Ok(Ok(turn)) = timeout_at(request.deadline, turns.acquire_owned()).await else {
                return Err(waited.with_detail("too many calls of the credential are under way"));
            };
            let answer = inner.call(request).await;
            drop(turn);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use tokio::time::Instant;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::providers::{error::Effect, http::CallKind};

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_are_under_way_than_may_be_and_all_get_their_turn() {
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (under_way.clone(), most.clone());
        let inner = service_fn(move |_: OutboundRequest| {
            let (under_way, most) = counters.clone();
            async move {
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok(OutboundResponse::new(StatusCode::OK, HeaderMap::new(), Bytes::new()))
            }
        });
        let service = ConcurrencyLayer::new(3).layer(inner);
        let begin = Instant::now();
        let calls = (0..9).map(|_| tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Read))));
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
        assert_eq!((most.load(Ordering::SeqCst), begin.elapsed().as_secs()), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_waits_in_vain_was_never_sent() {
        let hanging = service_fn(|_: OutboundRequest| std::future::pending::<Result<OutboundResponse, ProviderError>>());
        let service = ConcurrencyLayer::new(1).layer(hanging);
        let first = tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Write)));
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let error = service.oneshot(OutboundRequest::for_test(CallKind::Write)).await.unwrap_err();
        assert_eq!((error.kind, error.effect, begin.elapsed().as_secs()), (ErrorKind::Timeout, Effect::None, 30));
        first.abort();
    }
}
