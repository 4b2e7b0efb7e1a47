//! CancelJourney.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, idempotent::Write, status, validate};
use crate::{
    journey::model::{Journey, JourneyState},
    pb::{CancelJourneyRequest, CancelJourneyResponse},
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<CancelJourneyRequest>,
) -> Result<Response<CancelJourneyResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::cancel(&request).map_err(status::of_failure)?;
    let canonical = CancelJourneyRequest { request_id: "cancel".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        begun: |journey, _| journey.state == JourneyState::Cancelled,
    };
    let (service, again) = (asked.service.clone(), asked.service.clone());
    let unfinished = |journey_id: String| async move { Ok(answer(&again.load(&again.tenant().id, &journey_id).await?)) };
    let told = audit.clone();
    let work = move |journey_id: String| async move {
        let journey = service.cancel(&journey_id).await?;
        told.whole(&journey);
        Ok(answer(&journey))
    };
    let (mut answer, replayed) = write.run(work, unfinished).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(journey: &Journey) -> CancelJourneyResponse {
    CancelJourneyResponse { journey_id: journey.id.clone(), state: journey.state.into(), replayed: false }
}
