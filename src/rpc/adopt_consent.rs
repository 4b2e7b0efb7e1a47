//! AdoptConsent.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, idempotent::Write, status, validate};
use crate::{
    journey::model::Journey,
    pb::{AdoptConsentRequest, AdoptConsentResponse},
    random::new_id,
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<AdoptConsentRequest>,
) -> Result<Response<AdoptConsentResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    let request_id = request.request_id.clone();
    let canonical = AdoptConsentRequest { request_id: "adopt".to_owned(), ..request.clone() }.encode_to_vec();
    let journey_id = new_id(asked.service.random().as_ref(), "jrn");
    let (mut command, references) = validate::adopt(request, journey_id.clone()).map_err(status::of_failure)?;
    command.progress = asked.progress.clone();
    audit.journey(&journey_id).purposes(command.ask.consents.iter().map(|ask| ask.purpose));
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request_id,
        canonical,
        journey_id: &journey_id,
        begun: |_, _| true,
    };
    write.refuse_new(asked.service.foreseen_opening(call, &command)).await?;
    let (service, told) = (asked.service.clone(), audit.clone());
    let work = move |_| async move {
        let journey = service.import(call, command, references).await?;
        told.whole(&journey);
        Ok(answer(&journey))
    };
    // The journey is written down: it was adopted.
    let again = asked.service.clone();
    let unfinished = |journey_id: String| async move { Ok(answer(&again.load(&again.tenant().id, &journey_id).await?)) };
    let (mut answer, replayed) = write.run(work, unfinished).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(journey: &Journey) -> AdoptConsentResponse {
    AdoptConsentResponse {
        journey_id: journey.id.clone(),
        state: journey.state.into(),
        routing: Some(convert::routing(&journey.routing)),
        replayed: false,
    }
}
