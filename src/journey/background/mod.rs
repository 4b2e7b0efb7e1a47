//! The background: looks after every journey that is due, wakes on news, purges what is past its date. It holds nothing that a restart
//! could lose: what is due stands in the store.

mod look;
mod steps;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::service::Service;
use crate::providers::provider::Call;

/// However far away the next due time is, the store is asked again after this: another process may have written.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
const BATCH: u32 = 256;
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
    while !stop.is_cancelled() {
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

/// Removes what is past its purge date, now and then.
async fn purge(service: &Service, next: &mut Timestamp) {
    let now = service.clock().now();
    if now < *next {
        return;
    }
    *next = now.checked_add(PURGE_EVERY).unwrap_or(now);
    match service.purge_past().await {
        Ok(0) => {}
        Ok(gone) => tracing::info!(count = gone, "removed what is past its purge date"),
        Err(error) => tracing::error!(%error, "cannot remove what is past its purge date"),
    }
}

/// Begins a look at every due journey; answers whether there was room for all. A due time is moved first, so that no journey is begun
/// twice.
async fn begin_due(service: &Service, limit: &Arc<Semaphore>, looks: &mut JoinSet<()>) -> Result<bool, crate::store::StoreError> {
    let now = service.clock().now();
    for (tenant, journey_id) in service.store().due_journeys(now, BATCH).await? {
        // Full: what is left stays due and is found again when a look ends.
        let Ok(permit) = limit.clone().try_acquire_owned() else { return Ok(false) };
        let pause = SignedDuration::try_from(service.pace().look_limit).unwrap_or_default();
        let again = now.checked_add(pause).unwrap_or(now);
        service.store().claim_journey(&tenant, &journey_id, again).await?;
        let service = service.clone();
        let span = tracing::info_span!("background.look", journey_id = %journey_id);
        looks.spawn(
            async move {
                let call = Call { deadline: Instant::now() + service.pace().look_limit };
                if let Err(failure) = look::look(&service, call, &tenant, &journey_id).await {
                    tracing::warn!(error = ?failure.error, "a look ended early");
                }
                drop(permit);
            }
            .instrument(span),
        );
    }
    Ok(true)
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
