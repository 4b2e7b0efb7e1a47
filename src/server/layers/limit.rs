//! Bounds what the callers of each tenant do, so that those of one do not slow those of another. It stands inside whatever says who calls.
//! Health is no tenant's and always passes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either, Ready, ready};
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{held::Held, paths};
use crate::{
    access::{Caller, TenantId},
    config::{Tenant, TenantLimits},
    journey::error::{Exceeded, JourneyError},
    resilience::bucket::Bucket,
    rpc::status,
};

/// When to try again where a call has to end first.
const SOON: Duration = Duration::from_secs(1);

/// Makes [`Limit`].
#[derive(Debug, Clone)]
pub struct LimitLayer {
    tenants: Arc<BTreeMap<TenantId, Bounds>>,
}

/// The bounds of a tenant, and what is left within them.
#[derive(Debug)]
struct Bounds {
    rate: Option<Bucket>,
    calls: Option<Arc<Semaphore>>,
    watches: Option<Arc<Semaphore>>,
}

impl LimitLayer {
    /// A layer with the limits of these tenants. A tenant without any is not bounded here.
    pub fn new<'a>(tenants: impl IntoIterator<Item = &'a Tenant>) -> Self {
        let bounded = tenants.into_iter().filter(|tenant| tenant.limits != TenantLimits::default());
        let bounds = bounded.map(|tenant| (tenant.id.as_str().into(), Bounds::new(&tenant.limits)));
        Self { tenants: Arc::new(bounds.collect()) }
    }
}

impl Bounds {
    fn new(limits: &TenantLimits) -> Self {
        let room = |most: Option<u32>| most.map(|most| Arc::new(Semaphore::new(most as usize)));
        let rate = limits.calls_per_second.map(|rate| Bucket::new(rate, limits.burst.unwrap_or(rate)));
        Self { rate, calls: room(limits.concurrent_calls), watches: room(limits.watch_streams) }
    }

    /// Lets a call in; what it holds meanwhile, if there is a bound for its kind.
    fn enter(&self, path: &str) -> Result<Option<OwnedSemaphorePermit>, Exceeded> {
        let (room, limit) = match paths::is_watch(path) {
            true => (&self.watches, "watch_streams"),
            false => (&self.calls, "concurrent_calls"),
        };
        // The room first: a call that finds none does not use the rate up as well.
        let held = match room.clone().map(Semaphore::try_acquire_owned) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => return Err(Exceeded { limit, after: SOON }),
        };
        let taken = self.rate.as_ref().map_or(Ok(()), Bucket::take);
        taken.map_err(|after| Exceeded { limit: "calls_per_second", after })?;
        Ok(held)
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;
    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, tenants: self.tenants.clone() }
    }
}

type Answer<E> = Result<Response<Body>, E>;

/// See the module.
#[derive(Debug, Clone)]
pub struct Limit<S> {
    inner: S,
    tenants: Arc<BTreeMap<TenantId, Bounds>>,
}

impl<S, Q> Service<Request<Q>> for Limit<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Either<Ready<Answer<S::Error>>, BoxFuture<'static, Answer<S::Error>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let caller = request.extensions().get::<Arc<Caller>>();
        let bounds = caller.and_then(|caller| self.tenants.get(&*caller.tenant));
        let Some(bounds) = bounds.filter(|_| !paths::is_health(request.uri().path())) else {
            return Either::Left(self.inner.call(request));
        };
        match bounds.enter(request.uri().path()) {
            Ok(None) => Either::Left(self.inner.call(request)),
            Ok(Some(permit)) => {
                let answer = self.inner.call(request);
                let held = async move { answer.await.map(|response| response.map(|body| Held::body(body, permit))) };
                Either::Right(Either::Right(Box::pin(held)))
            }
            Err(exceeded) => {
                let refusal = status::of(JourneyError::RateLimited(exceeded)).into_http();
                Either::Right(Either::Left(ready(Ok(refusal))))
            }
        }
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
