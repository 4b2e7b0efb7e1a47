//! A consent that another system opened becomes a journey here, once, and only with its own customer.

use std::sync::Arc;

use sangam::{
    app::{App, Running},
    clock::SystemClock,
    config::Config,
    pb::{self, JourneyState, Product, Purpose, journey_service_client::JourneyServiceClient},
    sandbox::{customer, gateway_config::gateway_toml},
};
use tempfile::TempDir;
use tonic::{Code, Status, transport::Channel};

use crate::harness::{World, connect, data_request, impatient, metadata, reason, start_request, until};

/// A gateway on the same sandbox that knows nothing of what the first one opened.
struct Beside {
    gateway: Running,
    client: JourneyServiceClient<Channel>,
    _directory: TempDir,
}

async fn two() -> (World, Beside) {
    let old = World::start().await;
    let directory = TempDir::new().unwrap();
    let mut config = Config::from_toml_str(&gateway_toml(&old.sandbox, directory.path()).unwrap()).unwrap();
    impatient(&mut config);
    let gateway = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let client = connect(&gateway).await;
    (old, Beside { gateway, client, _directory: directory })
}

async fn adopt(world: &Beside, request: pb::AdoptConsentRequest) -> Result<pb::AdoptConsentResponse, Status> {
    world.client.clone().adopt_consent(request).await.map(tonic::Response::into_inner)
}

/// The request that adopts what `start` opened under these names.
fn adopting(start: &pb::StartJourneyRequest, references: pb::ProviderReferences) -> pb::AdoptConsentRequest {
    pb::AdoptConsentRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        provider: start.provider.clone(),
        credential: start.credential.clone(),
        customer: start.customer.clone(),
        consent: start.consents.first().cloned(),
        products: start.products.clone(),
        client_reference: "moved-1".to_owned(),
        references: Some(references),
    }
}

/// The provider's names of a journey.
async fn names(world: &World, journey_id: &str) -> pb::ProviderReferences {
    let kept = world.gateway.service().store().journey("demo", journey_id).await.unwrap().unwrap().journey;
    let (attempt, consent) = (&kept.attempts[0], &kept.consents[0]);
    let of_consent = consent.handle.is_some();
    pb::ProviderReferences {
        handle: consent.handle.clone().or_else(|| attempt.provider_ref.clone()).unwrap_or_default(),
        consent: consent.provider_ref.clone().unwrap_or_default(),
        orchestration: if of_consent { String::new() } else { attempt.provider_ref.clone().unwrap_or_default() },
    }
}

#[tokio::test]
async fn a_given_consent_is_adopted_and_its_data_picked_up() {
    let (old, new) = two().await;
    for (provider, credential) in [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")] {
        let start = start_request(provider, credential, "01", &[Product::Data]);
        let opened = old.client.clone().start_journey(start.clone()).await.unwrap().into_inner();
        let names = names(&old, &opened.journey_id).await;
        customer::approve(&opened.customer_url).await.unwrap();
        let request = adopting(&start, names);
        let adopted = adopt(&new, request.clone()).await.unwrap();
        let kept = |journey: &pb::Journey| {
            journey.consents.iter().any(|one| one.fetches.iter().any(|fetch| fetch.pick_up_time.is_some()))
        };
        let journey = until(&new.gateway, &new.client, &adopted.journey_id, |journey| journey.settled && kept(journey)).await;
        assert_eq!(journey.state(), JourneyState::Ready, "{credential}: {journey:?}");
        let page = new.client.clone().fetch_data(data_request(&adopted.journey_id, pb::View::Masked)).await.unwrap().into_inner();
        assert!(page.transactions.len() > 1_000, "{credential}: {}", page.transactions.len());

        let again = adopt(&new, request.clone()).await.unwrap();
        assert!(again.replayed && again.journey_id == adopted.journey_id, "{credential}");
        let twice = pb::AdoptConsentRequest { request_id: uuid::Uuid::new_v4().to_string(), ..request };
        let known = adopt(&new, twice).await.unwrap_err();
        assert_eq!((known.code(), reason(&known).as_str()), (Code::AlreadyExists, "CONSENT_KNOWN"), "{credential}");
        assert_eq!(metadata(&known, "journey_id").as_ref(), Some(&adopted.journey_id), "{credential}");
    }
    new.gateway.stop().await;
    old.stop().await;
}

#[tokio::test]
async fn what_is_unknown_or_somebody_elses_is_not_found_and_leaves_nothing() {
    let (old, new) = two().await;
    let start = start_request("finpro", "consent", "01", &[Product::Data]);
    let opened = old.client.clone().start_journey(start.clone()).await.unwrap().into_inner();
    let names = names(&old, &opened.journey_id).await;
    let stranger = start_request("finpro", "consent", "03", &[Product::Data]);
    let mut other_purpose = adopting(&start, names.clone());
    other_purpose.consent = Some(pb::ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() });
    let unknown = pb::ProviderReferences { handle: uuid::Uuid::new_v4().to_string(), ..Default::default() };
    for request in [adopting(&stranger, names.clone()), other_purpose, adopting(&start, unknown)] {
        let refused = adopt(&new, request).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "CONSENT_NOT_FOUND"), "{refused:?}");
    }
    let none = pb::AdoptConsentRequest { references: None, ..adopting(&start, names) };
    assert_eq!(reason(&adopt(&new, none).await.unwrap_err()), "INVALID_FIELDS");
    let listed = new.client.clone().list_journeys(pb::ListJourneysRequest::default()).await.unwrap().into_inner();
    assert!(listed.journeys.is_empty(), "{listed:?}");
    new.gateway.stop().await;
    old.stop().await;
}
