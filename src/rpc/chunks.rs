//! A document as a stream: head, chunks, trailer.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::Status;

/// Most bytes of a chunk.
const CHUNK: usize = 256 * 1024;

/// One message of the stream.
#[derive(Debug)]
pub(super) enum Part<H> {
    /// What it is.
    Head(H),
    /// Some of it.
    Chunk(Bytes),
    /// What was sent.
    Trailer {
        /// How many bytes.
        size_bytes: i64,
        /// Their SHA-256.
        sha256: Bytes,
    },
}

/// The messages of a document, each made by `message` when it is asked for.
pub(super) fn parts<H, M>(
    head: H,
    bytes: Bytes,
    message: impl Fn(Part<H>) -> M + Send + 'static,
) -> BoxStream<'static, Result<M, Status>>
where
    H: Send + 'static,
    M: Send + 'static,
{
    let trailer = Part::Trailer { size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX), sha256: sha256(&bytes) };
    let chunks = (0..bytes.len()).step_by(CHUNK).map(move |at| Part::Chunk(bytes.slice(at..bytes.len().min(at + CHUNK))));
    let parts = std::iter::once(Part::Head(head)).chain(chunks).chain(std::iter::once(trailer));
    stream::iter(parts.map(move |part| Ok(message(part)))).boxed()
}

fn sha256(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_trailer_is_of_exactly_the_bytes_sent() {
        for size in [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes = Bytes::from(vec![7; size]);
            let parts: Vec<_> = parts("head", bytes.clone(), |part| part).map(Result::unwrap).collect().await;
            assert!(matches!(parts[0], Part::Head("head")));
            let mut sent = Vec::new();
            for part in &parts[1..parts.len() - 1] {
                match part {
                    Part::Chunk(chunk) if (1..=CHUNK).contains(&chunk.len()) => sent.extend_from_slice(chunk),
                    other => panic!("{other:?}"),
                }
            }
            let Some(Part::Trailer { size_bytes, sha256: told }) = parts.last() else { panic!("no trailer") };
            assert_eq!((*size_bytes, told), (size as i64, &sha256(&sent)));
            assert_eq!(sent, bytes);
        }
    }
}
