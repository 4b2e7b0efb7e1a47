//! RevokeConsent.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{
    Edge, call_of, convert,
    idempotent::{Write, harmless},
    status, validate,
};
use crate::{
    journey::service::TakenBack,
    pb::{RevokeConsentRequest, RevokeConsentResponse},
};

pub(super) async fn handle(
    edge: &Edge,
    request: Request<RevokeConsentRequest>,
) -> Result<Response<RevokeConsentResponse>, Status> {
    let asked = edge.asked(&request)?;
    let call = call_of(&request);
    let request = request.into_inner();
    let choice = validate::revoke(&request).map_err(status::of_failure)?;
    let canonical = RevokeConsentRequest { request_id: "revoke".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        in_flight: &asked.in_flight,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        // To withdraw twice is to withdraw once.
        begun: |_, _| false,
    };
    let service = asked.service.clone();
    let work = move |journey_id: String| async move { Ok(answer(service.revoke(&journey_id, &choice).await?)) };
    let (mut answer, replayed) = write.run(work, harmless).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(done: TakenBack) -> RevokeConsentResponse {
    RevokeConsentResponse {
        journey_id: done.journey.id.clone(),
        consents: done.consents.into_iter().map(convert::outcome).collect(),
        state: done.journey.state.into(),
        replayed: false,
    }
}
