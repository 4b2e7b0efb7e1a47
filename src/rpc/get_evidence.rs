//! GetEvidence: head, chunks, trailer.

use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, chunks, convert, status, validate};
use crate::{
    journey::{
        model::Journey,
        service::{EvidenceAnswer, FetchChoice},
    },
    pb::{EvidenceHead, EvidenceTrailer, GetEvidenceRequest, GetEvidenceResponse, View, get_evidence_response::Part},
};

pub(super) type EvidenceStream = BoxStream<'static, Result<GetEvidenceResponse, Status>>;

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<GetEvidenceRequest>,
) -> Result<Response<EvidenceStream>, Status> {
    let call = call_of(&request);
    let GetEvidenceRequest { journey_id, consent_id, fetch_id } = request.into_inner();
    audit.journey(&journey_id).view(View::Full);
    asked.concerns(&journey_id);
    validate::journey_id(&journey_id).map_err(status::of_failure)?;
    // It shows a person in full.
    asked.shows(View::Full)?;
    let (tree, _) = asked.service.status(&journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let choice = FetchChoice { consent_id, fetch_id, ..FetchChoice::default() };
    let evidence = asked.service.evidence(call, &tree.journey, &choice).await.map_err(status::of_failure)?;
    audit.consents(&tree.journey, [evidence.consent_id.as_str()]).fetches([evidence.fetch_id.as_str()]).served().await?;
    Ok(Response::new(parts(&tree.journey, evidence)))
}

fn parts(journey: &Journey, evidence: EvidenceAnswer) -> EvidenceStream {
    let head = EvidenceHead {
        journey_id: journey.id.clone(),
        consent_id: evidence.consent_id,
        media_type: evidence.media_type,
        provenance: Some(convert::provenance(journey, &evidence.fetch_id, &evidence.provenance)),
        purge_time: Some(convert::timestamp(evidence.purge_at)),
    };
    chunks::parts(head, evidence.bytes, |part| GetEvidenceResponse {
        part: Some(match part {
            chunks::Part::Head(head) => Part::Head(head),
            chunks::Part::Chunk(chunk) => Part::Chunk(chunk),
            chunks::Part::Trailer { size_bytes, sha256 } => Part::Trailer(EvidenceTrailer { size_bytes, sha256 }),
        }),
    })
}
