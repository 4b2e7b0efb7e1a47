//! Gives the streams of reflection their reasons. The library ends a stream whose message it cannot read as if the caller had ended it, with OK;
//! and a name that it does not know with a NOT_FOUND like that of a health check.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use tonic::{Code, Status, body::Body, server::NamedService};
use tower::Service;

use super::layers::refusal;

/// A reflection service whose errors have a reason.
#[derive(Debug, Clone)]
pub struct Reasoned<S>(pub S);

impl<S: NamedService> NamedService for Reasoned<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Reasoned<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let read = Arc::<Mutex<Framing>>::default();
        let watched = request.map(|body| Body::new(Watched { body, read: read.clone() }));
        let answer = self.0.call(watched);
        Box::pin(async move { Ok(answer.await?.map(|body| Body::new(Answer { body, read }))) })
    }
}

/// How far a stream of length-prefixed messages was read (PROTOCOL-HTTP2.md).
#[derive(Debug, Default)]
struct Framing {
    prefix: Vec<u8>,
    /// What is missing of the message.
    missing: usize,
    /// Whether the message that is read, or was read last, is longer than the service takes.
    too_large: bool,
    ended: bool,
}

/// Most bytes of a message: a request names one symbol or file.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

impl Framing {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.missing > 0 {
                let message = self.missing.min(bytes.len());
                self.missing -= message;
                bytes = bytes.split_at_checked(message).map_or(&[], |(_, rest)| rest);
                continue;
            }
            bytes = rest;
            self.prefix.push(*first);
            if let [_, length @ ..] = self.prefix.as_slice()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.too_large = self.missing > MAX_MESSAGE_BYTES;
                self.prefix.clear();
            }
        }
    }

    /// Whether the caller has ended the stream behind a whole message. A reader that stops earlier has met a message that it cannot read.
    fn is_whole(&self) -> bool {
        self.ended && self.prefix.is_empty() && self.missing == 0
    }
}

/// The request, watched as it is read.
struct Watched {
    body: Body,
    read: Arc<Mutex<Framing>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &frame {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => read.read(data),
                None => read.ended = true,
            },
            Some(Err(_)) => {}
            None => read.ended = true,
        }
        drop(read);
        Poll::Ready(frame)
    }
}

/// The answer, whose trailers get a reason.
struct Answer {
    body: Body,
    read: Arc<Mutex<Framing>>,
}

impl Answer {
    fn reason(&self, code: Code) -> Option<Status> {
        match code {
            Code::Ok => {
                let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                match read.is_whole() {
                    true => None,
                    false if read.too_large => Some(refusal::request_too_large()),
                    false => Some(refusal::request_unreadable()),
                }
            }
            Code::NotFound => Some(refusal::reflection_name_unknown()),
            _ => None,
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let code = |frame: &Frame<Bytes>| Some(Code::from_bytes(frame.trailers_ref()?.get(Status::GRPC_STATUS)?.as_bytes()));
        let reason = frame.as_ref().and_then(|frame| self.reason(code(frame.as_ref().ok()?)?));
        Poll::Ready(match reason {
            Some(status) => Some(Ok(Frame::trailers(refusal::trailers(&status)))),
            None => frame,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]], ended: bool) -> bool {
        let mut framing = Framing { ended, ..Framing::default() };
        parts.iter().for_each(|part| framing.read(part));
        framing.is_whole()
    }

    #[test]
    fn only_an_ended_stream_of_whole_messages_is_whole() {
        let two = [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0];
        assert!(read(&[], true));
        assert!(read(&[&two], true));
        assert!(!read(&[&two], false), "the reader has stopped before its end");
        for cut in 1..two.len() {
            let whole = cut == 6;
            assert_eq!(read(&[&two[..cut]], true), whole, "{cut}");
            assert!(read(&[&two[..cut], &two[cut..]], true), "{cut}");
        }
    }
}
