//! FetchReport: head, chunks, trailer.

use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Edge, call_of, chunks, convert, status, validate};
use crate::{
    journey::{model::Journey, service::ReportAnswer},
    pb::{FetchReportRequest, FetchReportResponse, ReportFormat, ReportHead, ReportTrailer, View, fetch_report_response::Part},
};

pub(super) type ReportStream = BoxStream<'static, Result<FetchReportResponse, Status>>;

pub(super) async fn handle(edge: &Edge, request: Request<FetchReportRequest>) -> Result<Response<ReportStream>, Status> {
    let asked = edge.asked(&request)?;
    let call = call_of(&request);
    let request = request.into_inner();
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    validate::account_ids(&request.account_ids).map_err(status::of_failure)?;
    // A document shows a person in full.
    asked.shows(View::Full)?;
    let (tree, _) = asked.service.status(&request.journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let report =
        asked.service.report(call, &tree.journey, &request.report_id, &request.account_ids).await.map_err(status::of_failure)?;
    Ok(Response::new(parts(&tree.journey, report)))
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
