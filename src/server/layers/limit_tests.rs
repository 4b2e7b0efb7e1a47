use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::service_fn;

use super::*;

const METHOD: &str = "/sangam.v1.JourneyService/GetStatus";
const WATCH: &str = paths::WATCHES[0];

fn tenant(id: &str, limits: TenantLimits) -> Tenant {
    Tenant { id: id.to_owned(), limits, ..Tenant::default() }
}

fn request(tenant: &str, path: &str) -> Request<()> {
    let mut request = Request::builder().uri(path).body(()).unwrap();
    request.extensions_mut().insert(Arc::new(Caller::anybody(tenant, false)));
    request
}

/// A layer for the tenant "a", with "b" beside it that has no limits.
fn layer(limits: TenantLimits) -> LimitLayer {
    LimitLayer::new([&tenant("a", limits), &tenant("b", TenantLimits::default())], None)
}

async fn answered(_: Request<()>) -> Result<Response<Body>, Infallible> {
    let body = Full::new(Bytes::from_static(b"answer")).map_err(|never| match never {});
    Ok(Response::new(Body::new(body)))
}

fn refusal(answer: &Response<Body>) -> Option<Status> {
    Status::from_header_map(answer.headers())
}

/// The limit that an answer names, with when to come again.
fn exceeded(answer: &Response<Body>) -> Option<(String, Duration)> {
    let status = refusal(answer)?;
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "RATE_LIMITED");
    let violation = details.quota_failure().unwrap().violations[0].clone();
    Some((violation.subject, details.retry_info().unwrap().retry_delay.unwrap()))
}

#[tokio::test(start_paused = true)]
async fn the_rate_of_one_tenant_is_bounded_and_leaves_the_other_alone() {
    let limits = TenantLimits { calls_per_second: Some(10), burst: Some(3), ..TenantLimits::default() };
    let mut limit = layer(limits).layer(service_fn(answered));
    for _ in 0..3 {
        assert!(refusal(&limit.call(request("a", METHOD)).await.unwrap()).is_none());
    }
    let (what, after) = exceeded(&limit.call(request("a", METHOD)).await.unwrap()).unwrap();
    assert_eq!(what, "calls_per_second");
    assert!((100..=102).contains(&after.as_millis()), "{after:?}");
    for _ in 0..100 {
        assert!(refusal(&limit.call(request("b", METHOD)).await.unwrap()).is_none());
        assert!(refusal(&limit.call(request("a", "/grpc.health.v1.Health/Check")).await.unwrap()).is_none());
    }
    // The time that was named is enough.
    tokio::time::advance(after).await;
    assert!(refusal(&limit.call(request("a", METHOD)).await.unwrap()).is_none());
    assert!(exceeded(&limit.call(request("a", METHOD)).await.unwrap()).is_some());
}

#[tokio::test]
async fn calls_and_watches_in_progress_are_bounded_apart() {
    let limits = TenantLimits { concurrent_calls: Some(1), watch_streams: Some(2), ..TenantLimits::default() };
    let mut limit = layer(limits).layer(service_fn(answered));
    // The answers are not read to their end.
    let call = limit.call(request("a", METHOD)).await.unwrap();
    let (what, after) = exceeded(&limit.call(request("a", METHOD)).await.unwrap()).unwrap();
    assert_eq!((what.as_str(), after), ("concurrent_calls", SOON));
    let watches = [limit.call(request("a", WATCH)).await.unwrap(), limit.call(request("a", WATCH)).await.unwrap()];
    assert_eq!(exceeded(&limit.call(request("a", WATCH)).await.unwrap()).unwrap().0, "watch_streams");
    for path in [METHOD, WATCH] {
        assert!(refusal(&limit.call(request("b", path)).await.unwrap()).is_none());
    }
    drop((call, watches));
    for path in [METHOD, WATCH] {
        assert!(refusal(&limit.call(request("a", path)).await.unwrap()).is_none());
    }
}

#[tokio::test]
async fn a_tenant_may_be_allowed_no_watch_at_all() {
    let limits = TenantLimits { watch_streams: Some(0), ..TenantLimits::default() };
    let mut limit = layer(limits).layer(service_fn(answered));
    assert_eq!(exceeded(&limit.call(request("a", WATCH)).await.unwrap()).unwrap().0, "watch_streams");
    assert!(refusal(&limit.call(request("a", METHOD)).await.unwrap()).is_none());
}
