//! Refuses calls while the process has as many in progress as it takes: cheaply, before anybody is asked who he is, so that what is in
//! progress gets done.
//!
//! A call takes a place when its head arrives and gives it back when its answer is read, when its caller leaves, or soon after its deadline.
//! Health and reflection need no proof, so each connection has a few places for them, apart from those of calls: they cannot keep a call
//! out, and a probe is answered whatever else is refused. Watches last for ever and do next to nothing; they have a limit of their own.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{held::Held, paths};
use crate::{
    journey::error::{Exceeded, JourneyError},
    rpc::status,
    server::connections::Connection,
};

/// When to try again: a stream has to end first.
const SOON: Duration = Duration::from_secs(1);

/// Makes [`Shed`].
#[derive(Debug, Clone)]
pub struct ShedLayer {
    room: Arc<Semaphore>,
}

impl ShedLayer {
    /// A layer that lets so many calls be in progress.
    pub fn new(most: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))) }
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;
    fn layer(&self, inner: S) -> Shed<S> {
        Shed { inner, room: self.room.clone() }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Shed<S> {
    inner: S,
    room: Arc<Semaphore>,
}

impl<S> Shed<S> {
    /// The places for this request, and the refusal where there is none left; nothing where it needs none.
    fn room<Q>(&self, request: &Request<Q>) -> Option<(Arc<Semaphore>, JourneyError)> {
        let (path, connection) = (request.uri().path(), request.extensions().get::<Arc<Connection>>());
        // One client's own streams are at fault here, so the code is not one on which an alert counts failures of the gateway.
        let own = |limit| JourneyError::RateLimited(Exceeded { limit, after: SOON });
        match () {
            () if paths::is_watch(path) => None,
            () if paths::is_health(path) => connection.map(|one| (one.health.clone(), own("max_health_streams"))),
            () if paths::is_reflection(path) => connection.map(|one| (one.reflection.clone(), own("max_reflection_streams"))),
            () => Some((self.room.clone(), JourneyError::Overloaded)),
        }
    }
}

impl<S, Q> Service<Request<Q>> for Shed<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let Some((room, refusal)) = self.room(&request) else { return Box::pin(self.inner.call(request)) };
        let Ok(place) = room.try_acquire_owned() else {
            return Box::pin(std::future::ready(Ok(status::of(refusal).into_http())));
        };
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map(|response| hold(response, place)) })
    }
}

fn hold(response: Response<Body>, place: OwnedSemaphorePermit) -> Response<Body> {
    response.map(|body| Held::body(body, place))
}

#[cfg(test)]
#[path = "shed_tests.rs"]
mod tests;
