//! FetchReport: head, chunks, trailer.

use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, chunks, convert, status, validate};
use crate::{
    journey::{
        model::{Consent, Journey},
        service::ReportAnswer,
    },
    pb::{FetchReportRequest, FetchReportResponse, ReportFormat, ReportHead, ReportTrailer, View, fetch_report_response::Part},
};

pub(super) type ReportStream = BoxStream<'static, Result<FetchReportResponse, Status>>;

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<FetchReportRequest>,
) -> Result<Response<ReportStream>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let choice = validate::report(&request).map_err(status::of_failure)?;
    // A document shows a person in full.
    asked.shows(View::Full)?;
    let (tree, _) = asked.service.status(&request.journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let report = asked.service.report(call, &tree.journey, &choice, &request.account_ids).await.map_err(status::of_failure)?;
    audit
        .consents(&tree.journey, consent_of(&tree.journey, &report.fetch_id))
        .fetches([report.fetch_id.as_str()])
        .served()
        .await?;
    Ok(Response::new(parts(&tree.journey, report)))
}

/// The consent of a fetch.
fn consent_of<'a>(journey: &'a Journey, fetch_id: &str) -> Option<&'a str> {
    let holds = |consent: &&Consent| consent.fetches.iter().any(|fetch| fetch.id == fetch_id);
    journey.consents.iter().find(holds).map(|consent| consent.id.as_str())
}

fn parts(journey: &Journey, report: ReportAnswer) -> ReportStream {
    let head = ReportHead {
        name: format!("{}.{}", journey.id, extension(report.format)),
        media_type: report.media_type,
        format: report.format.into(),
        provenance: Some(convert::provenance(journey, &report.fetch_id, &report.provenance)),
    };
    chunks::parts(head, report.bytes, |part| FetchReportResponse {
        part: Some(match part {
            chunks::Part::Head(head) => Part::Head(head),
            chunks::Part::Chunk(chunk) => Part::Chunk(chunk),
            chunks::Part::Trailer { size_bytes, sha256 } => Part::Trailer(ReportTrailer { size_bytes, sha256 }),
        }),
    })
}

fn extension(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Json => "json",
        ReportFormat::Xml => "xml",
        ReportFormat::Excel => "xlsx",
        ReportFormat::Pdf => "pdf",
        ReportFormat::Unspecified => "bin",
    }
}
