//! AdoptConsent.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{Edge, call_of, convert, idempotent::Write, status, validate};
use crate::{
    journey::model::Journey,
    pb::{AdoptConsentRequest, AdoptConsentResponse},
    random::new_id,
};

pub(super) async fn handle(edge: &Edge, request: Request<AdoptConsentRequest>) -> Result<Response<AdoptConsentResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    let request_id = request.request_id.clone();
    let canonical = AdoptConsentRequest { request_id: "adopt".to_owned(), ..request.clone() }.encode_to_vec();
    let journey_id = new_id(edge.service.random().as_ref(), "jrn");
    let (command, references) = validate::adopt(request, journey_id.clone()).map_err(status::of_failure)?;
    let write = Write {
        service: &edge.service,
        in_flight: &edge.in_flight,
        call,
        request_id: &request_id,
        canonical,
        journey_id: &journey_id,
        begun: |_, _| true,
    };
    let service = edge.service.clone();
    let work = move |_| async move { Ok(answer(&service.import(call, command, references).await?)) };
    // The journey is written down: it was adopted.
    let unfinished = |journey_id: String| async move {
        let journey = edge.service.load(&edge.service.tenant().id, &journey_id).await?;
        Ok(answer(&journey))
    };
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
