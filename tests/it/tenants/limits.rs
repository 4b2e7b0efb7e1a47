//! What one tenant's callers do beyond their limits costs nobody else anything.

use sangam::{config::TenantLimits, pb};
use tonic::Code;
use tonic_types::StatusExt;

use super::{BOTH, Two};
use crate::harness::reason;

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_beyond_its_rate_is_told_so_and_the_other_goes_on() {
    let two = Two::with(|config| {
        config.several[0].limits = TenantLimits { calls_per_second: Some(1), burst: Some(5), ..TenantLimits::default() };
    })
    .await;
    let (mut greedy, mut other) = (two.client(BOTH[0]), two.client(BOTH[1]));
    let mut refused = Vec::new();
    for _ in 0..200 {
        if let Err(status) = greedy.list_journeys(pb::ListJourneysRequest::default()).await {
            refused.push(status);
        }
        other.list_journeys(pb::ListJourneysRequest::default()).await.unwrap();
    }
    assert!(refused.len() >= 100, "{}", refused.len());
    for status in &refused {
        assert_eq!((status.code(), reason(status).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
        let details = status.get_error_details();
        assert_eq!(details.quota_failure().unwrap().violations[0].subject, "calls_per_second");
        assert!(details.retry_info().unwrap().retry_delay.is_some());
    }
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_watches_are_counted_apart_from_the_others() {
    let two = Two::with(|config| config.several[0].limits.watch_streams = Some(2)).await;
    let mut streams = Vec::new();
    for tenant in [BOTH[0], BOTH[0], BOTH[1], BOTH[1], BOTH[1]] {
        streams.push(two.client(tenant).watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap());
    }
    let mut client = two.client(BOTH[0]);
    // Another client, another count: the bounds are those of this one.
    let mut held = vec![client.watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap()];
    held.push(client.watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap());
    let refused = client.watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap_err();
    assert_eq!(refused.get_error_details().quota_failure().unwrap().violations[0].subject, "watch_streams");
    held.pop();
    assert!(client.watch_journeys(pb::WatchJourneysRequest::default()).await.is_ok());
    drop((streams, held));
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_its_size_is_refused_before_anything_is_done() {
    let two = Two::start().await;
    let mut request = crate::harness::start_request("finpro", "consent", "01", &[pb::Product::Data]);
    request.institutions = vec!["x".repeat(100); 3_000];
    let refused = two.client(BOTH[0]).start_journey(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));
    assert_eq!(two.sandboxes[0].calls().all().len(), 0);
    two.stop().await;
}
