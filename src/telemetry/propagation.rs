//! Carries the W3C trace context in and out: from a caller's headers into the rpc span, and from each attempt into the provider call.

use std::task::{Context, Poll};

use tower::{Layer, Service};
use tracing::{Instrument, instrument::Instrumented};

use crate::providers::http::OutboundRequest;

/// One client span for a provider call, with all its attempts inside.
#[derive(Debug, Clone, Copy)]
pub struct CallSpanLayer;

impl<S> Layer<S> for CallSpanLayer {
    type Service = CallSpan<S>;
    fn layer(&self, inner: S) -> CallSpan<S> {
        CallSpan(inner)
    }
}

/// See [`CallSpanLayer`].
#[derive(Debug, Clone)]
pub struct CallSpan<S>(S);

impl<S> Service<OutboundRequest> for CallSpan<S>
where
    S: Service<OutboundRequest>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let span = tracing::info_span!("provider.call", provider = request.provider, stage = request.stage);
        let future = span.in_scope(|| self.0.call(request));
        future.instrument(span)
    }
}

/// A span for each attempt, whose context is sent on as `traceparent`.
#[derive(Debug, Clone, Copy)]
pub struct InjectLayer;

impl<S> Layer<S> for InjectLayer {
    type Service = Inject<S>;
    fn layer(&self, inner: S) -> Inject<S> {
        Inject(inner)
    }
}

/// See [`InjectLayer`].
#[derive(Debug, Clone)]
pub struct Inject<S>(S);

impl<S> Service<OutboundRequest> for Inject<S>
where
    S: Service<OutboundRequest>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        self.0.call(request)
    }
}
