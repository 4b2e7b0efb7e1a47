//! Carries the W3C trace context in and out: from a caller's headers into the rpc span, and from each attempt into the provider call.

use std::{
    cell::Cell,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::providers::{
    error::ProviderError,
    http::{OutboundRequest, OutboundResponse},
};

tokio::task_local! {
    /// How many attempts of the current call have begun. All of them run in the call's own task.
    static ATTEMPTS: Cell<u32>;
}

/// The caller's trace context, if there is one.
pub fn extract(headers: &HeaderMap) -> Option<opentelemetry::Context> {
    headers.get("traceparent")?;
    Some(TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &Headers(headers)))
}

/// Puts the context of `span` into headers as `traceparent`. Nothing else goes on: no `tracestate`, no baggage.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeadersMut(headers));
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    /// Only the ids are taken over: `tracestate` is free text of the caller's, which would go on to collectors and providers.
    fn get(&self, key: &str) -> Option<&str> {
        if key != "traceparent" {
            return None;
        }
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        let pair = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::try_from(value));
        // An empty tracestate is left out: some gateways refuse empty headers.
        if let (Ok(name), Ok(value)) = pair
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

/// Records how a call or an attempt ended: the kind of error, or `answered` with the HTTP status that adapters judge.
fn record(span: &Span, result: &Result<OutboundResponse, ProviderError>) {
    match result {
        Ok(response) => {
            span.record("outcome", "answered");
            span.record("http.response.status_code", response.status.as_u16());
            if response.status.is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
        }
        Err(error) => {
            span.record("outcome", tracing::field::debug(error.kind));
            span.record("otel.status_code", "ERROR");
        }
    }
}

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
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError>,
    S::Future: Send + 'static,
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let span = tracing::info_span!(
            "provider.call",
            otel.kind = "client",
            otel.status_code = Empty,
            provider = request.provider,
            stage = request.stage,
            x_request_id = %request.x_request_id,
            outcome = Empty,
            http.response.status_code = Empty,
        );
        let answer = span.in_scope(|| self.0.call(request));
        let call = async move {
            let result = answer.await;
            record(&Span::current(), &result);
            result
        };
        Box::pin(ATTEMPTS.scope(Cell::new(0), call.instrument(span)))
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
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError>,
    S::Future: Send + 'static,
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: OutboundRequest) -> Self::Future {
        let counted = ATTEMPTS.try_with(|attempts| {
            attempts.set(attempts.get() + 1);
            attempts.get()
        });
        let span = tracing::info_span!(
            "provider.attempt",
            otel.kind = "client",
            otel.status_code = Empty,
            provider = request.provider,
            stage = request.stage,
            attempt = counted.unwrap_or(1),
            outcome = Empty,
            http.response.status_code = Empty,
        );
        inject(&span, &mut request.headers);
        let answer = span.in_scope(|| self.0.call(request));
        let attempt = async move {
            let result = answer.await;
            record(&Span::current(), &result);
            result
        };
        Box::pin(attempt.instrument(span))
    }
}

#[cfg(test)]
mod tests;
