//! When the task that sends an answer ends. HTTP/2 does not poll a body while the peer's flow-control window is closed, so a timer inside the
//! body cannot end it. Instead the task ends: this drops the body with everything that it holds, and resets the stream.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Duration, Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};

tokio::task_local! {
    static END: Cell<Option<Instant>>;
}

/// Sets when the task of this call ends; `None` lets it go on. Does nothing outside the task of a call.
pub(super) fn set(end: Option<Instant>) {
    let _ = END.try_with(|cell| cell.set(end));
}

/// Runs a call until it is done, until its end, or until the cut.
pub(super) async fn run(call: impl Future, cut: Arc<CancellationToken>) {
    let bounded = async move {
        let (mut call, mut cut) = (pin!(call), pin!(cut.cancelled()));
        // Most calls are done before a timer is needed.
        let mut timer: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            if call.as_mut().poll(cx).is_ready() || cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let Some(end) = END.with(Cell::get) else { return Poll::Pending };
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
            if timer.deadline() != end {
                timer.as_mut().reset(end);
            }
            timer.as_mut().poll(cx)
        })
        .await;
    };
    END.scope(Cell::new(None), bounded).await;
}

/// The body of a stream without a deadline. Its task ends when the peer takes nothing of what is ready for this long.
pub(super) struct Unread {
    body: Body,
    limit: Duration,
}

impl Unread {
    pub(super) fn body(body: Body, limit: Duration) -> Body {
        set(Some(Instant::now() + limit));
        Body::new(Self { body, limit })
    }
}

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // While there is nothing to send, the peer is not at fault.
        set(polled.is_ready().then(|| Instant::now() + self.limit));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
