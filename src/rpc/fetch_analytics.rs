//! FetchAnalytics.

use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, json, status, validate, with_origin};
use crate::{
    access::Scope,
    journey::service::report_id,
    pb::{FetchAnalyticsRequest, FetchAnalyticsResponse, ReportHandle},
};

/// A larger document is left out of the answer; the JSON report has it.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<FetchAnalyticsRequest>,
) -> Result<Response<FetchAnalyticsResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    validate::account_ids(&request.account_ids).map_err(status::of_failure)?;
    let (tree, _) = asked.service.status(&request.journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let analysis = asked
        .service
        .analytics(call, &tree.journey, &request.consent_id, &request.account_ids)
        .await
        .map_err(status::of_failure)?;
    audit.consents(&tree.journey, [analysis.consent_id.as_str()]).fetches([analysis.fetch_id.as_str()]).served().await?;
    // The document may name the customer; the figures are his, and nobody's name stands in them.
    let in_full = asked.caller.may(Scope::PiiRead);
    let document = in_full.then(|| json::to_struct(&analysis.document, MAX_DOCUMENT_BYTES)).flatten();
    let report = |format| ReportHandle { report_id: report_id(&analysis.fetch_id, format), format: format.into() };
    let response = Response::new(FetchAnalyticsResponse {
        journey_id: request.journey_id,
        consent_id: analysis.consent_id.clone(),
        core: Some(analysis.core.clone()),
        document_omitted: document.is_none(),
        document,
        reports: analysis.formats.iter().copied().map(report).collect(),
        fetch_time: Some(convert::timestamp(analysis.provenance.received_at)),
        provenance: Some(convert::provenance(&tree.journey, &analysis.fetch_id, &analysis.provenance)),
    });
    Ok(with_origin(response, analysis.origin))
}
