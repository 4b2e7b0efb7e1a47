//! Everything that the tenant can open, as ListProviders states it.

use aws_lc_rs::digest;
use sangam::pb::{self, fetch_report_response::Part};
use tonic::Status;

use crate::harness::{World, start_request};

/// One product of one credential at one provider.
#[derive(Debug, Clone)]
pub struct Offer {
    pub provider: String,
    pub credential: String,
    pub product: pb::ProviderProduct,
}

impl Offer {
    /// How a failure names it.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.provider, self.credential, self.product.provider_product)
    }

    pub fn has(&self, product: pb::Product) -> bool {
        self.product.products.contains(&i32::from(product))
    }

    /// A StartJourney that leads to it: everything that it can bring is asked for.
    pub fn request(&self, digits: &str) -> pb::StartJourneyRequest {
        let products: Vec<_> = self.product.products().collect();
        start_request(&self.provider, &self.credential, digits, &products)
    }
}

/// Every offer of the tenant, in the order of the answer.
pub async fn offers(world: &World) -> Vec<Offer> {
    let answer = world.providers().await.list_providers(pb::ListProvidersRequest {}).await.unwrap().into_inner();
    let mut offers = Vec::new();
    for provider in answer.providers {
        for credential in provider.credentials {
            offers.extend(credential.products.into_iter().map(|product| Offer {
                provider: provider.provider.clone(),
                credential: credential.credential.clone(),
                product,
            }));
        }
    }
    assert!(!offers.is_empty(), "ListProviders names nothing to open");
    offers
}

/// A journey of the offer whose customer approved, READY and kept.
pub async fn ready(world: &World, offer: &Offer, digits: &str) -> pb::Journey {
    let journey_id = world.approved(offer.request(digits)).await;
    let journey = world.until_settled(&journey_id).await;
    assert_eq!(journey.provider_product, offer.product.provider_product, "{}: opened as something else", offer.name());
    assert_eq!(journey.state(), pb::JourneyState::Ready, "{}: {journey:?}", offer.name());
    journey
}

/// A document as FetchReport streams it: its head and its bytes, once size and SHA-256 of the trailer fit them.
pub async fn report(world: &World, journey_id: &str, report_id: &str) -> Result<(pb::ReportHead, Vec<u8>), Status> {
    let request =
        pb::FetchReportRequest { journey_id: journey_id.to_owned(), report_id: report_id.to_owned(), ..Default::default() };
    let mut stream = world.client.clone().fetch_report(request).await?.into_inner();
    let Some(Part::Head(head)) = stream.message().await?.and_then(|first| first.part) else { panic!("no head comes first") };
    let mut bytes = Vec::new();
    loop {
        match stream.message().await?.and_then(|message| message.part) {
            Some(Part::Chunk(chunk)) => {
                assert!(!chunk.is_empty() && chunk.len() <= 256 * 1024, "a chunk of {} bytes", chunk.len());
                bytes.extend_from_slice(&chunk);
            }
            Some(Part::Trailer(trailer)) => {
                assert_eq!(trailer.size_bytes, i64::try_from(bytes.len()).unwrap());
                assert_eq!(trailer.sha256, digest::digest(&digest::SHA256, &bytes).as_ref());
                assert!(stream.message().await?.is_none(), "something comes after the trailer");
                return Ok((head, bytes));
            }
            other => panic!("broken off, or out of order: {other:?}"),
        }
    }
}

/// The analysis, asked for until it is there.
pub async fn analytics(world: &World, journey_id: &str) -> Result<pb::FetchAnalyticsResponse, Status> {
    let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..Default::default() };
    let mut client = world.client.clone();
    // The sandbox counts looks, so asking again is what brings it nearer.
    for _ in 0..10 {
        match client.fetch_analytics(request.clone()).await {
            Err(status) if tonic_types::StatusExt::get_details_retry_info(&status).is_some() => {}
            other => return other.map(tonic::Response::into_inner),
        }
    }
    panic!("the analysis never comes")
}
