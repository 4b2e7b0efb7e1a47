//! ListJourneys.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{Edge, convert, status, validate};
use crate::{
    journey::{derive, model::Journey},
    pb::{JourneySummary, ListJourneysRequest, ListJourneysResponse},
};

pub(super) async fn handle(edge: &Edge, request: Request<ListJourneysRequest>) -> Result<Response<ListJourneysResponse>, Status> {
    let asked = edge.asked(&request)?;
    let mut request = request.into_inner();
    let token = std::mem::take(&mut request.page_token);
    let canonical = request.encode_to_vec();
    let (wanted, size) = validate::journeys(request).map_err(status::of_failure)?;
    let found = asked.service.find(&wanted, &canonical, size, &token).await.map_err(status::of_failure)?;
    Ok(Response::new(ListJourneysResponse {
        journeys: found.journeys.iter().map(summary).collect(),
        next_page_token: found.next_page_token,
    }))
}

fn summary(journey: &Journey) -> JourneySummary {
    JourneySummary {
        journey_id: journey.id.clone(),
        client_reference: journey.ask.client_reference.clone().unwrap_or_default(),
        customer_reference: journey.ask.customer.customer_reference.clone().unwrap_or_default(),
        state: journey.state.into(),
        state_time: Some(convert::timestamp(journey.state_at)),
        provider: journey.routing.provider.clone(),
        credential: journey.routing.credential.clone(),
        purposes: journey.ask.consents.iter().map(|ask| ask.purpose.into()).collect(),
        create_time: Some(convert::timestamp(journey.created_at)),
        expire_time: journey.first_expiry().map(convert::timestamp),
        sequence: journey.sequence,
        settled: derive::settled(journey),
    }
}
