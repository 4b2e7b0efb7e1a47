//! Gives every error that leaves the gateway an ErrorInfo. What the rpcs and the layers answer has one already; what tonic answers by itself,
//! before an rpc is reached, has none, and a text of its decoder that can quote the request. Here such an answer gets a fixed text, a
//! reason, and the code that says whose fault it is: a damaged request is the caller's, so it is no INTERNAL.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::refusal;

/// Where a status has its details.
const DETAILS: &str = "grpc-status-details-bin";

/// Makes [`Explain`].
#[derive(Debug, Clone, Copy)]
pub struct ExplainLayer;

impl<S> Layer<S> for ExplainLayer {
    type Service = Explain<S>;
    fn layer(&self, inner: S) -> Explain<S> {
        Explain(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Explain<S>(S);

impl<S, Q> Service<Request<Q>> for Explain<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let compressed = request.headers().contains_key("grpc-encoding");
        Answer { answer: self.0.call(request), compressed }
    }
}

/// The answer with its reason.
pub struct Answer<F> {
    answer: F,
    compressed: bool,
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let compressed = self.compressed;
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(answer.map(|mut response| {
            if let Some(status) = bare(response.headers(), compressed) {
                replace(response.headers_mut(), &status);
                return response;
            }
            // A head with a status is the whole answer; any other has its status in the trailers.
            if response.headers().contains_key(Status::GRPC_STATUS) {
                return response;
            }
            response.map(|body| Body::new(Explained { body, compressed }))
        }))
    }
}

/// The status that takes the place of an error without details; none where there is no error, or one that has its details.
fn bare(headers: &HeaderMap, compressed: bool) -> Option<Status> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    (code != Code::Ok && !headers.contains_key(DETAILS)).then(|| explained(code, compressed))
}

/// What a bare code of tonic means. Each of them is answered before an rpc begins, so nothing was done.
fn explained(code: Code, compressed: bool) -> Status {
    match code {
        // Tonic says the first of a plain message and the second of one that grows too large as it is unpacked.
        Code::OutOfRange | Code::ResourceExhausted => refusal::request_too_large(),
        // An encoding that is not offered; the list of those that are stays in the head.
        Code::Unimplemented if compressed => refusal::compression_unknown(),
        Code::Unimplemented => refusal::unimplemented(),
        // The sender went away, or reset the stream, before its message was whole.
        Code::Cancelled | Code::Unknown | Code::Unavailable => refusal::abandoned(),
        Code::NotFound => refusal::health_name_unknown(),
        // The message is damaged: it cannot be unpacked or decoded, ends too early, or is missing.
        _ => refusal::request_unreadable(),
    }
}

fn replace(headers: &mut HeaderMap, status: &Status) {
    headers.remove(Status::GRPC_MESSAGE);
    headers.remove(DETAILS);
    headers.extend(refusal::trailers(status));
}

/// A body whose trailers get a reason.
struct Explained {
    body: Body,
    compressed: bool,
}

impl http_body::Body for Explained {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let compressed = self.compressed;
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|mut frame| {
                if let Some(trailers) = frame.trailers_mut()
                    && let Some(status) = bare(trailers, compressed)
                {
                    replace(trailers, &status);
                }
                frame
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::BodyExt;
    use tonic_types::StatusExt;

    use super::*;

    async fn answered(status: Status, compressed: bool) -> Status {
        let inner = tower::service_fn(move |_: Request<()>| std::future::ready(Ok::<_, Infallible>(status.clone().into_http())));
        let mut request = Request::new(());
        if compressed {
            request.headers_mut().insert("grpc-encoding", "br".parse().unwrap());
        }
        let response = ExplainLayer.layer(inner).call(request).await.unwrap();
        Status::from_header_map(response.headers()).unwrap()
    }

    #[tokio::test]
    async fn each_bare_code_gets_its_reason_and_a_fixed_text() {
        for (bare, compressed, code, reason) in [
            (Code::OutOfRange, false, Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
            (Code::ResourceExhausted, true, Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
            (Code::Internal, false, Code::InvalidArgument, "REQUEST_UNREADABLE"),
            (Code::Unimplemented, true, Code::Unimplemented, "COMPRESSION_UNKNOWN"),
            (Code::Unimplemented, false, Code::Unimplemented, "METHOD_UNKNOWN"),
            (Code::Cancelled, false, Code::Cancelled, "CALL_ABANDONED"),
            (Code::Unknown, false, Code::Cancelled, "CALL_ABANDONED"),
            (Code::NotFound, false, Code::NotFound, "HEALTH_NAME_UNKNOWN"),
        ] {
            let status = answered(Status::new(bare, "AAAPA0001A of the decoder"), compressed).await;
            let info = status.get_details_error_info().unwrap();
            assert_eq!((status.code(), info.reason.as_str()), (code, reason), "{bare:?}");
            assert_eq!(info.metadata["effect"], "NONE");
            assert!(!status.message().contains("AAAPA"), "{status:?}");
        }
    }

    #[tokio::test]
    async fn a_status_with_details_stays_as_it_is() {
        let kept = answered(refusal::internal(), true).await;
        assert_eq!((kept.code(), kept.get_details_error_info().unwrap().reason.as_str()), (Code::Internal, "INTERNAL"));
        let fine = answered(Status::ok(""), false).await;
        assert_eq!((fine.code(), fine.details().len()), (Code::Ok, 0));
    }

    #[tokio::test]
    async fn trailers_get_a_reason_too() {
        let inner = tower::service_fn(|_: Request<()>| {
            let frames =
                [Ok::<_, Status>(Frame::data(Bytes::from_static(b"x"))), Ok(Frame::trailers(trailers_of(Code::Internal)))];
            let body = http_body_util::StreamBody::new(tokio_stream::iter(frames));
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::new(body))))
        });
        let response = ExplainLayer.layer(inner).call(Request::new(())).await.unwrap();
        let whole = response.into_body().collect().await.unwrap();
        let status = Status::from_header_map(whole.trailers().unwrap()).unwrap();
        assert_eq!(status.get_details_error_info().unwrap().reason, "REQUEST_UNREADABLE");
    }

    fn trailers_of(code: Code) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from(code as i32));
        trailers
    }
}
