//! Stops calling a provider that does not answer. Each credential has its own: what one tenant's calls meet says nothing of another's.
//!
//! It opens after some failures in a row, or once nothing has succeeded for a while; then calls end at once and say when to come again.
//! After a pause one call is let through to see. What counts as a failure is only that the provider is not there: an answer that refuses,
//! 500 included, is an answer, for providers tell states by it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::{
    providers::{
        error::{ErrorKind, ProviderError},
        http::{OutboundRequest, OutboundResponse},
    },
    telemetry::metrics::words::words,
};

/// Without a success for so long, and some failures in it, it opens too: a provider that is slow to fail is dead as well.
const MOST_TIME: Duration = Duration::from_secs(2);
/// One failure can happen to anybody.
const LEAST_FAILURES: u32 = 3;
/// The pause before the first probe; each further one is twice as long, up to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

words! {
    /// What a breaker does with calls.
    BreakerState {
        /// Lets them through.
        Closed = "closed",
        /// Ends them at once.
        Open = "open",
        /// Waits for the end of a call that it let through to see.
        Probing = "probing",
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// How many failures in a row, and since when.
    Closed { failures: u32, since: Option<Instant> },
    /// Until when, and how long the pause is.
    Open { until: Instant, pause: Duration },
    /// A probe is under way. Should it hang, another one goes at this time.
    Probing { next: Instant, pause: Duration },
}

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    state: Mutex<State>,
    /// Failures in a row that open it; 0 for never.
    most: u32,
}

