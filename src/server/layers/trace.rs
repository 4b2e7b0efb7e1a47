//! One server span for each rpc, below the caller's own; one log line and one measurement at its end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::call_id::CallId;
use crate::telemetry::{
    metrics::{
        RpcMeter,
        rpc::{Rpc, known},
    },
    propagation,
};

/// Makes [`Trace`].
#[derive(Debug, Clone)]
pub struct TraceLayer {
    /// Measures the calls.
    pub meter: RpcMeter,
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;
    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner, meter: self.meter.clone() }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Trace<S> {
    inner: S,
    meter: RpcMeter,
}

impl<S, Q> Service<Request<Q>> for Trace<S>
where
    S: Service<Request<Q>, Response = Response<Body>>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let ending = Ending::begin(span(&request), request.uri().path(), self.meter.clone());
        let answer = ending.span.in_scope(|| self.inner.call(request));
        Answer { answer, ending: Some(ending) }
    }
}

/// The answer inside its span.
pub struct Answer<F> {
    answer: F,
    /// Goes on into the body.
    ending: Option<Ending>,
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { answer, ending } = self.get_mut();
        let answer = match ending {
            Some(Ending { span, .. }) => ready!(span.in_scope(|| Pin::new(answer).poll(cx))),
            None => ready!(Pin::new(answer).poll(cx)),
        };
        let Some(mut ending) = ending.take() else { return Poll::Ready(answer) };
        Poll::Ready(answer.map(|response| {
            // A refusal has its status in the head; everything else in the trailers.
            if let Some(code) = code(response.headers()) {
                ending.end(code);
            }
            response.map(|body| Body::new(Traced { body, ending }))
        }))
    }
}

/// The span, with its parent set before anything enters it: afterwards it would be too late.
fn span<Q>(request: &Request<Q>) -> Span {
    let Names { full, service, method } = names(request.uri().path());
    let mut buffer = Uuid::encode_buffer();
    let call_id = request.extensions().get().map(|CallId(id)| &*id.hyphenated().encode_lower(&mut buffer));
    let span = tracing::info_span!(
        parent: None,
        "rpc",
        otel.name = full,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        cache = Empty,
        call_id,
    );
    if let Some(parent) = propagation::extract(request.headers()) {
        // Fails where no spans are collected at all.
        let _ = span.set_parent(parent);
    }
    span
}

/// The names of an rpc.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    full: &'static str,
    service: &'static str,
    method: &'static str,
}

/// The names in a path. A path that is no rpc of the contract shows as `unknown`: a caller can put anything there.
fn names(path: &str) -> Names {
    let known = known(path).and_then(|path| {
        let full = path.strip_prefix('/')?;
        let (service, method) = full.split_once('/')?;
        Some(Names { full, service, method })
    });
    known.unwrap_or(Names { full: "unknown/unknown", service: "unknown", method: "unknown" })
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// Writes down how the call ended, once. A caller who goes away drops it: CANCELLED.
struct Ending {
    span: Span,
    line: Line,
}

impl Ending {
    fn begin(span: Span, path: &str, meter: RpcMeter) -> Self {
        meter.begin();
        let is_probe = path.starts_with("/grpc.health.v1.");
        Self { span, line: Line { begin: Instant::now(), rpc: Rpc::of(path), meter, is_probe, written: false } }
    }

    fn end(&mut self, code: Code) {
        let Self { span, line } = self;
        span.in_scope(|| line.write(span, code));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.line.written {
            self.end(Code::Cancelled);
        }
    }
}

/// The line at the end of a call.
struct Line {
    begin: Instant,
    rpc: Rpc,
    meter: RpcMeter,
    /// Probes come every few seconds for ever: their lines are written at the level `debug` only.
    is_probe: bool,
    written: bool,
}

impl Line {
    /// Writes it, inside `span`.
    fn write(&mut self, span: &Span, code: Code) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        span.record("rpc.grpc.status_code", code as i32);
        // Only what is the server's fault makes a server span an error (OpenTelemetry's convention for rpc spans).
        let faults =
            [Code::Unknown, Code::DeadlineExceeded, Code::Unimplemented, Code::Internal, Code::Unavailable, Code::DataLoss];
        if faults.contains(&code) {
            span.record("otel.status_code", "ERROR");
        }
        let took = self.begin.elapsed();
        self.meter.end(self.rpc, code, took);
        let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match (self.is_probe, level(code)) {
            (true, _) => tracing::debug!(code = ?code, elapsed_ms, "rpc ended"),
            (false, Level::ERROR) => tracing::error!(code = ?code, elapsed_ms, "rpc ended"),
            (false, Level::WARN) => tracing::warn!(code = ?code, elapsed_ms, "rpc ended"),
            (false, _) => tracing::info!(code = ?code, elapsed_ms, "rpc ended"),
        }
    }
}

/// How loud a code is: an error is the gateway's own fault; a warning is what an operator may have to look into if it happens often; what
/// a caller has to mend himself is neither.
fn level(code: Code) -> Level {
    match code {
        Code::Unknown | Code::Internal | Code::DataLoss => Level::ERROR,
        Code::DeadlineExceeded
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::Unavailable
        | Code::Unauthenticated => Level::WARN,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange => Level::INFO,
    }
}

struct Traced {
    body: Body,
    ending: Ending,
}

impl http_body::Body for Traced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, ending: Ending { span, line } } = self.get_mut();
        // What a stream does while it is polled belongs to the call.
        span.in_scope(|| {
            let polled = Pin::new(body).poll_frame(cx);
            let end = match &polled {
                Poll::Ready(Some(Ok(frame))) => frame.trailers_ref().and_then(code),
                Poll::Ready(Some(Err(status))) => Some(status.code()),
                Poll::Ready(None) => Some(Code::Unknown),
                Poll::Pending => None,
            };
            if let Some(code) = end {
                line.write(span, code);
            }
            polled
        })
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
    fn only_the_names_of_served_rpcs_are_written() {
        let known = |path: &'static str| (names(path).service, names(path).method);
        assert_eq!(known("/sangam.v1.JourneyService/GetStatus"), ("sangam.v1.JourneyService", "GetStatus"));
        assert_eq!(known("/grpc.health.v1.Health/Check"), ("grpc.health.v1.Health", "Check"));
        assert_eq!(names("/grpc.health.v1.Health/Check").full, "grpc.health.v1.Health/Check");
        for path in [
            "/",
            "",
            "/a/b",
            "/sangam.v1.JourneyService/9000000001",
            "/sangam.v1.AAAPA0001A/Get",
            "/sangam.v1.X/a/b",
            "/sangam.v1.JourneyService/aaapaonetwothreea",
            "/sangam.v1.Asha/Sharma",
            "/grpc.health.v1.Health/Asha",
        ] {
            assert_eq!(names(path).full, "unknown/unknown", "{path}");
            assert_eq!(known(path), ("unknown", "unknown"), "{path}");
        }
    }
}
