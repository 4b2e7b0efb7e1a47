//! The background: looks after every journey that is due, wakes on news, purges what is past its date. It holds nothing that a restart
//! could lose: what is due stands in the store.

mod fall;
mod look;
mod poll;
pub(in crate::journey) mod steps;

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::fall::Fall;
use super::service::Tenants;

/// However far away the next due time is, the store is asked again after this: another process may have written.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// A store that fails is not asked in a tight loop.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// Purge dates are days; a minute is near enough.
const PURGE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Runs until stopped; looks under way have the grace period to finish. What is cut off then is as after a crash: each intent stands in the
/// store before its call.
pub async fn run(tenants: Tenants, stop: CancellationToken, grace: Duration) {
    let shared = tenants.shared().clone();
    let queue = tenants.fair_queue(shared.pace.concurrency);
    let mut looks = JoinSet::new();
    let (mut next_purge, mut strangers) = (shared.clock.now(), BTreeSet::new());
    let mut fall = Fall::new(next_purge);
    while !stop.is_cancelled() {
        bring_forward(&tenants, &mut fall).await;
        let now = shared.clock.now();
        // A clock that has fallen back must not put it off.
        if now >= next_purge || next_purge.duration_since(now) > PURGE_EVERY {
            next_purge = now.checked_add(PURGE_EVERY).unwrap_or(now);
            purge(&tenants, now).await;
            note_strangers(&tenants, now, &mut strangers).await;
        }
        let pause = match poll::begin_due(&tenants, &queue, &mut looks).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, "the background cannot read what is due");
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = shared.woken() => {}
            () = sleep(pause) => {}
            Some(_) = looks.join_next() => {}
        }
    }
    // A provider that says nothing would hold the end up for as long as a look may take.
    if timeout(grace, async { while looks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(count = looks.len(), "looks under way are cut off");
        looks.shutdown().await;
    }
}

/// Whatever was to be due at a time that the clock has gone back from is due as long after now as it was after then.
async fn bring_forward(tenants: &Tenants, fall: &mut Fall) {
    let shared = tenants.shared();
    let now = shared.clock.now();
    let Some(by) = fall.at(now, std::time::Instant::now()) else { return };
    tracing::warn!("the clock has fallen back");
    match shared.store.bring_forward(now, by).await {
        Ok(()) => {
            fall.told(by);
            shared.tell_inbox();
        }
        Err(error) => tracing::error!(%error, "what is due is not brought forward"),
    }
}

/// Removes what is past its purge date.
async fn purge(tenants: &Tenants, now: Timestamp) {
    match tenants.purge_past().await {
        Ok(0) => {}
        Ok(gone) => {
            tenants.shared().tallies.purged.fetch_add(gone, Ordering::Relaxed);
            tracing::info!(count = gone, "removed what is past its purge date");
        }
        Err(error) => tracing::error!(%error, "cannot remove what is past its purge date"),
    }
    let kept = tenants.shared().watches().settings();
    let oldest = SignedDuration::try_from(kept.keep_for).ok().and_then(|life| now.checked_sub(life).ok());
    match tenants.shared().store.trim_events(kept.keep, oldest.unwrap_or(Timestamp::MIN)).await {
        Ok(0) => {}
        Ok(gone) => tracing::info!(count = gone, "removed old changes of journeys"),
        Err(error) => tracing::error!(%error, "cannot remove old changes of journeys"),
    }
}

/// Says once of each tenant that is not served here that journeys of it are due: if nobody else serves it, nobody looks after them.
async fn note_strangers(tenants: &Tenants, now: Timestamp, noted: &mut BTreeSet<String>) {
    match tenants.shared().store.due_elsewhere(tenants.ids(), now).await {
        Ok(strangers) => {
            for tenant in strangers {
                if !noted.contains(&tenant) {
                    tracing::warn!(tenant = %tenant, "journeys are due of a tenant that is not served here; they are left alone");
                    noted.insert(tenant);
                }
            }
        }
        Err(error) => tracing::error!(%error, "cannot read which other tenants have journeys that are due"),
    }
}
