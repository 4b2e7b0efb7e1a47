//! RefreshData.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, idempotent::Write, status, validate};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
        service::Service,
    },
    pb::{RefreshDataRequest, RefreshDataResponse},
    providers::provider::Beginning,
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<RefreshDataRequest>,
) -> Result<Response<RefreshDataResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::refresh(&request).map_err(status::of_failure)?;
    let canonical = RefreshDataRequest { request_id: "refresh".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        begun: |journey, request_id| Service::refreshed(journey, request_id).is_some(),
    };
    write.refuse_new(asked.service.foreseen(call, &request.journey_id, Beginning::Fetch).await).await?;
    let (service, named, told) = (asked.service.clone(), request.clone(), audit.clone());
    let work = move |journey_id: String| async move {
        let RefreshDataRequest { consent_id, request_id, .. } = named;
        let (journey, _) = service.refresh(call, &journey_id, &consent_id, &request_id).await?;
        if let Some((consent, fetch)) = Service::refreshed(&journey, &request_id) {
            told.consents(&journey, [consent.id.as_str()]).fetches([fetch.id.as_str()]);
        }
        answer(&journey, &request_id)
    };
    // The fetch is written down: whatever became of the call stands there, and nothing is sent again.
    let unfinished = |journey_id: String| unfinished(&asked.service, journey_id, &request.request_id);
    let (mut answer, replayed) = write.run(work, unfinished).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

async fn unfinished(service: &Service, journey_id: String, request_id: &str) -> Result<RefreshDataResponse, Failure> {
    let journey = service.load(&service.tenant().id, &journey_id).await?;
    match Service::refreshed(&journey, request_id) {
        Some((_, fetch)) if fetch.is_lost() && !fetch.settled => Err(Failure::from(JourneyError::OutcomeUnknown).of(&journey_id)),
        _ => answer(&journey, request_id),
    }
}

fn answer(journey: &Journey, request_id: &str) -> Result<RefreshDataResponse, Failure> {
    let (consent, fetch) = Service::refreshed(journey, request_id)
        .ok_or_else(|| Failure::from(JourneyError::Internal("a fetch that was written down is gone")).of(&journey.id))?;
    Ok(RefreshDataResponse { journey_id: journey.id.clone(), fetch: Some(convert::fetch(fetch, &consent.id)), replayed: false })
}
