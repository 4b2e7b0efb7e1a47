//! How long a call waits for room in the gateway's own memory before its body is read. The provider has answered by then, so this time is not
//! the provider's.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The waits of one call. Clones share it: the layers around a call read what the innermost one does.
#[derive(Debug, Clone, Default)]
pub struct RoomWait(Arc<Mutex<Waited>>);

#[derive(Debug, Default)]
struct Waited {
    done: Duration,
    since: Option<Instant>,
}

impl RoomWait {
    /// Counts the time of `wait`, also if it is dropped before its end.
    pub(super) async fn during<F: Future>(&self, wait: F) -> F::Output {
        self.lock().since = Some(Instant::now());
        let _ends = Ends(self);
        wait.await
    }

    /// All waits so far, a present one included.
    pub fn total(&self) -> Duration {
        let waited = self.lock();
        waited.done + waited.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Waited> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Ends<'a>(&'a RoomWait);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let mut waited = self.0.lock();
        if let Some(since) = waited.since.take() {
            waited.done += since.elapsed();
        }
    }
}
