//! Runs a call's work only while the call has time. When many calls reach their deadline together, leftover work would delay their answers. So
//! the clock is read before each step of the work, and work that is not started in time is never started.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use tokio::time::{Instant, sleep_until};

/// The time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// Before the work began: nothing was done.
    Unbegun,
    /// While the work went on.
    Begun,
}

/// The output of `work`, which begins before `last_begin` and ends before `end`, or not at all.
pub(super) async fn in_time<F: Future>(last_begin: Instant, end: Instant, work: F) -> Result<F::Output, Late> {
    if Instant::now() >= last_begin {
        return Err(Late::Unbegun);
    }
    let (mut work, mut over) = (pin!(work), pin!(sleep_until(end)));
    poll_fn(|cx| {
        // By the clock: a busy runtime fires its timers late.
        if Instant::now() >= end {
            return Poll::Ready(Err(Late::Begun));
        }
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        over.as_mut().poll(cx).map(|()| Err(Late::Begun))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::{advance, sleep};

    use super::*;

    const TIME: Duration = Duration::from_millis(300);

    #[tokio::test(start_paused = true)]
    async fn work_that_waited_past_its_time_is_never_begun() {
        let begun = Cell::new(false);
        let now = Instant::now();
        let queued = in_time(now + TIME, now + TIME * 2, async { begun.set(true) });
        advance(TIME).await;
        assert_eq!((queued.await, begun.get()), (Err(Late::Unbegun), false));
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_not_resumed_once_its_time_is_over() {
        let steps = Cell::new(0);
        let now = Instant::now();
        let work = async {
            steps.set(1);
            sleep(TIME).await;
            steps.set(2);
        };
        assert_eq!((in_time(now + TIME, now + TIME, work).await, steps.get()), (Err(Late::Begun), 1));
        assert_eq!(now.elapsed(), TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_in_time_gives_its_output() {
        let now = Instant::now();
        let work = async {
            sleep(TIME / 2).await;
            7
        };
        assert_eq!(in_time(now + TIME, now + TIME, work).await, Ok(7));
    }
}
