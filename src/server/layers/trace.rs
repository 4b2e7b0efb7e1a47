//! One server span for each rpc, below the caller's own, and one log line at its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::call_id::CallId;
use crate::telemetry::propagation;

/// Makes [`Trace`].
#[derive(Debug, Clone, Copy)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;
    fn layer(&self, inner: S) -> Trace<S> {
        Trace(inner)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Trace<S>(S);

impl<S, Q> Service<Request<Q>> for Trace<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let mut ending = Ending::begin(span(&request), request.uri().path().starts_with("/grpc.health.v1."));
        let span = ending.span.clone();
        let answer = span.in_scope(|| self.0.call(request));
        let future = async move {
            let response = answer.await?;
            // A refusal has its status in the head; everything else in the trailers.
            if let Some(code) = code(response.headers()) {
                ending.end(code);
            }
            Ok(response.map(|body| Body::new(Traced { body, ending })))
        };
        Box::pin(future.instrument(span))
    }
}

/// The span, with its parent set before anything enters it: afterwards it would be too late.
fn span<Q>(request: &Request<Q>) -> Span {
    let (service, method) = names(request.uri().path());
    let span = tracing::info_span!(
        "rpc",
        otel.name = format!("{service}/{method}"),
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        cache = Empty,
        call_id = Empty,
    );
    if let Some(CallId(id)) = request.extensions().get() {
        span.record("call_id", tracing::field::display(id));
    }
    // Fails where no spans are collected at all.
    let _ = span.set_parent(propagation::extract(request.headers()));
    span
}

/// Service and method of a path. Words that nobody has defined are not written: a caller can put anything there.
fn names(path: &str) -> (&str, &str) {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    let known = parts.filter(|(service, method)| {
        let ours = ["sangam.v1.", "grpc.health.v1.", "grpc.reflection."].iter().any(|prefix| service.starts_with(prefix));
        let plain = |word: &str| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        ours && plain(method) && service.split('.').all(|word| plain(word) || matches!(word, "v1"))
    });
    known.unwrap_or(("unknown", "unknown"))
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// Writes down how the call ended, once. A caller who goes away drops it: CANCELLED.
struct Ending {
    span: Span,
    begin: Instant,
    /// Probes come every few seconds for ever: their lines are written at the level `debug` only.
    is_probe: bool,
    ended: bool,
}

impl Ending {
    fn begin(span: Span, is_probe: bool) -> Self {
        Self { span, begin: Instant::now(), is_probe, ended: false }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.span.record("rpc.grpc.status_code", code as i32);
        // Only what is the server's fault makes a server span an error (OpenTelemetry's convention for rpc spans).
        let faults =
            [Code::Unknown, Code::DeadlineExceeded, Code::Unimplemented, Code::Internal, Code::Unavailable, Code::DataLoss];
        if faults.contains(&code) {
            self.span.record("otel.status_code", "ERROR");
        }
        let elapsed_ms = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| match self.is_probe {
            true => tracing::debug!(code = ?code, elapsed_ms, "rpc ended"),
            false => tracing::info!(code = ?code, elapsed_ms, "rpc ended"),
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

struct Traced {
    body: Body,
    ending: Ending,
}

impl http_body::Body for Traced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.ending.span.clone();
        // What a stream does while it is polled belongs to the call.
        let polled = span.in_scope(|| Pin::new(&mut self.body).poll_frame(cx));
        let end = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.trailers_ref().and_then(code),
            Poll::Ready(Some(Err(status))) => Some(status.code()),
            Poll::Ready(None) => Some(Code::Unknown),
            Poll::Pending => None,
        };
        if let Some(code) = end {
            self.ending.end(code);
        }
        polled
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
    use super::*;

    #[test]
    fn only_plain_names_of_known_services_are_written() {
        assert_eq!(names("/sangam.v1.JourneyService/GetStatus"), ("sangam.v1.JourneyService", "GetStatus"));
        assert_eq!(names("/grpc.health.v1.Health/Check"), ("grpc.health.v1.Health", "Check"));
        for path in ["/", "", "/a/b", "/sangam.v1.JourneyService/9000000001", "/sangam.v1.AAAPA0001A/Get", "/sangam.v1.X/a/b"] {
            assert_eq!(names(path), ("unknown", "unknown"), "{path}");
        }
    }
}
