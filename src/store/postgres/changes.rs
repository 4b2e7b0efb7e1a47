//! LISTEN and NOTIFY. Each process has one notifier, which gathers what is committed within a few milliseconds into one transaction,
//! because a NOTIFY takes a lock of the whole database when it commits; and one listener on a connection of its own. When the listener
//! loses its connection nothing is known of what others tell meanwhile: it subscribes anew and then has everything read again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    Executor, PgPool,
    postgres::{PgListener, PgNotification},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{PostgresStore, statements::Statements};
use crate::store::{ChangeStore, Changed, Ear, StoreError, Told, notices};

const CHANNEL: &str = "sangam_changes";
/// How long changes are gathered before they go out together: a transaction for each change would cost as much as the changes.
const GATHER: Duration = Duration::from_millis(10);
/// Changes that wait to be told. Beyond it nothing is lost: the others are told to read everything again.
const QUEUE: usize = 10_000;
/// How often the listener makes sure that its connection still is one: several times within the shortest lease.
const PROVE: Duration = Duration::from_millis(250);
/// After a failed attempt to subscribe, and to notify.
const AGAIN: Duration = Duration::from_millis(100);

/// The process's end of the line to the others.
pub(super) struct Line {
    queue: mpsc::Sender<Changed>,
    pub(super) heard: Arc<Heard>,
    notifier: Mutex<Option<JoinHandle<()>>>,
}

/// What the listener knows and whom it tells.
pub(super) struct Heard {
    ears: Mutex<Vec<Ear>>,
    certain: Mutex<Instant>,
}

impl Heard {
    pub(super) fn tell(&self, told: &Told) {
        for ear in self.ears.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            ear(told.clone());
        }
    }

    fn certain_since(&self, at: Instant) {
        *self.certain.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Line {
    /// Opens the line: `pool` for what is told, `own` for the connection that listens. It is open until `ended`.
    pub(super) async fn open(
        pool: Statements,
        own: PgPool,
        owner: String,
        wait: Duration,
        ended: CancellationToken,
    ) -> Result<Self, StoreError> {
        let (queue, changes) = mpsc::channel(QUEUE);
        let heard = Arc::new(Heard { ears: Mutex::default(), certain: Mutex::new(Instant::now()) });
        let notifier = Notifier { pool, owner: owner.clone(), changes, ended: ended.clone() };
        // The first subscription is waited for: a database that cannot notify is noticed at the start.
        let first = subscribe(&own).await?;
        heard.certain_since(Instant::now());
        let listening = listen(own, first, owner, heard.clone(), wait);
        tokio::spawn(async move { ended.run_until_cancelled(listening).await });
        Ok(Self { queue, heard, notifier: Mutex::new(Some(tokio::spawn(notifier.run()))) })
    }

    /// Waits until what was told before the end has gone out.
    pub(super) async fn drain(&self) {
        let notifier = self.notifier.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(notifier) = notifier {
            let _ = notifier.await;
        }
    }
}

impl ChangeStore for PostgresStore {
    fn tell(&self, change: Changed) {
        // Full: the notifier sees that too, and has everything read again.
        let _ = self.line.queue.try_send(change);
    }

    fn hear(&self, ear: Ear) {
        self.line.heard.ears.lock().unwrap_or_else(PoisonError::into_inner).push(ear);
    }

    fn silence(&self) -> Option<Duration> {
        Some(self.line.heard.certain.lock().unwrap_or_else(PoisonError::into_inner).elapsed())
    }
}

/// Tells what is committed here.
struct Notifier {
    pool: Statements,
    owner: String,
    changes: mpsc::Receiver<Changed>,
    ended: CancellationToken,
}

impl Notifier {
    async fn run(mut self) {
        loop {
            let first = tokio::select! {
                biased;
                change = self.changes.recv() => change,
                () = self.ended.cancelled() => None,
            };
            let Some(first) = first else { return };
            sleep(GATHER).await;
            let mut payloads = self.gather(first);
            while let Err(error) = self.notify(&payloads).await {
                tracing::warn!(%error, "other replicas cannot be told of changes");
                if self.ended.is_cancelled() {
                    return;
                }
                sleep(AGAIN).await;
                // What was committed meanwhile comes on top of it.
                payloads = vec![notices::reread(&self.owner)];
            }
        }
    }

    /// The first change and everything that waits behind it, the newest of each journey.
    fn gather(&mut self, first: Changed) -> Vec<String> {
        let full = self.changes.len() == QUEUE;
        let mut newest: BTreeMap<(String, String), (i64, bool)> = BTreeMap::new();
        let mut next = Some(first);
        while let Some(Changed { tenant, journey_id, sequence, news }) = next {
            let known = newest.entry((tenant, journey_id)).or_default();
            *known = (known.0.max(sequence), known.1 || news);
            next = self.changes.try_recv().ok();
        }
        if full {
            return vec![notices::reread(&self.owner)];
        }
        let changes =
            newest.into_iter().map(|((tenant, journey_id), (sequence, news))| Changed { tenant, journey_id, sequence, news });
        notices::write(&self.owner, changes)
    }

    async fn notify(&self, payloads: &[String]) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload")
            .bind(CHANNEL)
            .bind(payloads)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

async fn subscribe(own: &PgPool) -> Result<PgListener, StoreError> {
    let mut listener = PgListener::connect_with(own).await?;
    // A lost connection is made anew here, where it is known what has to follow.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Hears what others tell, for ever.
async fn listen(own: PgPool, first: PgListener, owner: String, heard: Arc<Heard>, wait: Duration) {
    let mut listener = first;
    loop {
        while hear_one(&mut listener, &owner, &heard, wait).await.is_some() {}
        tracing::warn!("what other replicas tell is not heard any more");
        drop(listener);
        listener = loop {
            match subscribe(&own).await {
                Ok(listener) => break listener,
                Err(_) => sleep(AGAIN).await,
            }
        };
        // First subscribed, then read again: what comes in between is told twice and not missed.
        let at = Instant::now();
        heard.tell(&Told::Reread);
        heard.certain_since(at);
        tracing::info!("what other replicas tell is heard again");
    }
}

/// Waits for one notification, or makes sure that there is none; `None` when the connection is lost.
async fn hear_one(listener: &mut PgListener, owner: &str, heard: &Heard, wait: Duration) -> Option<()> {
    match timeout(PROVE, listener.try_recv()).await {
        Ok(Ok(Some(notification))) => {
            tell(&notification, owner, heard);
            heard.certain_since(Instant::now());
        }
        Ok(Ok(None) | Err(_)) => return None,
        Err(_) => {
            let at = Instant::now();
            timeout(wait, (&mut *listener).execute("SELECT 1")).await.ok()?.ok()?;
            // What was told before the answer came before it on the same connection.
            while let Some(notification) = listener.next_buffered() {
                tell(&notification, owner, heard);
            }
            heard.certain_since(at);
        }
    }
    Some(())
}

fn tell(notification: &PgNotification, owner: &str, heard: &Heard) {
    for told in notices::read(owner, notification.payload()) {
        heard.tell(&told);
    }
}
