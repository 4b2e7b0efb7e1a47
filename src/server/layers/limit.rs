//! Bounds what the callers of each tenant do, so that those of one do not slow those of another. It stands inside whatever says who calls.
//! Health is no tenant's and always passes.
//!
//! A call that gets this far is accepted, so its connection gets a lasting place here. Then its tenant and its caller take a place of their
//! share, and last the tenant's own limits are asked.

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

use super::{
    held::Held,
    paths,
    share::{Share, Shares},
};
use crate::{
    access::{Caller, TenantId},
    config::{Tenant, TenantLimits},
    journey::error::{Exceeded, JourneyError},
    resilience::bucket::Bucket,
    rpc::status,
    server::connections::Connection,
};

/// When to try again where a call has to end first.
const SOON: Duration = Duration::from_secs(1);

/// Makes [`Limit`].
#[derive(Debug, Clone)]
pub struct LimitLayer {
    limits: Arc<Limits>,
}

#[derive(Debug)]
struct Limits {
    tenants: BTreeMap<TenantId, Bounds>,
    shares: Option<Arc<Shares>>,
}

/// The bounds of a tenant, and what is left within them.
#[derive(Debug)]
struct Bounds {
    rate: Option<Bucket>,
    calls: Option<Arc<Semaphore>>,
    watches: Option<Arc<Semaphore>>,
}

impl LimitLayer {
    /// A layer with the limits of these tenants. A tenant without any has its share only; without shares it is not bounded here.
    pub fn new<'a>(tenants: impl IntoIterator<Item = &'a Tenant>, shares: Option<Shares>) -> Self {
        let bounded = tenants.into_iter().filter(|tenant| tenant.limits != TenantLimits::default());
        let bounds = bounded.map(|tenant| (tenant.id.as_str().into(), Bounds::new(&tenant.limits)));
        Self { limits: Arc::new(Limits { tenants: bounds.collect(), shares: shares.map(Arc::new) }) }
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

/// What a call holds until its answer is read.
#[derive(Debug)]
struct Place {
    _share: Option<Share>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Limits {
    /// Lets a call in; what it holds meanwhile, if anything bounds its kind.
    fn enter<Q>(&self, request: &Request<Q>) -> Result<Option<Place>, JourneyError> {
        let (path, extensions) = (request.uri().path(), request.extensions());
        let Some(caller) = extensions.get::<Arc<Caller>>().filter(|_| !paths::is_health(path)) else { return Ok(None) };
        if extensions.get::<Arc<Connection>>().is_some_and(|connection| !connection.accept()) {
            return Err(JourneyError::Overloaded);
        }
        let share = self.shares.as_ref().map(|shares| shares.take(caller, paths::is_watch(path)));
        let share = share.transpose().map_err(JourneyError::RateLimited)?;
        let bounds = self.tenants.get(&*caller.tenant);
        let permit = bounds.map_or(Ok(None), |bounds| bounds.enter(path)).map_err(JourneyError::RateLimited)?;
        Ok((share.is_some() || permit.is_some()).then_some(Place { _share: share, _permit: permit }))
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;
    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, limits: self.limits.clone() }
    }
}

type Answer<E> = Result<Response<Body>, E>;

/// See the module.
#[derive(Debug, Clone)]
pub struct Limit<S> {
    inner: S,
    limits: Arc<Limits>,
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
        match self.limits.enter(&request) {
            Ok(None) => Either::Left(self.inner.call(request)),
            Ok(Some(place)) => {
                let answer = self.inner.call(request);
                let held = async move { answer.await.map(|response| response.map(|body| Held::body(body, place))) };
                Either::Right(Either::Right(Box::pin(held)))
            }
            Err(refused) => Either::Right(Either::Left(ready(Ok(status::of(refused).into_http())))),
        }
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
