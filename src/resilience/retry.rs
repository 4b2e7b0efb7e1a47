//! Sends a read a second time after a jittered pause, on a new connection. A write is sent again only if no byte of it has left the gateway: what a
//! lost answer means is decided by the journey, call by call.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};
use tracing::Instrument;

use super::budget::RetryBudget;
use crate::{
    providers::{
        error::{Effect, ErrorKind, ProviderError},
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
    /// The second tries that the credential has left.
    pub budget: Arc<RetryBudget>,
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

/// What a first answer costs if it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecondTry {
    /// It does not help, or may do something twice.
    No,
    /// The provider did work for the first try and may be overloaded: the second one comes out of the budget.
    Budgeted,
    /// The connection failed. That happens to healthy providers that close connections, and where it persists the breaker opens soon.
    Free,
}

fn second_try(kind: CallKind, first: &Result<OutboundResponse, ProviderError>) -> SecondTry {
    match (kind, first) {
        // A Retry-After is obeyed by not trying: the caller gets it.
        (CallKind::Read, Ok(response)) if is_passing(response.status) && !response.headers.contains_key(header::RETRY_AFTER) => {
            SecondTry::Budgeted
        }
        // An error with a time was refused here, by the breaker or a limit, which would refuse it again.
        (_, Err(error)) if error.retry_after.is_some() => SecondTry::No,
        (CallKind::Read, Err(error)) if error.kind == ErrorKind::Timeout => SecondTry::Budgeted,
        (CallKind::Read, Err(error)) if error.kind == ErrorKind::Unavailable => SecondTry::Free,
        // Of a write without effect no byte has left.
        (CallKind::Write, Err(error)) if error.kind == ErrorKind::Unavailable && error.effect == Effect::None => SecondTry::Free,
        _ => SecondTry::No,
    }
}

/// Whether a status may be another one a moment later. 520 is documented as "anything else, try again".
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504 | 520)
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
            policy.budget.deposit();
            // A provider that closes connections closes several: the second try must not meet another of them.
            let again = OutboundRequest { fresh_connection: true, ..request.clone() };
            let first = inner.call(request).await;
            let cost = second_try(again.kind, &first);
            if cost == SecondTry::No {
                return first;
            }
            let pause = policy.pause.mul_f64((policy.jitter)().clamp(0.0, 1.0));
            if Instant::now() + pause >= again.deadline || (cost == SecondTry::Budgeted && !policy.budget.withdraw()) {
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

    fn layer(pause: Duration) -> RetryLayer {
        RetryLayer { pause, jitter: Arc::new(|| 0.5), budget: Arc::default(), meter: CallMeter::silent() }
    }

    type Answer = Result<OutboundResponse, ProviderError>;

    /// Sends a call of this kind to a provider that always answers so; returns how often it was called.
    async fn attempts(layer: &RetryLayer, kind: CallKind, answer: Answer) -> u32 {
        let count = Arc::new(AtomicU32::new(0));
        let counter = count.clone();
        let inner = service_fn(move |_: OutboundRequest| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready(answer.clone())
        });
        let _ = layer.layer(inner).oneshot(OutboundRequest::for_test(kind)).await;
        count.load(Ordering::SeqCst)
    }

    fn status(status: u16, retry_after: bool) -> Answer {
        let mut headers = HeaderMap::new();
        if retry_after {
            headers.insert(header::RETRY_AFTER, http::HeaderValue::from_static("5"));
        }
        Ok(OutboundResponse::new(StatusCode::from_u16(status).unwrap(), headers, Bytes::new()))
    }

    fn error(kind: ErrorKind, effect: Effect) -> Answer {
        Err(ProviderError::new(kind, "test", "call").with_effect(effect))
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_tried_twice_and_writes_once() {
        let layer = layer(Duration::from_millis(100));
        assert_eq!(attempts(&layer, CallKind::Read, status(503, false)).await, 2);
        assert_eq!(attempts(&layer, CallKind::Write, status(503, false)).await, 1);
        assert_eq!(attempts(&layer, CallKind::Read, status(503, true)).await, 1);
        assert_eq!(attempts(&layer, CallKind::Read, status(400, false)).await, 1);
        assert_eq!(attempts(&layer, CallKind::Read, status(429, false)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_tried_again_only_if_nothing_was_sent() {
        let layer = layer(Duration::from_millis(100));
        assert_eq!(attempts(&layer, CallKind::Write, error(ErrorKind::Unavailable, Effect::None)).await, 2);
        assert_eq!(attempts(&layer, CallKind::Write, error(ErrorKind::Unavailable, Effect::Unknown)).await, 1);
        assert_eq!(attempts(&layer, CallKind::Write, error(ErrorKind::Timeout, Effect::Unknown)).await, 1);
        let mut refused = ProviderError::new(ErrorKind::Unavailable, "test", "call");
        refused.retry_after = Some(Duration::from_secs(1));
        assert_eq!(attempts(&layer, CallKind::Write, Err(refused)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_fails_always_gets_a_fifth_more_at_most() {
        for answer in [status(500, false), status(502, false), error(ErrorKind::Timeout, Effect::None)] {
            let layer = layer(Duration::from_millis(1));
            let mut sent = 0;
            for _ in 0..100 {
                sent += attempts(&layer, CallKind::Read, answer.clone()).await;
            }
            assert!((101..=120).contains(&sent), "{sent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_try_begins_beyond_the_deadline() {
        let layer = RetryLayer { jitter: Arc::new(|| 1.0), ..layer(Duration::from_secs(60)) };
        assert_eq!(attempts(&layer, CallKind::Read, error(ErrorKind::Unavailable, Effect::None)).await, 1);
        assert!(layer.budget.withdraw());
    }
}
