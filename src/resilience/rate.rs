//! How often a credential may call: at most so often a second, and not at all during a pause. A pause begins when the provider refuses a call
//! for the number of calls, and when it says that its window takes no further one.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};

use super::{bucket::Bucket, pauses::Pauses};
use crate::{
    clock::SharedClock,
    providers::{
        error::{ErrorKind, ProviderError},
        http::{OutboundRequest, OutboundResponse},
        judge::{stated_pause, used_up},
    },
};

/// Makes [`Rate`]. All that it makes share one bound.
#[derive(Clone)]
pub struct RateLayer {
    bounds: Arc<Bounds>,
    /// For the distance to a stated date.
    clock: SharedClock,
}

struct Bounds {
    bucket: Option<Bucket>,
    pauses: Pauses,
}

impl RateLayer {
    /// A layer that lets so many calls begin in a second, or any number, and pauses for no longer than `longest_pause` at a time.
    pub fn new(per_second: Option<u32>, longest_pause: Duration, clock: SharedClock) -> Self {
        let bucket = per_second.map(|rate| Bucket::new(rate, rate));
        Self { bounds: Arc::new(Bounds { bucket, pauses: Pauses::new(longest_pause) }), clock }
    }

    /// What a call that begins now would be refused with, without being sent.
    pub fn refusal(&self, provider: &'static str, stage: &'static str, deadline: Instant) -> Option<ProviderError> {
        if let Some(left) = self.bounds.pauses.left() {
            return Some(refused(provider, stage, left, PAUSED));
        }
        let wait = self.bounds.bucket.as_ref()?.wait();
        (!wait.is_zero() && Instant::now() + wait >= deadline).then(|| refused(provider, stage, wait, USED_UP))
    }

    /// What is left of a pause.
    pub fn pause(&self) -> Option<Duration> {
        self.bounds.pauses.left()
    }

    /// Ends every pause, on an operator's word. Returns whether there was one.
    pub fn resume(&self) -> bool {
        self.bounds.pauses.resume()
    }

    /// Reads what an answer to a call that began at `began` says about further calls.
    fn note(&self, began: Instant, response: &mut OutboundResponse) {
        let (pauses, now) = (&self.bounds.pauses, self.clock.now());
        let pause = match (response.status, stated_pause(response, now)) {
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(stated)) => Some(pauses.begin(stated)),
            (StatusCode::TOO_MANY_REQUESTS, None) => Some(pauses.grow(began)),
            // Without a time it is the breaker's matter, and a read may be tried again: that goes by the header.
            (StatusCode::SERVICE_UNAVAILABLE, None) => {
                response.headers.remove(header::RETRY_AFTER);
                None
            }
            _ => {
                pauses.answered();
                None
            }
        };
        if let Some(left) = used_up(response, now) {
            pauses.begin(left);
        }
        // Adapters and callers read the pause that counts, and not the one that was stated.
        if let Some(value) = pause.and_then(|pause| HeaderValue::try_from(format!("{:.3}", pause.as_secs_f64())).ok()) {
            response.headers.insert(header::RETRY_AFTER, value);
        }
    }
}

/// The error of a call that is not sent: nothing has any effect.
fn refused(provider: &'static str, stage: &'static str, after: Duration, detail: &'static str) -> ProviderError {
    let mut error = ProviderError::new(ErrorKind::RateLimited, provider, stage).with_detail(detail);
    error.retry_after = Some(after);
    error
}

const PAUSED: &str = "the provider takes no further call for a while";
const USED_UP: &str = "the credential's calls a second are used up";

impl Bounds {
    /// Waits for a call's turn. Fails at once with a retry delay if the wait would exceed the deadline, or during a pause.
    async fn turn(&self, request: &OutboundRequest) -> Result<(), ProviderError> {
        let (provider, stage) = (request.provider, request.stage);
        let paused = |left| refused(provider, stage, left, PAUSED);
        loop {
            // Checked after each wait: the answer to another call may have begun a pause meanwhile.
            if let Some(left) = self.pauses.left() {
                return Err(paused(left));
            }
            let Some(Err(wait)) = self.bucket.as_ref().map(Bucket::take) else { return self.pauses.admit().map_err(paused) };
            if Instant::now() + wait >= request.deadline {
                return Err(refused(provider, stage, wait, USED_UP));
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
        let layer = self.layer.clone();
        Box::pin(async move {
            layer.bounds.turn(&request).await?;
            let began = Instant::now();
            let mut answer = inner.call(request).await;
            if let Ok(response) = &mut answer {
                layer.note(began, response);
            }
            answer
        })
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
