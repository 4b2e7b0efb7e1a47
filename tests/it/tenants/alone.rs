//! A gateway that serves one of two tenants leaves the other's journeys to whoever serves that.

use sangam::{
    pb::{JourneyState, Product},
    sandbox::customer,
};

use super::{BOTH, Two};
use crate::harness::start_request;

#[tokio::test(flavor = "multi_thread")]
async fn journeys_of_a_tenant_that_is_not_served_are_left_alone_and_found_again() {
    // Due at once, and yet not looked at before the stop: the customer decides only after it.
    let two = Two::start().await;
    let mut opened = Vec::new();
    for tenant in BOTH {
        let request = start_request("finpro", "consent", "01", &[Product::Data]);
        opened.push(two.client(tenant).start_journey(request).await.unwrap().into_inner());
    }
    let stopped = two.stopped().await;
    for one in &opened {
        customer::approve(&one.customer_url).await.unwrap();
    }
    let calls = stopped.sandboxes[0].calls().all().len();
    let [acme, bharat] = BOTH;
    let one = stopped.started(|config| config.several.retain(|tenant| tenant.id == bharat)).await;
    assert!(one.gateway.tenants().get(acme).is_none());
    assert_eq!(one.until_kept(bharat, &opened[1].journey_id).await.state(), JourneyState::Ready);
    assert_eq!(one.sandboxes[0].calls().all().len(), calls);
    let tree = one.service(bharat).store().journey(acme, &opened[0].journey_id).await.unwrap().unwrap().journey;
    assert_eq!(tree.state, JourneyState::AwaitingCustomer);
    let both = one.stopped().await.started(|_| ()).await;
    assert_eq!(both.until_kept(acme, &opened[0].journey_id).await.state(), JourneyState::Ready);
    both.stop().await;
}
