//! The feed of all changes of a tenant.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Parts, Woken,
    hub::{Ear, Subject},
    lag::Lag,
    sleep, token,
};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::JourneyState,
        service::Service,
    },
    store::{FeedEvent, FeedPosition},
};

/// Changes that are read at once.
const BATCH: u32 = 128;
/// When to look again for what is written and cannot be read yet.
const HELD_BACK: Duration = Duration::from_millis(25);

/// What the feed tells.
#[derive(Debug)]
pub enum FeedItem {
    /// A journey has changed.
    Change(Box<FeedEvent>),
    /// What came before cannot be told.
    Reset,
    /// A sign of life, at the gateway's time.
    Heartbeat(Timestamp),
}

/// A feed that is read.
pub struct FeedWatch {
    parts: Parts,
    ear: Ear,
    /// Which states are told; empty means all.
    states: Vec<JourneyState>,
    /// Up to where everything is told.
    told: FeedPosition,
    /// What is read and not told yet; empty while the stream sleeps.
    first: Option<FeedItem>,
    events: VecDeque<FeedEvent>,
    /// Whether the store may have more.
    unread: bool,
    /// Whether the store has more that cannot be read yet.
    held_back: bool,
    lag: Lag,
    heartbeat_at: Instant,
    ended: bool,
}

impl Service {
    /// Watches the journeys of the tenant from now on, or after a token.
    pub async fn watch_journeys(&self, resume_token: &str, states: Vec<JourneyState>) -> Result<FeedWatch, Failure> {
        let tenant = &self.tenant().id;
        let after = match resume_token {
            "" => None,
            text => Some(token::read(&self.parts.tokens, text).ok_or(JourneyError::ResumeTokenMismatch)?),
        };
        let ear = self.watches().listen(Subject::Tenant(tenant.clone()))?;
        let end = self.store().feed_end(tenant).await?;
        let (told, first) = match after {
            None => (end, Some(FeedItem::Heartbeat(self.clock().now()))),
            // The store was put back to an earlier day: what follows is not what followed then.
            Some(after) if after > end => (end, Some(FeedItem::Reset)),
            Some(after) => (after, None),
        };
        Ok(FeedWatch {
            parts: self.parts.clone(),
            heartbeat_at: Instant::now() + ear.hub().settings().heartbeat,
            ear,
            states,
            told,
            first,
            events: VecDeque::new(),
            unread: true,
            held_back: false,
            lag: Lag::default(),
            ended: false,
        })
    }
}

impl FeedWatch {
    /// The next message, with the token of the place after it; `None` after an error.
    pub async fn next(&mut self) -> Option<Result<(FeedItem, String), JourneyError>> {
        if self.ended {
            return None;
        }
        let next = self.go_on().await;
        self.ended = next.is_err();
        self.heartbeat_at = Instant::now() + self.ear.hub().settings().heartbeat;
        Some(next.map(|item| (item, token::write(&self.parts.tokens, self.told))))
    }

    async fn go_on(&mut self) -> Result<FeedItem, JourneyError> {
        // What was told since the last message went out waited for the reader.
        self.lag.told(self.ear.take());
        if self.lag.exceeds(self.ear.hub().settings().buffer) {
            return Err(JourneyError::WatchTooSlow);
        }
        loop {
            if self.ear.hub().stopping().is_cancelled() {
                return Err(JourneyError::ShuttingDown);
            }
            if let Some(first) = self.first.take() {
                return Ok(first);
            }
            if let Some(event) = self.events.pop_front() {
                self.told = event.position;
                self.lag.sent();
                if self.states.is_empty() || self.states.contains(&event.state) {
                    return Ok(FeedItem::Change(Box::new(event)));
                }
                continue;
            }
            if self.unread {
                self.read().await?;
                self.ear.take();
                continue;
            }
            self.events = VecDeque::new();
            match self.sleep().await {
                Woken::Told => self.unread = true,
                Woken::Heartbeat => return Ok(FeedItem::Heartbeat(self.parts.clock.now())),
                Woken::Stopped => {}
            }
        }
    }

    async fn sleep(&mut self) -> Woken {
        let news = sleep(&self.ear, self.heartbeat_at, self.ear.hub().stopping());
        if !self.held_back {
            return news.await;
        }
        tokio::select! {
            woken = news => woken,
            () = tokio::time::sleep(HELD_BACK) => Woken::Told,
        }
    }

    async fn read(&mut self) -> Result<(), JourneyError> {
        let hub = self.ear.shared_hub();
        let _turn = hub.turn().await;
        let (store, tenant) = (&self.parts.store, &self.parts.tenant.id);
        let page = store.feed(tenant, self.told, BATCH).await?;
        if page.trimmed {
            self.told = store.feed_end(tenant).await?;
            self.lag.read(true);
            self.first = Some(FeedItem::Reset);
            return Ok(());
        }
        let all = page.events.len() < BATCH as usize;
        self.unread = !all;
        self.held_back = page.held_back;
        self.lag.read(all);
        self.events = page.events.into();
        Ok(())
    }
}
