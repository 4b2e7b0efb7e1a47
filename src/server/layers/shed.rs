//! Refuses calls while the process has as many in progress as it takes: cheaply, before anybody is asked who he is, so that what is in
//! progress gets done. Health is always answered. Watches last for ever and do next to nothing; they have a limit of their own.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{held::Held, paths};
use crate::{journey::error::JourneyError, rpc::status};

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
        let path = request.uri().path();
        if paths::is_health(path) || paths::is_watch(path) {
            return Box::pin(self.inner.call(request));
        }
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            return Box::pin(std::future::ready(Ok(status::of(JourneyError::Overloaded).into_http())));
        };
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map(|response| response.map(|body| Held::body(body, permit))) })
    }
}

#[cfg(test)]
#[path = "shed_tests.rs"]
mod tests;
