//! Sends a read a second time after a jittered pause, on a new connection. A write is never sent again here: what a lost answer means is decided by the
//! journey, call by call.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::{
    providers::{
        error::{ErrorKind, ProviderError},
        http::{CallKind, OutboundRequest, OutboundResponse},
    },
    telemetry::metrics::CallMeter,
};

/// A number in 0..1; injected so that a test knows the pause.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Makes [`Retry`].
#[derive(Clone)]
pub struct RetryLayer {
    /// The longest pause; the pause is this times the jitter.
    pub pause: Duration,
    /// The jitter.
    pub jitter: Jitter,
    /// Measures the pauses.
    pub meter: CallMeter,
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;
    fn layer(&self, inner: S) -> Retry<S> {
        Retry { inner, policy: self.clone() }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Retry<S> {
    inner: S,
    policy: RetryLayer,
}

/// Whether a first answer is worth a second try. A Retry-After is obeyed by not trying: the caller gets it.
fn is_passing(result: &Result<OutboundResponse, ProviderError>) -> bool {
    match result {
        Ok(response) => {
            matches!(
                response.status,
                StatusCode::INTERNAL_SERVER_ERROR
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ) && !response.headers.contains_key(http::header::RETRY_AFTER)
        }
        // Where a time is given, the call was not even sent: it would meet the same open breaker.
        Err(error) => matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Timeout) && error.retry_after.is_none(),
    }
}

impl<S> Service<OutboundRequest> for Retry<S>
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
        let policy = self.policy.clone();
        Box::pin(async move {
            let again = (request.kind == CallKind::Read).then(|| request.clone());
            // A provider that closes connections closes several: the second try must not meet another of them.
            let again = again.map(|again| OutboundRequest { fresh_connection: true, ..again });
            let first = inner.call(request).await;
            let Some(again) = again.filter(|_| is_passing(&first)) else {
                return first;
            };
            let pause = policy.pause.mul_f64((policy.jitter)().clamp(0.0, 1.0));
            if Instant::now() + pause >= again.deadline {
                return first;
            }
            policy.meter.paused(again.provider, pause);
            sleep(pause)
                .instrument(tracing::info_span!("provider.backoff", provider = again.provider, stage = again.stage))
                .await;
            std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
            inner.call(again).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use bytes::Bytes;
    use http::HeaderMap;
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn attempts(kind: CallKind, status: u16, retry_after: bool) -> u32 {
        let count = Arc::new(AtomicU32::new(0));
        let counter = count.clone();
        let inner = service_fn(move |_: OutboundRequest| {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut headers = HeaderMap::new();
            if retry_after {
                headers.insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
            }
            let status = StatusCode::from_u16(status).unwrap();
            async move { Ok(OutboundResponse::new(status, headers, Bytes::new())) }
        });
        let layer = RetryLayer { pause: Duration::from_millis(100), jitter: Arc::new(|| 0.5), meter: CallMeter::silent() };
        layer.layer(inner).oneshot(OutboundRequest::for_test(kind)).await.unwrap();
        count.load(Ordering::SeqCst)
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_tried_twice_and_writes_once() {
        assert_eq!(attempts(CallKind::Read, 503, false).await, 2);
        assert_eq!(attempts(CallKind::Write, 503, false).await, 1);
        assert_eq!(attempts(CallKind::Read, 503, true).await, 1);
        assert_eq!(attempts(CallKind::Read, 400, false).await, 1);
        assert_eq!(attempts(CallKind::Read, 429, false).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_try_begins_beyond_the_deadline() {
        let count = Arc::new(AtomicU32::new(0));
        let counter = count.clone();
        let inner = service_fn(move |request: OutboundRequest| {
            counter.fetch_add(1, Ordering::SeqCst);
            let error = ProviderError::new(ErrorKind::Unavailable, request.provider, request.stage);
            async move { Err::<OutboundResponse, _>(error) }
        });
        let layer = RetryLayer { pause: Duration::from_secs(10), jitter: Arc::new(|| 1.0), meter: CallMeter::silent() };
        let mut request = OutboundRequest::for_test(CallKind::Read);
        request.deadline = Instant::now() + Duration::from_secs(5);
        layer.layer(inner).oneshot(request).await.unwrap_err();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
