//! Bounds the calls of one credential that are under way. A call that finds them all under way waits for its turn, but only for a part of its
//! time: a provider that does not answer must not fill the gateway with calls that wait, each of which has a caller and a journey.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tower::{Layer, Service};

use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::{OutboundRequest, OutboundResponse},
};

/// The part of a call's time that it may wait for its turn, and the longest wait.
const WAIT: (u32, Duration) = (4, Duration::from_secs(5));
/// Calls that wait for each one that may be under way. More would be memory without use: they would wait too long.
const WAITING: usize = 16;
/// When to come again. A call under way ends at some time, so a turn may be free soon.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// Makes [`Concurrency`]. All that it makes share one bound.
#[derive(Debug, Clone)]
pub struct ConcurrencyLayer {
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct Turns {
    semaphore: Arc<Semaphore>,
    most: usize,
    waiting: AtomicUsize,
    pace: Mutex<Pace>,
}

/// How fast turns become free.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// When a turn was last given or became free.
    moved: Instant,
    /// How long calls take, by a moving mean of eight.
    mean: Duration,
}

impl ConcurrencyLayer {
    /// A layer that lets so many calls be under way.
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let pace = Mutex::new(Pace { moved: Instant::now(), mean: Duration::ZERO });
        let (semaphore, waiting) = (Arc::new(Semaphore::new(most)), AtomicUsize::new(0));
        Self { turns: Arc::new(Turns { semaphore, most, waiting, pace }) }
    }

    /// What a call that begins now would be refused with, without being sent.
    pub fn refusal(&self, provider: &'static str, stage: &'static str, deadline: Instant) -> Option<ProviderError> {
        let turns = &self.turns;
        let late = turns.semaphore.available_permits() == 0 && turns.expected() > allowed(deadline);
        late.then(|| refused(provider, stage))
    }
}

/// How long a call with this deadline may wait.
fn allowed(deadline: Instant) -> Duration {
    (deadline.saturating_duration_since(Instant::now()) / WAIT.0).min(WAIT.1)
}

/// The error of a call that got no turn. Nothing was sent, whatever the call is: so a write had no effect.
fn refused(provider: &'static str, stage: &'static str) -> ProviderError {
    let mut error = ProviderError::new(ErrorKind::RateLimited, provider, stage)
        .with_detail("not sent: too many calls of the credential are under way");
    error.retry_after = Some(COME_AGAIN);
    error
}

impl Turns {
    /// How long a call that comes now would wait, if calls go on to take as long as they did. While no call ends, it is at least the time
    /// since the last one ended.
    fn expected(&self) -> Duration {
        let Pace { moved, mean } = *self.pace();
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting >= self.most.saturating_mul(WAITING) {
            return Duration::MAX;
        }
        let rounds = (waiting + 1) as f64 / self.most as f64;
        mean.mul_f64(rounds).max(moved.elapsed())
    }

    /// Waits for a turn, within the time that the call has for it.
    async fn wait(self: &Arc<Self>, request: &OutboundRequest) -> Result<Turn, ProviderError> {
        let refused = || refused(request.provider, request.stage);
        let permit = match self.semaphore.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let allowed = allowed(request.deadline);
                if self.expected() > allowed {
                    return Err(refused());
                }
                let _waiting = Waiting::new(self);
                match timeout_at(Instant::now() + allowed, self.semaphore.clone().acquire_owned()).await {
                    Ok(Ok(permit)) => permit,
                    _ => return Err(refused()),
                }
            }
        };
        let began = Instant::now();
        self.pace().moved = began;
        Ok(Turn { turns: self.clone(), began, _permit: permit })
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits, until it is dropped.
struct Waiting<'a>(&'a Turns);

impl<'a> Waiting<'a> {
    fn new(turns: &'a Turns) -> Self {
        turns.waiting.fetch_add(1, Ordering::Relaxed);
        Self(turns)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call that is under way, until it is dropped.
struct Turn {
    turns: Arc<Turns>,
    began: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut pace = self.turns.pace();
        pace.mean = (pace.mean * 7 + now.saturating_duration_since(self.began)) / 8;
        pace.moved = now;
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
    turns: Arc<Turns>,
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
            let turn = turns.wait(&request).await?;
            let answer = inner.call(request).await;
            drop(turn);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
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

    fn hanging() -> impl Service<
        OutboundRequest,
        Response = OutboundResponse,
        Error = ProviderError,
        Future = std::future::Pending<Result<OutboundResponse, ProviderError>>,
    > + Clone
    + Send
    + 'static {
        service_fn(|_: OutboundRequest| std::future::pending::<Result<OutboundResponse, ProviderError>>())
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_gets_no_turn_was_never_sent() {
        let service = ConcurrencyLayer::new(1).layer(hanging());
        let first = tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Write)));
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let error = service.oneshot(OutboundRequest::for_test(CallKind::Write)).await.unwrap_err();
        // A quarter of its 30 s would be longer than the longest wait.
        assert_eq!((error.kind, error.effect, begin.elapsed().as_secs()), (ErrorKind::RateLimited, Effect::None, 5));
        assert_eq!(error.retry_after, Some(COME_AGAIN));
        first.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_a_quarter_of_its_time() {
        let service = ConcurrencyLayer::new(1).layer(hanging());
        let first = tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Read)));
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(2);
        service.oneshot(OutboundRequest { deadline, ..OutboundRequest::for_test(CallKind::Read) }).await.unwrap_err();
        assert_eq!(begin.elapsed(), Duration::from_millis(500));
        first.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_refused_at_once_while_no_call_ends() {
        let layer = ConcurrencyLayer::new(2);
        let service = layer.layer(hanging());
        let soon = || Instant::now() + Duration::from_secs(2);
        assert!(layer.refusal("test", "call", soon()).is_none(), "a turn is free");
        let held: Vec<_> =
            (0..2).map(|_| tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Read)))).collect();
        tokio::task::yield_now().await;
        assert!(layer.refusal("test", "call", soon()).is_none(), "it may still be quick");
        tokio::time::advance(Duration::from_secs(1)).await;
        let refusal = layer.refusal("test", "call", soon()).unwrap();
        assert_eq!((refusal.kind, refusal.effect), (ErrorKind::RateLimited, Effect::None));
        let begin = Instant::now();
        let request = OutboundRequest { deadline: soon(), ..OutboundRequest::for_test(CallKind::Read) };
        service.clone().oneshot(request).await.unwrap_err();
        assert_eq!(begin.elapsed(), Duration::ZERO);
        held.into_iter().for_each(|call| call.abort());
        while layer.turns.semaphore.available_permits() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(layer.refusal("test", "call", soon()).is_none(), "a turn is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_sixteen_calls_wait_for_each_turn() {
        let layer = ConcurrencyLayer::new(1);
        let service = layer.layer(hanging());
        let calls: Vec<_> =
            (0..40).map(|_| tokio::spawn(service.clone().oneshot(OutboundRequest::for_test(CallKind::Read)))).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(layer.turns.waiting.load(Ordering::SeqCst), WAITING);
        calls.into_iter().for_each(|call| call.abort());
        while layer.turns.waiting.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }
}
