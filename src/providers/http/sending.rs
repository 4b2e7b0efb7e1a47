//! Whether a write has begun to leave the gateway, so that the effect of a lost write is known and not guessed.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// How far the sending of one request has come. Clones share it: the layers around a call read what the innermost one does.
///
/// HTTP/1.1 takes the body in the same step in which it buffers the head, and writes to the socket only afterwards. So the first take of
/// the body is the last moment at which nothing has been sent.
#[derive(Debug, Clone, Default)]
pub struct Sending(Arc<AtomicU8>);

impl Sending {
    /// Marks that bytes may leave from now on. Returns false if the call was given up before.
    pub(crate) fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, BEGUN, Ordering::SeqCst, Ordering::SeqCst) != Err(GIVEN_UP)
    }

    /// Whether bytes may have left.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst) == BEGUN
    }

    /// Stops a request that has not begun. Returns true if no byte has left, and then none will.
    pub fn give_up(&self) -> bool {
        self.0.compare_exchange(WAITING, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst) != Err(BEGUN)
    }
}

/// A request body that marks its [`Sending`] when it is taken. Its exact length is known, so a `Content-Length` is sent and no chunks:
/// a provider may answer 411 without one.
pub(super) struct WatchedBody {
    data: Option<Bytes>,
    sending: Sending,
}

impl WatchedBody {
    pub(super) fn new(data: Bytes, sending: Sending) -> Self {
        Self { data: Some(data), sending }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(data) = self.data.take() else { return Poll::Ready(None) };
        match self.sending.begin() {
            true => Poll::Ready(Some(Ok(Frame::data(data)))),
            // The error ends the connection, and with it the head that is buffered and not written yet.
            false => Poll::Ready(Some(Err(io::Error::other("the call was given up before it was sent")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_that_is_taken_cannot_be_given_up() {
        let sending = Sending::default();
        let body = WatchedBody::new(Bytes::from_static(b"{}"), sending.clone());
        assert_eq!((body.size_hint().exact(), sending.has_begun()), (Some(2), false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "{}");
        assert_eq!((sending.has_begun(), sending.give_up()), (true, false));
    }

    #[tokio::test]
    async fn a_call_that_was_given_up_yields_no_byte() {
        let sending = Sending::default();
        assert!(sending.give_up() && sending.give_up());
        let body = WatchedBody::new(Bytes::from_static(b"{}"), sending.clone());
        assert!(body.collect().await.is_err());
        assert!(!sending.has_begun());
    }
}
