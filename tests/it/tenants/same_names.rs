//! Two tenants may use the same names for different things.

use sangam::pb::{self, JourneyState, Product};

use super::{BOTH, Two};
use crate::harness::{data_request, start_request};

#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_and_one_client_reference_are_two_journeys_at_two_tenants() {
    let two = Two::start().await;
    let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
    request.client_reference = "loan-1".to_owned();
    let mut journeys = Vec::new();
    for tenant in BOTH {
        let journey_id = two.approved(tenant, request.clone()).await;
        let again = two.client(tenant).start_journey(request.clone()).await.unwrap().into_inner();
        assert_eq!((again.journey_id.as_str(), again.replayed), (journey_id.as_str(), true));
        journeys.push(journey_id);
    }
    assert_ne!(journeys[0], journeys[1]);
    let mut rows = Vec::new();
    for (tenant, journey_id) in BOTH.into_iter().zip(&journeys) {
        let journey = two.until_kept(tenant, journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready);
        let list = pb::ListJourneysRequest { client_reference: "loan-1".to_owned(), ..Default::default() };
        let listed = two.client(tenant).list_journeys(list).await.unwrap().into_inner().journeys;
        assert_eq!(listed.iter().map(|one| &one.journey_id).collect::<Vec<_>>(), [journey_id]);
        rows.push(two.client(tenant).fetch_data(data_request(journey_id, pb::View::Full)).await.unwrap().into_inner());
    }
    // The same customer at the same bank, and yet no id of one tenant is an id of the other.
    let ids = |page: &pb::FetchDataResponse| page.transactions.iter().map(|one| one.transaction_id.clone()).collect::<Vec<_>>();
    assert!(!ids(&rows[0]).is_empty() && ids(&rows[0]).iter().all(|id| !ids(&rows[1]).contains(id)));
    for sandbox in &two.sandboxes {
        assert_eq!(sandbox.calls().count("finpro:/v3/requestconsent"), 1, "{:?}", sandbox.calls().all());
    }
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_its_own_providers_and_its_own_default() {
    let two = Two::with(|config| {
        config.several[1].providers.finpro.clear();
        config.several[1].default_provider = None;
    })
    .await;
    let mut request = start_request("", "", "01", &[Product::Data]);
    let provider = async |tenant: &str, request: &pb::StartJourneyRequest| {
        let opened = two.client(tenant).start_journey(request.clone()).await?;
        Ok::<_, tonic::Status>(opened.into_inner().routing.unwrap().provider)
    };
    assert_eq!(provider(BOTH[0], &request).await.unwrap(), "finpro");
    assert_eq!(provider(BOTH[1], &request).await.unwrap(), "finpass");
    (request.request_id, request.provider) = (uuid::Uuid::new_v4().to_string(), "finpro".to_owned());
    assert_eq!(crate::harness::reason(&provider(BOTH[1], &request).await.unwrap_err()), "UNKNOWN_PROVIDER");
    two.stop().await;
}
