//! The background: looks after every journey that is due, wakes on news, purges what is past its date. It holds nothing that a restart
//! could lose: what is due stands in the store.

mod fall;
mod look;
mod steps;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

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
use super::service::Service;
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
pub async fn run(service: Service, stop: CancellationToken, grace: Duration) {
    let limit = Arc::new(Semaphore::new(service.pace().concurrency.max(1)));
    let mut looks = JoinSet::new();
    let mut next_purge = service.clock().now();
    let mut fall = Fall::new(next_purge);
    while !stop.is_cancelled() {
        bring_forward(&service, &mut fall).await;
        purge(&service, &mut next_purge).await;
        let pause = match begin_due(&service, &limit, &mut looks).await {
            // Full: the end of a look is what to wait for.
            Ok(false) => LONGEST_SLEEP,
            Ok(true) => until_next(&service).await,
            Err(error) => {
                tracing::error!(%error, "the background cannot read what is due");
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = service.woken() => {}
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
async fn bring_forward(service: &Service, fall: &mut Fall) {
    let now = service.clock().now();
    let Some(by) = fall.at(now, std::time::Instant::now()) else { return };
    tracing::warn!("the clock has fallen back");
    match service.store().bring_forward(now, by).await {
        Ok(()) => {
            fall.told(by);
            service.tell_inbox();
        }
        Err(error) => tracing::error!(%error, "what is due is not brought forward"),
    }
}

/// Removes what is past its purge date, now and then.
async fn purge(service: &Service, next: &mut Timestamp) {
    let now = service.clock().now();
    // A clock that has fallen back must not put it off.
    if now < *next && next.duration_since(now) <= PURGE_EVERY {
        return;
    }
    *next = now.checked_add(PURGE_EVERY).unwrap_or(now);
    match service.purge_past().await {
        Ok(0) => {}
        Ok(gone) => tracing::info!(count = gone, "removed what is past its purge date"),
        Err(error) => tracing::error!(%error, "cannot remove what is past its purge date"),
    }
    let kept = service.watches().settings();
    let oldest = SignedDuration::try_from(kept.keep_for).ok().and_then(|life| now.checked_sub(life).ok());
    match service.store().trim_events(kept.keep, oldest.unwrap_or(Timestamp::MIN)).await {
        Ok(0) => {}
        Ok(gone) => tracing::info!(count = gone, "removed old changes of journeys"),
        Err(error) => tracing::error!(%error, "cannot remove old changes of journeys"),
    }
}

/// Begins a look at every due journey that there is room for; answers whether there was room for all. A journey is claimed first, so that
/// neither this process nor another one looks at it a second time meanwhile.
async fn begin_due(service: &Service, limit: &Arc<Semaphore>, looks: &mut JoinSet<()>) -> Result<bool, StoreError> {
    loop {
        // What is left stays due and is found again when a look ends.
        let room = u32::try_from(limit.available_permits()).unwrap_or(BATCH).min(BATCH);
        if room == 0 {
            return Ok(false);
        }
        let now = service.clock().now();
        let most = SignedDuration::try_from(service.pace().look_limit + LOOK_MARGIN).unwrap_or_default();
        let until = now.checked_add(most).unwrap_or(now);
        let claimed = service.store().claim_due(Look { now, until }, room).await?;
        let all = claimed.len() < room as usize;
        for (tenant, journey_id) in claimed {
            // There is room: only this task takes any.
            let Ok(permit) = limit.clone().acquire_owned().await else { return Ok(false) };
            let span = tracing::info_span!("background.look", journey_id = %journey_id);
            let service = service.clone();
            looks.spawn(
                async move {
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

async fn until_next(service: &Service) -> Duration {
    let now = service.clock().now();
    match service.store().next_due().await {
        Ok(Some(due)) => {
            Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO).clamp(Duration::from_millis(1), LONGEST_SLEEP)
        }
        _ => LONGEST_SLEEP,
    }
}
