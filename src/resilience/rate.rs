//! How often a credential may call: at most so often a second, and not at all before a pause is over that the provider has asked for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};

use super::bucket::Bucket;
use crate::{
    clock::SharedClock,
    providers::{
        error::{ErrorKind, ProviderError},
        http::{OutboundRequest, OutboundResponse},
        judge::retry_after,
    },
};

/// Makes [`Rate`]. All that it makes share one bound.
#[derive(Clone)]
pub struct RateLayer {
    bounds: Arc<Bounds>,
    /// Tells how far away a date of a Retry-After is.
    clock: SharedClock,
}

struct Bounds {
    bucket: Option<Bucket>,
    /// The end of the pause that the provider has asked for.
    paused_until: Mutex<Option<Instant>>,
}

impl RateLayer {
    /// A layer that lets so many calls begin in a second, or any number.
    pub fn new(per_second: Option<u32>, clock: SharedClock) -> Self {
        let bucket = per_second.map(|rate| Bucket::new(rate, rate));
        Self { bounds: Arc::new(Bounds { bucket, paused_until: Mutex::new(None) }), clock }
    }
}

impl Bounds {
    /// What is left of the pause.
    fn pause(&self) -> Option<Duration> {
        let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map(|until| until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Begins a pause. A shorter one never ends a longer one.
    fn pause_for(&self, pause: Duration) {
        let mut until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(Instant::now() + pause));
    }

    /// Ends when a call may begin. Whoever would have to wait beyond his time is told at once when to come back.
    async fn turn(&self, request: &OutboundRequest) -> Result<(), ProviderError> {
        // Nothing was sent, so nothing has any effect.
        let refused = |after: Duration, detail: &'static str| {
            let mut error = ProviderError::new(ErrorKind::RateLimited, request.provider, request.stage).with_detail(detail);
            error.retry_after = Some(after);
            error
        };
        loop {
            // Asked anew after each wait: the answer to another call may have brought a pause meanwhile.
            if let Some(left) = self.pause() {
                return Err(refused(left, "the provider has asked for a pause that is not over"));
            }
            let Some(Err(wait)) = self.bucket.as_ref().map(Bucket::take) else { return Ok(()) };
            if Instant::now() + wait >= request.deadline {
                return Err(refused(wait, "the credential's calls a second are used up"));
            }
            sleep(wait).await;
        }
    }
}

impl<S> Layer<S> for RateLayer {
    type Service = Rate<S>;
    fn layer(&self, inner: S) -> Rate<S> {
        Rate { inner, layer: self.clone() }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Rate<S> {
    inner: S,
    layer: RateLayer,
}

impl<S> Service<OutboundRequest> for Rate<S>
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
        let RateLayer { bounds, clock } = self.layer.clone();
        Box::pin(async move {
            bounds.turn(&request).await?;
            let answer = inner.call(request).await;
            if let Ok(response) = &answer
                && matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                // A window that is only told to end some time is no wish: a single call may be refused within it.
                && response.headers.contains_key(header::RETRY_AFTER)
                && let Some(pause) = retry_after(&response.headers, clock.now())
            {
                bounds.pause_for(pause);
            }
            answer
        })
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
