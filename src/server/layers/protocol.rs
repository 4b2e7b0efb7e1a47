//! Takes gRPC only: POST with a content type of gRPC (PROTOCOL-HTTP2.md) and metadata within a bound. Anything else is no call, whatever its
//! path.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tonic::body::Body;
use tower::{Layer, Service};

use super::refusal;

/// Makes [`GrpcOnly`].
#[derive(Debug, Clone, Copy)]
pub struct ProtocolLayer;

impl<S> Layer<S> for ProtocolLayer {
    type Service = GrpcOnly<S>;
    fn layer(&self, inner: S) -> GrpcOnly<S> {
        GrpcOnly(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct GrpcOnly<S>(S);

impl<S, Q> Service<Request<Q>> for GrpcOnly<S>
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
        let refused = match () {
            () if request.method() != Method::POST => StatusCode::METHOD_NOT_ALLOWED,
            () if !is_grpc(request.headers()) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            () if metadata_bytes(&request) > MAX_METADATA_BYTES => {
                return Either::Right(ready(Ok(refusal::metadata_too_large().into_http())));
            }
            () => return Either::Left(self.0.call(request)),
        };
        // The HTTP status is for whatever client this is; a gRPC client reads the other one.
        let mut response: Response<Body> = refusal::not_grpc().into_http();
        *response.status_mut() = refused;
        if refused == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        Either::Right(ready(Ok(response)))
    }
}

/// Most bytes of a call's path and metadata. A token of a large identity provider takes some 8 KiB. The connection itself takes more, so that a
/// call beyond this bound is answered with a reason.
pub(in crate::server) const MAX_METADATA_BYTES: usize = 32 * 1024;

/// What HTTP/2 counts as the size of a header list (RFC 9113, section 10.5.1), its short pseudo-headers apart.
fn metadata_bytes<Q>(request: &Request<Q>) -> usize {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    request.uri().path().len() + fields.sum::<usize>()
}

/// `application/grpc`, alone or with a suffix or parameters. `application/grpc-web` is another protocol.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = kind.get(.."application/grpc".len()).filter(|kind| kind.eq_ignore_ascii_case(b"application/grpc"));
    rest.is_some() && matches!(kind.get("application/grpc".len()), None | Some(b'+' | b';' | b' '))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::Status;
    use tonic_types::StatusExt;

    use super::*;

    async fn answered(method: Method, kind: Option<&str>) -> Response<Body> {
        let inner = tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let mut request = Request::builder().method(method).uri("/x").body(()).unwrap();
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        ProtocolLayer.layer(inner).call(request).await.unwrap()
    }

    #[tokio::test]
    async fn metadata_beyond_the_bound_is_refused_with_a_reason() {
        let inner = tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        for (fields, refused) in [(30, false), (31, true)] {
            let mut request = Request::builder().method(Method::POST).uri("/x").body(()).unwrap();
            request.headers_mut().insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap());
            for _ in 0..fields {
                request.headers_mut().append("x-large", "y".repeat(1024).parse().unwrap());
            }
            let response = ProtocolLayer.layer(inner).call(request).await.unwrap();
            let status = Status::from_header_map(response.headers());
            assert_eq!(status.is_some(), refused, "{fields}");
            let reason = status.map(|status| (status.code(), status.get_details_error_info().unwrap().reason));
            assert!(reason.is_none_or(|told| told == (tonic::Code::ResourceExhausted, "REQUEST_TOO_LARGE".to_owned())));
        }
    }

    #[tokio::test]
    async fn only_a_post_of_grpc_is_a_call() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "Application/gRPC"] {
            assert_eq!(answered(Method::POST, Some(kind)).await.status(), 200, "{kind}");
        }
        for kind in [None, Some(""), Some("application/json"), Some("application/grpc-web"), Some("application/grpcx")] {
            let response = answered(Method::POST, kind).await;
            assert_eq!(response.status(), 415, "{kind:?}");
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_GRPC");
        }
        for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::HEAD, Method::CONNECT] {
            let response = answered(method.clone(), Some("application/grpc")).await;
            assert_eq!((response.status().as_u16(), response.headers()["allow"].as_bytes()), (405, &b"POST"[..]), "{method}");
        }
    }
}
