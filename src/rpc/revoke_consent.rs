//! RevokeConsent.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{
    Asked,
    audited::Audited,
    call_of, convert,
    idempotent::{Write, harmless},
    status, validate,
};
use crate::{
    journey::service::TakenBack,
    pb::{RevokeConsentRequest, RevokeConsentResponse},
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<RevokeConsentRequest>,
) -> Result<Response<RevokeConsentResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    let choice = validate::revoke(&request).map_err(status::of_failure)?;
    let canonical = RevokeConsentRequest { request_id: "revoke".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        // To withdraw twice is to withdraw once.
        begun: |_, _| false,
    };
    let (service, told) = (asked.service.clone(), audit.clone());
    let work = move |journey_id: String| async move {
        let done = service.revoke(&journey_id, &choice).await?;
        told.consents(&done.journey, done.consents.iter().map(|consent| consent.consent_id.as_str()));
        Ok(answer(done))
    };
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
