//! Pages as compressed frames, made once and kept. The rows of a page are a run of bytes that never changes; what stands beside them is in
//! the frame's key, so that whatever is sent says what the call's own handler has just said.

use bytes::{BufMut, Bytes};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use jiff::Timestamp;
use tonic::{
    Status,
    codec::{EncodeBody, EncodeBuf, Encoder},
};

use crate::{
    cache::{Compression, Frame, FrameKey, Loading},
    journey::{error::JourneyError, service::Run},
};

/// The compressed frames of one page.
#[derive(Clone)]
pub(super) struct Frames {
    /// All that are kept.
    pub cache: Loading<FrameKey, Frame>,
    /// Which rows the page is.
    pub run: Run,
    /// The time of the call.
    pub now: Timestamp,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Frames {
    /// The frame of the message of `short` and `long`: made by the first who asks, while all others wait for it.
    pub(super) async fn frame(&self, compression: Compression, short: &Bytes, long: &Bytes) -> Option<Bytes> {
        let Run { rows, range, until } = self.run.clone();
        let key = FrameKey { rows, range, head: short.clone(), compression };
        if let Some(kept) = self.cache.peek(&key, self.now, |_| true).await {
            return Some(kept.bytes);
        }
        let (short, long, head) = (short.clone(), long.clone(), key.head.len());
        let load = move || async move {
            // Milliseconds of work: too long for a thread that other calls share.
            let made = tokio::task::spawn_blocking(move || compress(&[short, long], compression)).await;
            let bytes = made.ok().flatten().ok_or(JourneyError::Internal("a page could not be compressed"))?;
            Ok(Frame { bytes, head, until })
        };
        // Without it the page goes out plain.
        self.cache.get(key, self.now, |_| true, load).await.ok().map(|(kept, _)| kept.bytes)
    }
}

/// One message as the frame that tonic makes of it.
fn compress(parts: &[Bytes], compression: Compression) -> Option<Bytes> {
    let message = tokio_stream::once(Ok::<_, Status>(parts.to_vec()));
    // A client's body has no trailers: these are written for each call.
    let body = EncodeBody::new_client(Parts, message, Some(compression.encoding()), None);
    let frame = body.collect().now_or_never()?.ok()?.to_bytes();
    // The buffer grew in steps and has room left that nobody weighs.
    (!frame.is_empty()).then(|| Bytes::copy_from_slice(&frame))
}

/// Writes a message that is encoded already.
struct Parts;

impl Encoder for Parts {
    type Item = Vec<Bytes>;
    type Error = Status;

    fn encode(&mut self, parts: Vec<Bytes>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(parts.iter().map(Bytes::len).sum());
        parts.iter().for_each(|part| out.put_slice(part));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::{Cached, RowsKey},
        pb::View,
    };

    fn frames() -> Frames {
        let rows = RowsKey { tenant: "t".into(), fetch_id: "fch_1".to_owned(), view: View::Masked };
        let until = Timestamp::from_second(100).unwrap();
        Frames {
            cache: Loading::new(1_000_000),
            run: Run { rows, range: (0, 9_000), until },
            now: Timestamp::from_second(1).unwrap(),
        }
    }

    fn long() -> Bytes {
        Bytes::from(b"a row ".repeat(1_500))
    }

    #[tokio::test]
    async fn a_frame_is_made_once_for_all_who_ask() {
        let frames = frames();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let asked: Vec<_> = (0..20)
                .map(|_| {
                    let frames = frames.clone();
                    tokio::spawn(async move { frames.frame(compression, &Bytes::from_static(b"head"), &long()).await.unwrap() })
                })
                .collect();
            let mut made = std::collections::HashSet::new();
            for frame in asked {
                let frame = frame.await.unwrap();
                assert_eq!(frame[0], 1, "it says that it is compressed");
                assert_eq!(frame[1..5], u32::try_from(frame.len() - 5).unwrap().to_be_bytes());
                assert!(frame.len() < 1_000);
                made.insert(frame.as_ptr());
            }
            assert_eq!(made.len(), 1, "{compression:?}");
        }
    }

    #[tokio::test]
    async fn what_differs_in_anything_is_another_frame() {
        let first = frames();
        let mut others = vec![first.clone(); 5];
        others[1].run.rows.tenant = "u".into();
        others[2].run.rows.fetch_id = "fch_2".to_owned();
        others[3].run.rows.view = View::Full;
        others[4].run.range = (0, 8_000);
        let mut made = std::collections::HashSet::new();
        for frames in &others {
            for head in [b"head", b"tail"] {
                for compression in [Compression::Gzip, Compression::Zstd] {
                    made.insert(frames.frame(compression, &Bytes::from_static(head), &long()).await.unwrap().as_ptr());
                }
            }
        }
        assert_eq!(made.len(), 5 * 2 * 2);
    }

    #[tokio::test]
    async fn a_frame_lives_no_longer_than_its_rows_and_weighs_what_it_holds() {
        let mut frames = frames();
        let head = Bytes::from_static(b"head");
        let first = frames.frame(Compression::Zstd, &head, &long()).await.unwrap();
        frames.now = frames.run.until;
        let again = frames.frame(Compression::Zstd, &head, &long()).await.unwrap();
        assert_eq!(first, again);
        assert_ne!(first.as_ptr(), again.as_ptr());
        let kept = Frame { bytes: first.clone(), head: head.len(), until: frames.now };
        assert!(kept.weight() > first.len() + head.len());
    }
}
