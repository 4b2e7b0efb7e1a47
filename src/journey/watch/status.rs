//! The watch of one journey.

use std::collections::VecDeque;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Parts, Woken,
    hub::{Ear, Subject},
    lag::Lag,
    sleep,
};
use crate::{
    journey::{
        derive,
        error::{Failure, JourneyError},
        model::Journey,
        service::Service,
    },
    random::is_id,
    store::Event,
};

/// Changes that are read at once.
const BATCH: u32 = 16;

/// What a watch tells.
#[derive(Debug)]
pub enum StatusItem {
    /// The tree as it is.
    Snapshot {
        /// The tree.
        journey: Box<Journey>,
        /// Whether it stands for changes that cannot be told.
        reset: bool,
    },
    /// One change.
    Change(Box<Event>),
    /// A sign of life.
    Heartbeat {
        /// The gateway's time.
        at: Timestamp,
        /// Up to where everything is told.
        sequence: i64,
    },
}

/// A journey that is watched.
pub struct StatusWatch {
    parts: Parts,
    ear: Ear,
    journey_id: String,
    follow: bool,
    /// The sequence up to which everything is told.
    told: i64,
    /// What is read and not told yet; empty while the stream sleeps.
    first: Option<StatusItem>,
    events: VecDeque<Event>,
    /// Whether the store may have more.
    unread: bool,
    /// Whether the newest tree that was read expects nothing more.
    quiet: bool,
    lag: Lag,
    heartbeat_at: Instant,
    ended: bool,
}

impl Service {
    /// Watches a journey: from now on with a snapshot, or after a sequence.
    pub async fn watch_status(&self, journey_id: &str, after: Option<i64>, follow: bool) -> Result<StatusWatch, Failure> {
        if !is_id(journey_id, "jrn") {
            return Err(JourneyError::JourneyNotFound.into());
        }
        // Before the store is read: a change in between is told.
        let ear = self.watches().listen(Subject::Journey(self.tenant().id.clone(), journey_id.to_owned()))?;
        let journey = self.load(&self.tenant().id, journey_id).await?;
        let now = journey.sequence;
        let mut watch = StatusWatch {
            parts: self.parts.clone(),
            heartbeat_at: Instant::now() + ear.hub().settings().heartbeat,
            ear,
            journey_id: journey_id.to_owned(),
            follow,
            told: after.unwrap_or(now),
            first: None,
            events: VecDeque::new(),
            unread: false,
            quiet: false,
            lag: Lag::default(),
            ended: false,
        };
        match after {
            Some(after) if after < now => watch.unread = true,
            Some(after) if after == now => {
                watch.lag.read(true);
                watch.quiet = derive::quiet(&journey);
            }
            _ => watch.snapshot(journey, after.is_some()),
        }
        Ok(watch)
    }
}

impl StatusWatch {
    /// The next message; `None` at the end. After an error comes the end.
    pub async fn next(&mut self) -> Option<Result<StatusItem, JourneyError>> {
        if self.ended {
            return None;
        }
        let next = self.go_on().await;
        self.ended = !matches!(next, Some(Ok(_)));
        self.heartbeat_at = Instant::now() + self.ear.hub().settings().heartbeat;
        next
    }

    async fn go_on(&mut self) -> Option<Result<StatusItem, JourneyError>> {
        // What was told since the last message went out waited for the reader.
        self.lag.told(self.ear.take());
        if self.lag.exceeds(self.ear.hub().settings().buffer) {
            return Some(Err(JourneyError::WatchTooSlow));
        }
        loop {
            if self.ear.hub().stopping().is_cancelled() {
                return Some(Err(JourneyError::ShuttingDown));
            }
            if let Some(first) = self.first.take() {
                return Some(Ok(first));
            }
            if let Some(event) = self.events.pop_front() {
                self.told = event.sequence;
                self.lag.sent();
                return Some(Ok(StatusItem::Change(Box::new(event))));
            }
            if self.unread {
                if let Err(error) = self.read().await {
                    return Some(Err(error));
                }
                self.ear.take();
                continue;
            }
            // An idle stream keeps no room for what it has told.
            self.events = VecDeque::new();
            if self.quiet && !self.follow {
                return None;
            }
            match sleep(&self.ear, self.heartbeat_at, self.ear.hub().stopping()).await {
                Woken::Told => self.unread = true,
                Woken::Heartbeat => {
                    return Some(Ok(StatusItem::Heartbeat { at: self.parts.clock.now(), sequence: self.told }));
                }
                Woken::Stopped => {}
            }
        }
    }

    /// Reads on in the history. Where it has a gap, the tree as it is now stands for what is missing.
    async fn read(&mut self) -> Result<(), JourneyError> {
        let hub = self.ear.shared_hub();
        let _turn = hub.turn().await;
        if self.read_on().await? {
            return Ok(());
        }
        let (store, tenant) = (&self.parts.store, &self.parts.tenant.id);
        let journey = store.journey(tenant, &self.journey_id).await?.ok_or(JourneyError::JourneyNotFound)?.journey;
        if journey.sequence == self.told {
            // It was told already, or it was no change of the tree.
            self.quiet = derive::quiet(&journey);
            self.unread = false;
            self.lag.read(true);
        } else if !self.read_on().await? {
            // The history was read again, for a change that came between the two reads is no gap.
            self.snapshot(journey, true);
        }
        Ok(())
    }

    /// Reads the next changes; answers whether there are any, without a gap.
    async fn read_on(&mut self) -> Result<bool, JourneyError> {
        let events = self.parts.store.events_of(&self.parts.tenant.id, &self.journey_id, self.told, BATCH).await?;
        let all = events.len() < BATCH as usize;
        let unbroken = (self.told + 1..).zip(&events).all(|(sequence, event)| event.sequence == sequence);
        let (true, Some(newest)) = (unbroken, events.last()) else { return Ok(false) };
        self.quiet = all && derive::quiet(&newest.journey);
        self.unread = !all;
        self.lag.read(all);
        self.events = events.into();
        Ok(true)
    }

    fn snapshot(&mut self, journey: Journey, reset: bool) {
        self.told = journey.sequence;
        self.quiet = derive::quiet(&journey);
        // What came while the tree was read is found by the next news of it, which the ear has kept.
        self.unread = false;
        self.lag.read(true);
        self.first = Some(StatusItem::Snapshot { journey: Box::new(journey), reset });
    }
}
