//! Lets a caller do what he may, and nothing else: a method that the contract does not name has no rule and is nobody's.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{paths, refusal};
use crate::{
    access::{Caller, rules},
    telemetry::metrics::rpc::known,
};

/// Makes [`Scoped`].
#[derive(Debug, Clone, Copy)]
pub struct ScopeLayer;

impl<S> Layer<S> for ScopeLayer {
    type Service = Scoped<S>;
    fn layer(&self, inner: S) -> Scoped<S> {
        Scoped(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Scoped<S>(S);

impl<S, Q> Service<Request<Q>> for Scoped<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let path = request.uri().path();
        // Every caller may read the descriptors: they have no scope.
        if paths::is_health(path) || paths::is_reflection(path) {
            return match known(path) {
                Some(_) => Either::Left(self.0.call(request)),
                None => Either::Right(ready(Ok(refusal::unimplemented().into_http()))),
            };
        }
        let refused = match (rules::required(path), request.extensions().get::<Arc<Caller>>()) {
            (Some(scope), Some(caller)) if caller.may(scope) => return Either::Left(self.0.call(request)),
            (Some(scope), Some(_)) => refusal::scope_missing(scope),
            (None, Some(_)) => refusal::unimplemented(),
            // The layer before lets nobody through; were it ever left out, nobody would get here.
            (_, None) => refusal::unauthenticated(),
        };
        Either::Right(ready(Ok(refused.into_http())))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::access::{Scope, Scopes};

    async fn answered(path: &str, scopes: Option<Scopes>) -> String {
        let inner = tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let mut request = Request::builder().uri(path).body(()).unwrap();
        if let Some(scopes) = scopes {
            let caller = Caller { tenant: "demo".into(), name: "test".into(), scopes };
            request.extensions_mut().insert(Arc::new(caller));
        }
        let response = ScopeLayer.layer(inner).call(request).await.unwrap();
        response.headers().get("grpc-status").map_or("passed".to_owned(), |code| code.to_str().unwrap().to_owned())
    }

    const STATUS: &str = "/sangam.v1.JourneyService/GetStatus";

    #[tokio::test]
    async fn a_call_passes_with_the_scope_of_its_method_only() {
        let reads = Scopes::from_iter([Scope::JourneysRead]);
        assert_eq!(answered(STATUS, Some(reads)).await, "passed");
        assert_eq!(answered(STATUS, Some(Scopes::all().without(Scope::JourneysRead))).await, "7");
        assert_eq!(answered(STATUS, None).await, "16");
    }

    #[tokio::test]
    async fn what_the_contract_does_not_name_is_unimplemented_for_callers_and_nothing_for_others() {
        for path in ["/sangam.v1.JourneyService/Nothing", "/sangam.v1.New/GetStatus", "/", "/metrics"] {
            assert_eq!(answered(path, Some(Scopes::all())).await, "12", "{path}");
            assert_eq!(answered(path, None).await, "16", "{path}");
        }
        assert_eq!(answered("/grpc.health.v1.Health/Check", None).await, "passed");
        for path in ["/grpc.health.v1.Health/Asha", "/grpc.health.v1.Health/%FF", "/grpc.reflection.v1.X/Y"] {
            assert_eq!(answered(path, None).await, "12", "{path}");
        }
    }
}
