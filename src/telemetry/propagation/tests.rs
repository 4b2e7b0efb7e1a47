#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use tonic::body::Body;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;

use super::*;
use crate::{
    providers::http::CallKind,
    resilience::retry::RetryLayer,
    server::layers::{call_id::CallIdLayer, trace::TraceLayer},
    telemetry::{
        metrics::{CallMeter, RpcMeter},
        provider,
        redact::CaptureWriter,
        subscriber,
    },
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// An rpc that makes one provider call, whose first attempt fails; answers the headers that the provider saw.
async fn one_rpc() -> Vec<HeaderMap> {
    let seen: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let noted = seen.clone();
    let send = service_fn(move |request: OutboundRequest| {
        let mut noted = noted.lock().unwrap();
        noted.push(request.headers);
        let status = if noted.len() == 1 { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        async move { Ok(OutboundResponse::new(status, HeaderMap::new(), Bytes::new())) }
    });
    let outbound = ServiceBuilder::new()
        .layer(CallSpanLayer)
        .layer(RetryLayer { pause: Duration::ZERO, jitter: Arc::new(|| 0.0), budget: Arc::default(), meter: CallMeter::silent() })
        .layer(InjectLayer)
        .service(send);
    let rpc = service_fn(move |_: Request<()>| {
        let outbound = outbound.clone();
        Box::pin(async move {
            outbound.oneshot(OutboundRequest::for_test(CallKind::Read)).await.unwrap();
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert("grpc-status", HeaderValue::from_static("0"));
            Ok::<_, Infallible>(response)
        })
    });
    let stack = ServiceBuilder::new().layer(CallIdLayer).layer(TraceLayer { meter: RpcMeter::silent() }).service(rpc);
    let request = Request::builder()
        .uri("/sangam.v1.JourneyService/GetStatus")
        .header("traceparent", PARENT)
        .header("tracestate", "vendor=x")
        .header("sangam-call-id", "forged")
        .body(())
        .unwrap();
    let response = stack.oneshot(request).await.unwrap();
    assert_ne!(response.headers()["sangam-call-id"], "forged");
    drop(response);
    Arc::try_unwrap(seen).map(|seen| seen.into_inner().unwrap()).unwrap_or_else(|seen| seen.lock().unwrap().clone())
}

fn attribute(span: &SpanData, name: &str) -> String {
    let found = span.attributes.iter().find(|pair| pair.key.as_str() == name);
    found.map(|pair| pair.value.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn one_trace_leads_from_the_caller_through_the_rpc_into_each_attempt() {
    let exporter = InMemorySpanExporter::default();
    let provider = provider("test").with_simple_exporter(exporter.clone()).build();
    let lines = CaptureWriter::default();
    let subscriber = subscriber("info", lines.clone(), &provider).unwrap();
    let sent = one_rpc().with_subscriber(subscriber).await;

    let spans = exporter.get_finished_spans().unwrap();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let rpc = named("sangam.v1.JourneyService/GetStatus")[0];
    let call = named("provider.call")[0];
    let attempts = named("provider.attempt");
    assert_eq!((spans.len(), attempts.len(), named("provider.backoff").len()), (5, 2, 1));

    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == TRACE));
    assert_eq!(rpc.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!(call.parent_span_id, rpc.span_context.span_id());
    assert_eq!(attribute(rpc, "rpc.grpc.status_code"), "0");
    assert_eq!(attribute(call, "outcome"), "answered");
    for (at, attempt) in attempts.iter().enumerate() {
        assert_eq!(attempt.parent_span_id, call.span_context.span_id());
        assert_eq!(attribute(attempt, "attempt"), (at + 1).to_string());
        let expected = format!("00-{TRACE}-{}-01", attempt.span_context.span_id());
        assert_eq!(sent[at]["traceparent"], expected.as_str());
        assert_eq!(sent[at].get("tracestate"), None, "free text of the caller's goes on");
    }
    assert_eq!(attribute(attempts[0], "http.response.status_code"), "502");
    let text = lines.text();
    let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&line["message"], &line["trace_id"]), (&"rpc ended".into(), &TRACE.into()));
    assert_eq!(line["code"], "Ok");
    assert!(line["call_id"].is_string());
}

#[tokio::test]
async fn a_caller_without_a_trace_gets_a_new_one() {
    let headers = HeaderMap::new();
    use opentelemetry::trace::TraceContextExt;
    assert!(extract(&headers).is_none_or(|context| !context.span().span_context().is_valid()));
}
