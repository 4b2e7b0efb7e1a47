//! ResumeJourney.

use prost::Message;
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, idempotent::Write, status, validate};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        service::OpenedJourney,
    },
    pb::{ResumeJourneyRequest, ResumeJourneyResponse},
    providers::provider::Beginning,
    store::Claim,
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<ResumeJourneyRequest>,
) -> Result<Response<ResumeJourneyResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    let redirect_url = validate::resume(&request).map_err(status::of_failure)?;
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let canonical = ResumeJourneyRequest { request_id: "resume".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        begun: |_, _| true,
    };
    write.refuse_new(asked.service.foreseen(call, &request.journey_id, Beginning::Opening).await).await?;
    let (service, told) = (asked.service.clone(), audit.clone());
    let request_id = request.request_id.clone();
    let work = move |journey_id: String| async move {
        let claim = Claim { request_id: &request_id };
        let opened = service.resume(call, claim, &journey_id, redirect_url).await?;
        told.whole(&opened.journey);
        Ok(answer(&opened))
    };
    // A resume whose answer was lost may have opened an attempt: the caller resumes with a new request id once it is known.
    let unfinished = |journey_id: String| async move {
        Err::<ResumeJourneyResponse, _>(Failure::from(JourneyError::OutcomeUnknown).of(&journey_id))
    };
    let (mut answer, replayed) = write.run(work, unfinished).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(opened: &OpenedJourney) -> ResumeJourneyResponse {
    let journey = &opened.journey;
    let attempt = journey.attempts.iter().find(|attempt| attempt.id == opened.attempt_id);
    ResumeJourneyResponse {
        journey_id: journey.id.clone(),
        customer_url: opened.customer_url.expose_secret().to_owned(),
        url_expire_time: attempt.and_then(|attempt| attempt.url_expires_at).map(convert::timestamp),
        attempt_id: opened.attempt_id.clone(),
        state: journey.state.into(),
        replayed: false,
    }
}
