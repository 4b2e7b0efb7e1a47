//! PurgeData.

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
    journey::service::Purged,
    pb::{PurgeDataRequest, PurgeDataResponse},
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<PurgeDataRequest>,
) -> Result<Response<PurgeDataResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    let choice = validate::purge(&request).map_err(status::of_failure)?;
    let canonical = PurgeDataRequest { request_id: "purge".to_owned(), ..request.clone() }.encode_to_vec();
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id: &request.request_id,
        canonical,
        journey_id: &request.journey_id,
        // To purge twice is to purge once.
        begun: |_, _| false,
    };
    let (service, told) = (asked.service.clone(), audit.clone());
    let work = move |journey_id: String| async move {
        let done = service.purge_data(&journey_id, &choice).await?;
        let consents = done.taken_back.consents.iter().map(|consent| consent.consent_id.as_str());
        let fetches = done.receipts.iter().map(|receipt| receipt.fetch_id.as_str());
        told.consents(&done.taken_back.journey, consents).fetches(fetches);
        Ok(answer(done))
    };
    let (mut answer, replayed) = write.run(work, harmless).await?;
    answer.replayed = replayed;
    Ok(Response::new(answer))
}

fn answer(done: Purged) -> PurgeDataResponse {
    PurgeDataResponse {
        journey_id: done.taken_back.journey.id,
        consents: done.taken_back.consents.into_iter().map(convert::outcome).collect(),
        receipts: done.receipts.into_iter().map(convert::receipt).collect(),
        replayed: false,
    }
}
