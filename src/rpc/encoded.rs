//! Answers that are kept encoded. A handler puts the bytes into the response's extensions and answers an empty message; here, just
//! outside the generated server, they take that message's place. So a cached answer is not decoded, cloned or encoded again, while
//! every layer, the handler and its checks stay in its way. Where the call has agreed on a compression, a page that can be asked for again
//! goes out as a frame that was compressed once.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use prost::Message;
use tonic::{body::Body, server::NamedService};
use tower::Service;

use super::frames::Frames;
use crate::cache::Compression;

/// The encoded message of an answer, in the response's extensions: a short part, and a long one that is sent without being copied.
/// Fields of a message may stand in any order, so both are simply one after the other.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    /// Copied into the frame.
    pub short: Bytes,
    /// Sent as it is kept; often empty.
    pub long: Bytes,
    /// Where its compressed frames are, if they are kept.
    pub frames: Option<Frames>,
}

/// An answer of encoded entries and what else it says. One run of entries goes out as it is kept; several are copied together.
pub(super) fn page<T: Message + Default>(entries: &[Bytes], head: &T, frames: Option<Frames>) -> tonic::Response<T> {
    let long = match entries {
        [] => Bytes::new(),
        [run] => run.clone(),
        runs => Bytes::from(runs.concat()),
    };
    let mut response = tonic::Response::new(T::default());
    response.extensions_mut().insert(Encoded { short: head.encode_to_vec().into(), long, frames });
    response
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct SendEncoded<S>(pub S);

impl<S: NamedService> NamedService for SendEncoded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<B>> for SendEncoded<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(message) = response.extensions_mut().remove::<Encoded>() {
                // The generated server has written here what the call has agreed on.
                let agreed = response.headers().get("grpc-encoding").and_then(|word| Compression::named(word.as_bytes()));
                *response.body_mut() = Body::new(message.into_body(agreed).await);
            }
            Ok(response)
        })
    }
}

impl Encoded {
    /// The body: compressed where that is agreed and kept. A frame says by itself whether it is compressed, so a plain one always fits.
    async fn into_body(self, agreed: Option<Compression>) -> OneMessage {
        let compressed = match (&self.frames, agreed) {
            (Some(frames), Some(compression)) => frames.frame(compression, &self.short, &self.long).await,
            _ => None,
        };
        match compressed {
            Some(frame) => OneMessage::new(frame, Bytes::new()),
            None => OneMessage::new(self.plain_head(), self.long),
        }
    }

    /// What stands before the long part in a frame that is not compressed.
    fn plain_head(&self) -> Bytes {
        let mut frame = BytesMut::with_capacity(5 + self.short.len());
        frame.put_u8(0);
        // A page is at most 3 MiB and a tree a few KiB.
        frame.put_u32(u32::try_from(self.short.len() + self.long.len()).unwrap_or(u32::MAX));
        frame.put_slice(&self.short);
        frame.freeze()
    }
}

/// One frame of one message, then trailers that say OK.
struct OneMessage {
    short: Option<Bytes>,
    long: Bytes,
    trailers: Option<HeaderMap>,
}

impl OneMessage {
    fn new(short: Bytes, long: Bytes) -> Self {
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Self { short: Some(short), long, trailers: Some(trailers) }
    }
}

impl http_body::Body for OneMessage {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(short) = self.short.take() {
            return Poll::Ready(Some(Ok(Frame::data(short))));
        }
        if !self.long.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.long)))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.short.is_none() && self.long.is_empty() && self.trailers.is_none()
    }
}
