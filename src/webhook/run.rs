//! Applies what is in the inbox, in the background. What is due stands in the store, so a restart loses nothing.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty};

use super::{
    Inbox,
    applied::{Decision, Work},
};
use crate::{
    journey::{
        fair_queue::{FairQueue, Slot},
        model::lane_name,
    },
    store::{Lane, Message, MessageState, Settled, StoreError},
    telemetry::metrics::words::Applied,
};

/// Messages that are applied with one commit.
const BATCH: u32 = 256;
/// Messages that are worked on at once beside the pass: lost openings to read back, contents to add. They are divided among the credentials
/// as polls are, because reading back waits for a provider.
const WORKERS: usize = 8;
/// However far away the next due time is, the store is asked again after this: another process may have written.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A store that fails is not asked in a tight loop.
const AFTER_FAULT: Duration = Duration::from_secs(1);

fn lane(message: &Message) -> Lane {
    Lane { tenant: message.tenant.clone(), name: lane_name(&message.provider, &message.credential) }
}

/// How many messages a pass moved, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// Applied.
    pub applied: usize,
    /// Waiting for what is not known yet.
    pub parked: usize,
    /// Put aside.
    pub quarantined: usize,
    /// To be tried again.
    pub again: usize,
}

impl Pass {
    /// How many in all.
    pub fn total(&self) -> usize {
        self.applied + self.parked + self.quarantined + self.again
    }

    fn count(&mut self, state: MessageState) {
        match state {
            MessageState::Applied => self.applied += 1,
            MessageState::Parked => self.parked += 1,
            MessageState::Quarantined => self.quarantined += 1,
            MessageState::New => self.again += 1,
        }
    }
}

/// Runs until stopped; providers that are being asked get the grace period to answer.
pub async fn run(inbox: Inbox, stop: CancellationToken, grace: Duration) {
    let mut workers = JoinSet::new();
    let queue = inbox.tenants.fair_queue(WORKERS);
    while !stop.is_cancelled() {
        let pause = match inbox.apply_due(Some(&queue)).await {
            Ok((pass, jobs)) => {
                for (slot, job) in jobs {
                    let inbox = inbox.clone();
                    workers.spawn(async move {
                        let _slot = slot;
                        job.run(&inbox).await;
                    });
                }
                if pass.total() >= BATCH as usize { Duration::ZERO } else { inbox.until_next().await }
            }
            Err(error) => {
                tracing::error!(%error, "the inbox cannot be read");
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = inbox.shared().inbox_told() => {}
            () = sleep(pause) => {}
            Some(_) = workers.join_next() => {}
        }
    }
    if timeout(grace, async { while workers.join_next().await.is_some() {} }).await.is_err() {
        workers.shutdown().await;
    }
}

impl Inbox {
    /// Applies what is due, up to one batch. Returns what was done, and the messages to work on, each with a slot of `queue`. Without a
    /// queue, and where the lane of a message has no slot, the message is tried again later.
    pub(super) async fn apply_due(&self, queue: Option<&FairQueue>) -> Result<(Pass, Vec<(Slot, Work)>), StoreError> {
        let (shared, now) = (self.shared(), self.shared().clock.now());
        let (mut pass, mut settled, mut jobs) = (Pass::default(), Vec::new(), Vec::new());
        for message in shared.store.due_messages(self.tenants.ids(), now, BATCH).await? {
            let span = tracing::info_span!("webhook.apply", provider = %message.provider, outcome = Empty);
            shared.links.link(&message.id, &span);
            let decision = self.decide(&message).instrument(span.clone()).await;
            // What was decided before is not written either.
            let one = match decision.inspect_err(|_| self.forget_wakes(&settled))? {
                Decision::Settle(one) => one,
                Decision::Work(job) => match queue.and_then(|queue| queue.take(&[lane(&message)], 1).pop()) {
                    Some(slot) => {
                        let claim = job.claim(self);
                        jobs.push((slot.begin(), job));
                        claim
                    }
                    None => self.again(&message, now),
                },
            };
            pass.count(one.state);
            span.record("outcome", one.state.word());
            for journey_id in &one.wakes {
                shared.links.remember(journey_id, &span);
            }
            settled.push(one);
        }
        if !settled.is_empty() {
            let written = shared.store.settle_messages(&settled, now).await;
            written.inspect_err(|_| self.forget_wakes(&settled))?;
            shared.wake_background();
        }
        let applied = &shared.tallies.applied;
        for (word, count) in [
            (Applied::Applied, pass.applied),
            (Applied::Parked, pass.parked),
            (Applied::Quarantined, pass.quarantined),
            (Applied::Again, pass.again),
        ] {
            applied.add(word, count as u64);
        }
        Ok((pass, jobs))
    }

    /// None of these journeys was woken, so each must be woken when its message is tried again.
    fn forget_wakes(&self, settled: &[Settled]) {
        settled.iter().flat_map(|one| &one.wakes).for_each(|journey_id| self.hints.forget(journey_id));
    }

    async fn until_next(&self) -> Duration {
        let now = self.shared().clock.now();
        match self.shared().store.next_message(self.tenants.ids()).await {
            Ok(Some(due)) => Duration::try_from(due.duration_since(now))
                .unwrap_or(Duration::ZERO)
                .clamp(Duration::from_millis(1), LONGEST_SLEEP),
            _ => LONGEST_SLEEP,
        }
    }
}
