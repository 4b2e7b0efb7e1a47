//! Stops calling a provider that does not answer. Each credential has its own: what one tenant's calls meet says nothing of another's.
//!
//! It opens after some failures in a row, or once nothing has succeeded for a while; then calls end at once and say when to come again.
//! After a pause one call is let through to see. A failure is an answer of the kind 5xx, none at all, or one for which a caller waited in
//! vain. Any other answer is a success, and so one journey whose calls always fail with 500 opens nothing while others succeed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
        http::{OutboundRequest, OutboundResponse, RoomWait},
    },
    telemetry::metrics::words::words,
};

/// Without a success for so long, and some failures in it, it opens too: a provider that is slow to fail is dead as well.
const MOST_TIME: Duration = Duration::from_secs(2);
/// One failure can happen to anybody.
const LEAST_FAILURES: u32 = 3;
/// A call that its caller ends earlier says nothing about the provider.
const SLOW: Duration = Duration::from_millis(200);
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
    /// Failures in a row.
    Closed(Row),
    /// Until when, and how long the pause is.
    Open { until: Instant, pause: Duration },
    /// A probe is under way. Should it hang, another one goes at this time.
    Probing { next: Instant, pause: Duration },
}

/// What has failed since the last success.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    failures: u32,
    /// Those among them that are no faults, and when the first one was.
    absences: u32,
    since: Option<Instant>,
}

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    state: Mutex<State>,
    /// Successes so far: a call that was cut asks whether there was one since it began.
    successes: AtomicU64,
    /// Failures in a row that open it; 0 for never.
    most: u32,
}

impl Breaker {
    /// A closed one, which so many failures in a row open; 0 for never.
    pub fn new(most: u32) -> Self {
        Self { state: Mutex::new(State::Closed(Row::default())), successes: AtomicU64::new(0), most }
    }

    /// What it does now.
    pub fn state(&self) -> BreakerState {
        match *self.lock() {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probing { .. } => BreakerState::Probing,
        }
    }

    /// The time after which a call that begins now may come again, if it would not be sent.
    pub fn refusal(&self) -> Option<Duration> {
        let until = match *self.lock() {
            State::Closed(_) => return None,
            State::Open { until, .. } => until,
            State::Probing { next, .. } => next,
        };
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Lets calls through again, on an operator's word. Returns whether it was not closed.
    pub fn close(&self) -> bool {
        let before = std::mem::replace(&mut *self.lock(), State::Closed(Row::default()));
        !matches!(before, State::Closed(_))
    }

    /// Whether a call may go; if not, after what time to come again.
    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();
        let (until, pause) = match *state {
            State::Closed(_) => return Ok(()),
            State::Open { until, pause } => (until, pause),
            State::Probing { next, pause } => (next, longer(pause)),
        };
        if now < until {
            return Err(until - now);
        }
        *state = State::Probing { next: now + pause, pause };
        Ok(())
    }

    fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
        *self.lock() = State::Closed(Row::default());
    }

    /// Returns whether this failure opens it.
    fn failed(&self, now: Instant, sign: Sign) -> bool {
        let mut state = self.lock();
        match &mut *state {
            State::Closed(row) => {
                row.failures = row.failures.saturating_add(1);
                // A single journey can have faults of its own for a long time: only many in a row, without a success, are the provider's.
                if sign != Sign::Fault {
                    row.absences = row.absences.saturating_add(1);
                    row.since.get_or_insert(now);
                }
                let long =
                    row.absences >= LEAST_FAILURES && row.since.is_some_and(|since| now.duration_since(since) >= MOST_TIME);
                if self.most == 0 || (row.failures < self.most && !long) {
                    return false;
                }
                *state = State::Open { until: now + PAUSES.0, pause: PAUSES.0 };
                true
            }
            // Of a call that began before it opened.
            State::Open { .. } => false,
            State::Probing { pause, .. } => {
                let pause = longer(*pause);
                *state = State::Open { until: now + pause, pause };
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(PAUSES.1)
}

/// What an attempt says about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It is there.
    Success,
    /// It is not there, or says that what is behind it is not.
    Absence,
    /// It answered with a fault of its own, of the kind 5xx.
    Fault,
    /// It did not answer in time.
    Slow,
    /// Nothing: the call was not sent.
    Nothing,
}

fn sign(result: &Result<OutboundResponse, ProviderError>) -> Sign {
    match result {
        Ok(response) => match response.status {
            // It has no such call, but it is there.
            StatusCode::NOT_IMPLEMENTED => Sign::Success,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Sign::Absence,
            status if status.is_server_error() => Sign::Fault,
            _ => Sign::Success,
        },
        Err(error) => match error.kind {
            // A provider's own 429 is an answer: this one comes from our limits.
            ErrorKind::RateLimited => Sign::Nothing,
            ErrorKind::Unavailable => Sign::Absence,
            ErrorKind::Timeout => Sign::Slow,
            _ => Sign::Success,
        },
    }
}

/// One attempt that was let through. If it is dropped before its end, its caller's time was over, or the caller left.
struct Admitted {
    breaker: Arc<Breaker>,
    provider: &'static str,
    began: Instant,
    successes: u64,
    waits: RoomWait,
    ended: bool,
}

impl Admitted {
    fn new(breaker: Arc<Breaker>, provider: &'static str, waits: RoomWait) -> Self {
        let successes = breaker.successes.load(Ordering::Relaxed);
        Self { breaker, provider, began: Instant::now(), successes, waits, ended: false }
    }

    fn end(mut self, sign: Sign) {
        self.ended = true;
        match sign {
            Sign::Success => self.breaker.succeeded(),
            Sign::Slow => self.slow(),
            Sign::Absence | Sign::Fault => self.failed(sign),
            Sign::Nothing => {}
        }
    }

    /// A provider that answered somebody meanwhile is there.
    fn slow(&self) {
        if self.breaker.successes.load(Ordering::Relaxed) == self.successes {
            self.failed(Sign::Slow);
        }
    }

    fn failed(&self, sign: Sign) {
        if self.breaker.failed(Instant::now(), sign) {
            tracing::warn!(provider = self.provider, "opened the breaker: calls end at once until the provider answers");
        }
    }
}

impl Drop for Admitted {
    /// A provider that is slower than its callers wait is of no use to them. It is not to blame where the time was short, or where its answer
    /// waited for room here.
    fn drop(&mut self) {
        if !self.ended && self.began.elapsed() >= SLOW && self.waits.total().is_zero() {
            self.slow();
        }
    }
}

/// The error of a call that an open breaker ends.
pub fn refused(provider: &'static str, stage: &'static str, pause: Duration) -> ProviderError {
    let mut error = ProviderError::new(ErrorKind::Unavailable, provider, stage)
        .with_detail("not sent: the provider has not answered for a while");
    error.retry_after = Some(pause);
    error
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
            return Box::pin(std::future::ready(Err(refused(provider, stage, pause))));
        }
        let waits = request.room_wait.clone();
        let (breaker, answer) = (self.guard.breaker.clone(), self.inner.call(request));
        Box::pin(async move {
            let admitted = Admitted::new(breaker, provider, waits);
            let result = answer.await;
            admitted.end(sign(&result));
            result
        })
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
