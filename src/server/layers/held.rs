//! A body that holds the place of its call until its peer takes the last byte, or until the body is dropped.
//!
//! HTTP/2 buffers a whole frame as soon as the peer's flow-control window has room for one byte. So the last byte of a large frame goes in a
//! frame of its own: it is polled only after the window has room for all bytes before it, and until then the call keeps its place and its
//! end (`server::call_end`).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

/// Frames up to this size are sent whole: so many bytes of one call can be buffered for a peer that does not read them.
const SMALL: usize = 16 * 1024;

/// `P` is the place; dropping it gives the place back.
pub(super) struct Held<P> {
    body: Body,
    place: Option<P>,
    last_byte: Option<Bytes>,
}

impl<P: Send + Unpin + 'static> Held<P> {
    /// The body with its place.
    pub(super) fn body(body: Body, place: P) -> Body {
        Body::new(Self { body, place: Some(place), last_byte: None })
    }
}

impl<P: Unpin> http_body::Body for Held<P> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(last) = self.last_byte.take() {
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let ended = match &polled {
            Poll::Ready(None | Some(Err(_))) => true,
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Pending => false,
        };
        if ended {
            self.place = None;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(self.without_last_byte(frame)))),
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.last_byte.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<P> Held<P> {
    fn without_last_byte(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(mut data) if data.len() > SMALL => {
                self.last_byte = Some(data.split_off(data.len() - 1));
                Frame::data(data)
            }
            Ok(data) => Frame::data(data),
            Err(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::{BodyExt, StreamBody};
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_large_frame_keeps_its_last_byte_back() {
        let large: Bytes = (0..=255).cycle().take(SMALL + 10).collect();
        let small = large.slice(..SMALL);
        let frames = [large.clone(), small.clone(), large.clone()].map(|data| Ok::<_, Status>(Frame::data(data)));
        let place = Arc::new(());
        let mut body = Held::body(Body::new(StreamBody::new(tokio_stream::iter(frames).fuse())), place.clone());
        let mut sizes = Vec::new();
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            sizes.push(data.len());
            whole.extend(data);
            assert_eq!(Arc::strong_count(&place), 2);
        }
        assert_eq!(sizes, [SMALL + 9, 1, SMALL, SMALL + 9, 1]);
        assert_eq!(whole, [large.clone(), small, large].concat());
        assert_eq!(Arc::strong_count(&place), 1);
    }

    #[tokio::test]
    async fn a_body_with_a_last_byte_left_is_not_at_its_end() {
        let whole = http_body_util::Full::new(Bytes::from(vec![1; SMALL + 1])).map_err(|never| match never {});
        let mut body = Held::body(Body::new(whole), ());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), SMALL);
        assert!(!http_body::Body::is_end_stream(&body));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 1);
        assert!(http_body::Body::is_end_stream(&body));
    }
}
