//! Receiving a document and believing it only if its trailer fits.

use aws_lc_rs::digest;
use futures_util::{Stream, StreamExt};
use tonic::Status;

use crate::pb::{FetchReportResponse, fetch_report_response::Part};

/// The document's bytes; a text that says what is wrong with the stream otherwise.
pub(super) async fn collect(
    mut stream: impl Stream<Item = Result<FetchReportResponse, Status>> + Unpin,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut trailer = None;
    let mut headed = false;
    while let Some(message) = stream.next().await {
        let message = message.map_err(|status| format!("the report broke off: {:?}: {}", status.code(), status.message()))?;
        match message.part {
            Some(Part::Head(_)) if !headed && bytes.is_empty() => headed = true,
            Some(Part::Chunk(chunk)) if headed && trailer.is_none() => bytes.extend_from_slice(&chunk),
            Some(Part::Trailer(end)) if headed && trailer.is_none() => trailer = Some(end),
            _ => return Err("the report's parts come out of order".to_owned()),
        }
    }
    let trailer = trailer.ok_or("the report has no trailer")?;
    if i64::try_from(bytes.len()) != Ok(trailer.size_bytes) {
        return Err(format!("the report has {} bytes, its trailer says {}", bytes.len(), trailer.size_bytes));
    }
    if digest::digest(&digest::SHA256, &bytes).as_ref() != trailer.sha256 {
        return Err("the report's SHA-256 is not the one of its trailer".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::pb::{ReportHead, ReportTrailer};

    fn trailer(bytes: &[u8], size: i64) -> Part {
        let sha256 = digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
        Part::Trailer(ReportTrailer { size_bytes: size, sha256: sha256.into() })
    }

    async fn collected(parts: Vec<Part>) -> Result<Vec<u8>, String> {
        collect(stream::iter(parts.into_iter().map(|part| Ok(FetchReportResponse { part: Some(part) })))).await
    }

    #[tokio::test]
    async fn only_a_whole_document_is_believed() {
        let head = || Part::Head(ReportHead::default());
        let chunk = |bytes: &'static [u8]| Part::Chunk(bytes.into());
        assert_eq!(collected(vec![head(), chunk(b"ab"), chunk(b"c"), trailer(b"abc", 3)]).await, Ok(b"abc".to_vec()));
        for broken in [
            vec![head(), chunk(b"abc")],
            vec![head(), chunk(b"abc"), trailer(b"abc", 4)],
            vec![head(), chunk(b"abd"), trailer(b"abc", 3)],
            vec![chunk(b"abc"), trailer(b"abc", 3)],
            vec![head(), trailer(b"abc", 3), chunk(b"abc")],
        ] {
            assert!(collected(broken).await.is_err());
        }
    }
}
