//! Changes sealing keys while the gateway serves: takes the keys that the files hold now, seals everything anew under the current one, and
//! strikes off the keys that nothing is under any more.
//!
//! It holds nothing that a restart could lose: what is under which key stands in each value. Several replicas may do it at once, each value
//! is written by the one that finds it as it was read.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{ResealCursor, Resealed, Store, StoreError};
use crate::config::Seal;

/// Between two steps, so that callers' writes come first.
const BREATH: Duration = Duration::from_millis(5);

/// Runs until stopped.
pub async fn run(store: Store, config: Seal, stop: CancellationToken) {
    let every = config.reload_every();
    loop {
        if let Err(error) = turn(&store, &stop).await {
            tracing::warn!(%error, "sealing anew has failed and is tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(every) => {}
        }
        let files = config.clone();
        // Files may lie on a slow volume.
        match tokio::task::spawn_blocking(move || files.ring()).await {
            Ok(Ok(ring)) => {
                if let Err(error) = store.take_keys(ring).await {
                    tracing::error!(%error, "the sealing keys of the files are not taken, the ones before stay");
                }
            }
            // A file that is being written, or is gone: what it held before still works.
            _ => tracing::error!("a sealing key cannot be read, the keys before stay"),
        }
    }
}

/// Seals everything anew, if anything may be under another key than the current one.
pub async fn turn(store: &Store, stop: &CancellationToken) -> Result<Resealed, StoreError> {
    let mut done = Resealed::default();
    let needed = store.needed_keys().await?;
    if needed.len() <= 1 && !needed.iter().any(|key| key.unnamed) {
        return Ok(done);
    }
    let mut cursor = Some(ResealCursor::default());
    while let Some(from) = cursor {
        if stop.is_cancelled() {
            return Ok(done);
        }
        let (step, next) = store.reseal(from).await?;
        done.changed += step.changed;
        done.left += step.left;
        if step.changed > 0 {
            sleep(BREATH).await;
        }
        cursor = next;
    }
    let retired = store.retire_keys().await?;
    if done.changed > 0 || !retired.is_empty() {
        tracing::info!(rows = done.changed, count = retired.len(), "sealed anew, and struck off keys");
    }
    Ok(done)
}
