//! FetchReport: head, chunks, trailer.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status};

use super::{Edge, call_of, convert, status, validate};
use crate::{
    journey::service::ReportAnswer,
    pb::{FetchReportRequest, FetchReportResponse, ReportFormat, ReportHead, ReportTrailer, fetch_report_response::Part},
};

const CHUNK: usize = 256 * 1024;

pub(super) type ReportStream = BoxStream<'static, Result<FetchReportResponse, Status>>;

pub(super) async fn handle(edge: &Edge, request: Request<FetchReportRequest>) -> Result<Response<ReportStream>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    validate::account_ids(&request.account_ids).map_err(status::of_failure)?;
    let (tree, _) = edge.service.status(&request.journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let report =
        edge.service.report(call, &tree.journey, &request.report_id, &request.account_ids).await.map_err(status::of_failure)?;
    Ok(Response::new(parts(&request.journey_id, report)))
}

fn parts(journey_id: &str, report: ReportAnswer) -> ReportStream {
    let head = ReportHead {
        name: format!("{journey_id}.{}", extension(report.format)),
        media_type: report.media_type,
        format: report.format.into(),
    };
    let bytes = report.bytes;
    let trailer = ReportTrailer { size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX), sha256: sha256(&bytes) };
    let chunks = (0..bytes.len()).step_by(CHUNK).map(move |at| Part::Chunk(bytes.slice(at..bytes.len().min(at + CHUNK))));
    let parts = std::iter::once(Part::Head(head)).chain(chunks).chain(std::iter::once(Part::Trailer(trailer)));
    stream::iter(parts.map(|part| Ok(FetchReportResponse { part: Some(part) }))).boxed()
}

fn sha256(bytes: &[u8]) -> Bytes {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    Bytes::copy_from_slice(context.finish().as_ref())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_trailer_is_of_exactly_the_bytes_sent() {
        for size in [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes = Bytes::from(vec![7; size]);
            let report = ReportAnswer {
                format: ReportFormat::Excel,
                media_type: "x/y".to_owned(),
                bytes: bytes.clone(),
                received_at: jiff::Timestamp::UNIX_EPOCH,
            };
            let parts: Vec<Part> = parts("jrn_1", report).map(|part| part.unwrap().part.unwrap()).collect().await;
            assert!(matches!(&parts[0], Part::Head(head) if head.name == "jrn_1.xlsx"));
            let mut sent = Vec::new();
            for part in &parts[1..parts.len() - 1] {
                match part {
                    Part::Chunk(chunk) => sent.extend_from_slice(chunk),
                    other => panic!("{other:?}"),
                }
            }
            let Some(Part::Trailer(trailer)) = parts.last() else { panic!("no trailer") };
            assert_eq!((trailer.size_bytes, &trailer.sha256), (size as i64, &sha256(&sent)));
            assert_eq!(sent, bytes);
        }
    }
}
