//! Watches: streams of changes. What waits for a reader stands in the store, never in memory: a stream remembers only how far it has
//! told, sleeps until its ear is told that there is more, and reads on from there. So an idle stream is small, and each change is told
//! once and in order whatever is lost or doubled on the way of the news.

mod feed;
mod hub;
mod lag;
mod status;
mod token;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use feed::{FeedItem, FeedWatch};
pub use hub::Hub;
pub use status::{StatusItem, StatusWatch};

use hub::Ear;

/// How journeys are watched.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Changes of one journey that are kept.
    pub keep: u32,
    /// How long a change is kept.
    pub keep_for: Duration,
    /// After what silence a stream gives a sign of life.
    pub heartbeat: Duration,
    /// Changes that may wait for a reader.
    pub buffer: u32,
    /// Most streams at once.
    pub streams: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep: 200,
            keep_for: Duration::from_secs(72 * 3_600),
            heartbeat: Duration::from_secs(15),
            buffer: 256,
            streams: 10_000,
        }
    }
}

/// What ends a stream's sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// There may be more to tell.
    Told,
    /// Nothing was told for long.
    Heartbeat,
    /// The process stops.
    Stopped,
}

/// Sleeps until something is to be done.
async fn sleep(ear: &Ear, heartbeat_at: Instant, stopping: &CancellationToken) -> Woken {
    tokio::select! {
        biased;
        () = stopping.cancelled() => Woken::Stopped,
        () = ear.told() => Woken::Told,
        () = sleep_until(heartbeat_at) => Woken::Heartbeat,
    }
}

/// The store and the clock, as a stream needs them: it lives long and holds as little as it can.
type Parts = Arc<super::service::Parts>;
