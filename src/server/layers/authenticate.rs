//! Lets in only whoever proves who he is, and puts beside each call who makes it.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{BoxFuture, Either};
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{paths, refusal};
use crate::access::{
    Caller, Gate, Refused,
    gate::{Verdict, forget},
    peer::Peer,
};

/// Makes [`Authenticated`].
#[derive(Clone)]
pub struct AuthenticateLayer {
    /// Who is let in.
    pub gate: Arc<Gate>,
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticated<S>;
    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, gate: self.gate.clone() }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Authenticated<S> {
    inner: S,
    gate: Arc<Gate>,
}

/// The answer: of the call, of the gate at once, or of either later.
type Answer<F> = Either<F, Either<Ready<Done>, BoxFuture<'static, Done>>>;
type Done = Result<Response<Body>, Infallible>;

impl<S, Q> Service<Request<Q>> for Authenticated<S>
where
    S: Service<Request<Q>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    Q: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        if paths::is_health(request.uri().path()) {
            return Either::Left(self.inner.call(request));
        }
        let peer = request.extensions().get::<Arc<Peer>>().map(Arc::as_ref);
        let verdict = self.gate.judge(request.headers(), peer);
        forget(request.headers_mut());
        match verdict {
            Verdict::Caller(caller) => Either::Left(self.inner.call(of(request, caller))),
            Verdict::Refused(refused) => Either::Right(Either::Left(ready(Ok(refuse(refused))))),
            Verdict::Later(later) => {
                // The one that is ready goes along, and its copy stays.
                let copy = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, copy);
                Either::Right(Either::Right(Box::pin(async move {
                    match later.await {
                        Ok(caller) => inner.call(of(request, caller)).await,
                        Err(refused) => Ok(refuse(refused)),
                    }
                })))
            }
        }
    }
}

fn of<Q>(mut request: Request<Q>, caller: Arc<Caller>) -> Request<Q> {
    request.extensions_mut().insert(caller);
    request
}

fn refuse(refused: Refused) -> Response<Body> {
    // Which check has failed helps who guards the gateway, and who attacks it: it stands here only.
    tracing::warn!(cause = refused.word(), "a caller was not let in");
    match refused {
        Refused::KeysMissing => refusal::issuer_unavailable(),
        _ => refusal::unauthenticated(),
    }
    .into_http()
}
