//! The background: looks after every journey that is due, wakes on news, purges what is past its date. It holds nothing that a restart
//! could lose: what is due stands in the store.

mod fall;
mod look;
pub(in crate::journey) mod steps;

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::fall::Fall;
use super::service::{Service, Tenants};
use crate::{
    providers::provider::Call,
    store::{Look, StoreError},
};

/// However far away the next due time is, the store is asked again after this: another process may have written.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
const BATCH: u32 = 256;
/// A look's calls end at its limit; what is left then is a write or two.
const LOOK_MARGIN: Duration = Duration::from_secs(10);
/// A store that fails is not asked in a tight loop.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// Purge dates are days; a minute is near enough.
const PURGE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Runs until stopped; looks under way have the grace period to finish. What is cut off then is as after a crash: each intent stands in the
/// store before its call.
pub async fn run(tenants: Tenants, stop: CancellationToken, grace: Duration) {
    let shared = tenants.shared().clone();
    let limit = Arc::new(Semaphore::new(shared.pace.concurrency.max(1)));
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
        let pause = match begin_due(&tenants, &limit, &mut looks).await {
            // Full: the end of a look is what to wait for.
            Ok(false) => LONGEST_SLEEP,
            Ok(true) => until_next(&tenants).await,
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

/// Begins a look at every due journey that there is room for; answers whether there was room for all. A journey is claimed first, so that
/// neither this process nor another one looks at it a second time meanwhile.
async fn begin_due(tenants: &Tenants, limit: &Arc<Semaphore>, looks: &mut JoinSet<()>) -> Result<bool, StoreError> {
    let shared = tenants.shared();
    loop {
        // What is left stays due and is found again when a look ends.
        let room = u32::try_from(limit.available_permits()).unwrap_or(BATCH).min(BATCH);
        if room == 0 {
            return Ok(false);
        }
        let now = shared.clock.now();
        let most = SignedDuration::try_from(shared.pace.look_limit + LOOK_MARGIN).unwrap_or_default();
        let until = now.checked_add(most).unwrap_or(now);
        let claimed = shared.store.claim_due(tenants.ids(), Look { now, until }, room).await?;
        let all = claimed.len() < room as usize;
        for (tenant, journey_id) in claimed {
            // Only what is of these tenants was claimed.
            let Some(service) = tenants.get(&tenant).cloned() else { continue };
            // There is room: only this task takes any.
            let Ok(permit) = limit.clone().acquire_owned().await else { return Ok(false) };
            let span = tracing::info_span!("background.look", journey_id = %journey_id);
            tenants.shared().links.link(&journey_id, &span);
            looks.spawn(
                async move {
                    let counted = service.clone();
                    let _look = counted.tallies().look();
                    look_once(service, tenant, journey_id).await;
                    drop(permit);
                }
                .instrument(span),
            );
        }
        if all {
            return Ok(true);
        }
    }
}

/// One look, and its end in the store, whatever became of it.
async fn look_once(service: Service, tenant: String, journey_id: String) {
    let limit = service.pace().look_limit;
    let call = Call { deadline: Instant::now() + limit };
    let look = timeout(limit + LOOK_MARGIN, look::look(&service, call, &tenant, &journey_id));
    match AssertUnwindSafe(look).catch_unwind().await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(failure))) => tracing::warn!(error = ?failure.error, "a look ended early"),
        Ok(Err(_)) => tracing::warn!("a look was cut off"),
        Err(_) => tracing::error!("a look panicked"),
    }
    // Should it fail, the claim runs out by itself.
    if let Err(error) = service.store().end_look(&tenant, &journey_id).await {
        tracing::warn!(%error, "the end of a look is not written");
    }
}

async fn until_next(tenants: &Tenants) -> Duration {
    let shared = tenants.shared();
    let now = shared.clock.now();
    match shared.store.next_due(tenants.ids()).await {
        Ok(Some(due)) => {
            Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO).clamp(Duration::from_millis(1), LONGEST_SLEEP)
        }
        _ => LONGEST_SLEEP,
    }
}