impl Breaker {
    /// A closed one, which so many failures in a row open; 0 for never.
    pub fn new(most: u32) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0, since: None }), most }
    }

    /// What it does now.
    pub fn state(&self) -> BreakerState {
        match *self.lock() {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probing { .. } => BreakerState::Probing,
        }
    }

    /// Whether a call may go; if not, after what time to come again.
    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();
        let (until, pause) = match *state {
            State::Closed { .. } => return Ok(()),
            State::Open { until, pause } => (until, pause),
            State::Probing { next, pause } => (next, pause),
        };
        if now < until {
            return Err(until - now);
        }
        *state = State::Probing { next: now + pause, pause };
        Ok(())
    }

    fn succeeded(&self) {
        *self.lock() = State::Closed { failures: 0, since: None };
    }

    /// Answers whether it has opened by this.
    fn failed(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match &mut *state {
            State::Closed { failures, since } => {
                *failures = failures.saturating_add(1);
                let begin = *since.get_or_insert(now);
                let long = *failures >= LEAST_FAILURES && now.duration_since(begin) >= MOST_TIME;
                if self.most == 0 || (*failures < self.most && !long) {
                    return false;
                }
                *state = State::Open { until: now + PAUSES.0, pause: PAUSES.0 };
                true
            }
            // Of a call that began before it opened.
            State::Open { .. } => false,
            State::Probing { pause, .. } => {
                let pause = (*pause * 2).min(PAUSES.1);
                *state = State::Open { until: now + pause, pause };
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the provider is there at all.
fn is_there(result: &Result<OutboundResponse, ProviderError>) -> bool {
    match result {
        Ok(response) => {
            !matches!(response.status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
        }
        Err(error) => !matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Timeout),
    }
}

/// Puts a breaker before calls. `refused` is told of each call that it ends.
#[derive(Clone)]
pub struct BreakerLayer<R> {
    /// The breaker.
    pub breaker: Arc<Breaker>,
    /// Told of a call that was not sent.
    pub refused: R,
}

impl<S, R: Clone> Layer<S> for BreakerLayer<R> {
    type Service = Guarded<S, R>;
    fn layer(&self, inner: S) -> Guarded<S, R> {
        Guarded { inner, guard: self.clone() }
    }
}

/// See [`BreakerLayer`].
#[derive(Clone)]
pub struct Guarded<S, R> {
    inner: S,
    guard: BreakerLayer<R>,
}

impl<S, R> Service<OutboundRequest> for Guarded<S, R>
where
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError>,
    S::Future: Send + 'static,
    R: Fn(&OutboundRequest),
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let (provider, stage) = (request.provider, request.stage);
        if let Err(pause) = self.guard.breaker.admit(Instant::now()) {
            (self.guard.refused)(&request);
            let mut error = ProviderError::new(ErrorKind::Unavailable, provider, stage)
                .with_detail("not sent: the provider has not answered for a while");
            error.retry_after = Some(pause);
            return Box::pin(std::future::ready(Err(error)));
        }
        let (breaker, answer) = (self.guard.breaker.clone(), self.inner.call(request));
        Box::pin(async move {
            let result = answer.await;
            if is_there(&result) {
                breaker.succeeded();
            } else if breaker.failed(Instant::now()) {
                tracing::warn!(provider, "the provider does not answer: calls end at once until it does");
            }
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use bytes::Bytes;
    use http::HeaderMap;
    use tokio::time::{advance, sleep};
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::providers::{error::Effect, http::CallKind};

    /// A provider that is down or up, and how often it was called.
    #[derive(Clone, Default)]
    struct Far {
        up: Arc<AtomicBool>,
        calls: Arc<AtomicU32>,
        slow: Option<Duration>,
    }

    impl Far {
        async fn answer(self, request: OutboundRequest) -> Result<OutboundResponse, ProviderError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(time) = self.slow {
                sleep(time).await;
            }
            match self.up.load(Ordering::SeqCst) {
                true => Ok(OutboundResponse::new(StatusCode::OK, HeaderMap::new(), Bytes::new())),
                false => Err(ProviderError::new(ErrorKind::Unavailable, request.provider, request.stage)),
            }
        }
    }

    async fn call(far: &Far, breaker: &Arc<Breaker>) -> Result<OutboundResponse, ProviderError> {
        let far = far.clone();
        let layer = BreakerLayer { breaker: breaker.clone(), refused: |_: &OutboundRequest| () };
        let service = layer.layer(service_fn(move |request| far.clone().answer(request)));
        service.oneshot(OutboundRequest::for_test(CallKind::Write)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_provider_is_called_at_most_twenty_times_and_then_answered_for_at_once() {
        let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
        for _ in 0..100 {
            call(&far, &breaker).await.unwrap_err();
        }
        assert!(far.calls.load(Ordering::SeqCst) <= 20);
        let begin = Instant::now();
        let error = call(&far, &breaker).await.unwrap_err();
        assert_eq!((begin.elapsed(), error.effect), (Duration::ZERO, Effect::None));
        assert!(error.retry_after.is_some_and(|after| after <= PAUSES.0));
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_slow_to_fail_is_left_after_two_seconds() {
        let far = Far { slow: Some(Duration::from_secs(1)), ..Far::default() };
        let breaker = Arc::new(Breaker::new(10));
        for _ in 0..LEAST_FAILURES {
            call(&far, &breaker).await.unwrap_err();
        }
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_outage_costs_ten_probes_and_ten_seconds_after_it_all_is_well() {
        let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
        while breaker.state() == BreakerState::Closed {
            call(&far, &breaker).await.unwrap_err();
        }
        let before = far.calls.load(Ordering::SeqCst);
        for _ in 0..600 {
            advance(Duration::from_millis(100)).await;
            call(&far, &breaker).await.unwrap_err();
        }
        let probes = far.calls.load(Ordering::SeqCst) - before;
        assert!((3..=10).contains(&probes), "{probes}");
        far.up.store(true, Ordering::SeqCst);
        let begin = Instant::now();
        while call(&far, &breaker).await.is_err() {
            advance(Duration::from_millis(100)).await;
        }
        assert!(begin.elapsed() <= Duration::from_secs(10), "{:?}", begin.elapsed());
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_or_whose_caller_leaves_does_not_keep_it_shut() {
        let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
        while breaker.state() == BreakerState::Closed {
            call(&far, &breaker).await.unwrap_err();
        }
        advance(PAUSES.0).await;
        let hanging = Far { slow: Some(Duration::from_secs(3_600)), ..far.clone() };
        assert!(tokio::time::timeout(Duration::from_millis(1), call(&hanging, &breaker)).await.is_err());
        assert_eq!(breaker.state(), BreakerState::Probing);
        far.up.store(true, Ordering::SeqCst);
        call(&far, &breaker).await.unwrap_err();
        advance(PAUSES.0).await;
        call(&far, &breaker).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_turned_off_lets_everything_through() {
        let (far, breaker) = (Far::default(), Arc::new(Breaker::new(0)));
        for _ in 0..100 {
            call(&far, &breaker).await.unwrap_err();
        }
        assert_eq!((far.calls.load(Ordering::SeqCst), breaker.state()), (100, BreakerState::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_refuses_is_no_failure() {
        let breaker = Arc::new(Breaker::new(10));
        let refuses = service_fn(|_: OutboundRequest| async {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Ok::<_, ProviderError>(OutboundResponse::new(status, HeaderMap::new(), Bytes::new()))
        });
        let layer = BreakerLayer { breaker: breaker.clone(), refused: |_: &OutboundRequest| () };
        for _ in 0..100 {
            layer.layer(refuses).oneshot(OutboundRequest::for_test(CallKind::Read)).await.unwrap();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
