//! The process's end of the audit log: where records are handed in, and where whoever must wait for one waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{appender::Appender, record::Record};
use crate::{
    clock::SharedClock,
    random::{Random, encode_id},
    seal::KeyedHash,
    store::{AuditStore, StoreError},
};

/// Records that may wait. Those that somebody waits for are refused beyond it, the others are lost.
pub(super) const QUEUE: usize = 10_000;

/// A record is not in the store, or nobody knows whether it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotWritten;

/// How the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a call waits for its record.
    pub timeout: Duration,
    /// How often a checkpoint is made, where something has grown.
    pub checkpoint_every: Duration,
    /// How long rows are kept.
    pub keep: SignedDuration,
}

impl Default for Settings {
    fn default() -> Self {
        let (timeout, checkpoint_every) = (Duration::from_secs(2), Duration::from_secs(60));
        Self { timeout, checkpoint_every, keep: SignedDuration::from_hours(24 * 2_557) }
    }
}

/// Somebody who waits for a record.
pub(super) type Waiter = oneshot::Sender<Result<(), NotWritten>>;

/// What the task is asked for.
pub(super) enum Job {
    /// A row, and whom to tell that it is written.
    Write(Record, Option<Waiter>),
    /// A checkpoint over what processes left that ended without one.
    Cover,
    /// A checkpoint.
    Checkpoint(oneshot::Sender<Result<(), StoreError>>),
    /// The removal of what is past its time.
    Trim(oneshot::Sender<Result<u64, StoreError>>),
    /// The end.
    Close(oneshot::Sender<()>),
}

/// The process's end of the log. Cheap to clone.
#[derive(Clone)]
pub struct Auditor {
    jobs: mpsc::Sender<Job>,
    tally: Arc<Tally>,
    clock: SharedClock,
    timeout: Duration,
}

impl Auditor {
    /// Begins to write, as a new writer.
    pub fn start(
        store: Arc<dyn AuditStore>,
        clock: SharedClock,
        random: &dyn Random,
        key: KeyedHash,
        settings: Settings,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let tally = Arc::new(Tally::default());
        let mut name = [0; 16];
        random.fill(&mut name);
        let writer = encode_id("wrt", name);
        tokio::spawn(Appender::new(store, clock.clone(), key, settings, writer, tally.clone()).run(queue));
        Self { jobs, tally, clock, timeout: settings.timeout }
    }

    /// Records that wait to be written.
    pub fn waiting(&self) -> u64 {
        let queued = self.jobs.max_capacity().saturating_sub(self.jobs.capacity()) as u64;
        queued + self.tally.held.load(Ordering::Relaxed)
    }

    /// Records that were lost since the start.
    pub fn lost(&self) -> u64 {
        self.tally.lost.load(Ordering::Relaxed)
    }

    /// The clock by which records are made.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Writes a record, and waits until it is on disk.
    ///
    /// # Errors
    /// When that is not certain in time. It may be written all the same.
    pub async fn write(&self, record: Record) -> Result<(), NotWritten> {
        let (done, answer) = oneshot::channel();
        self.jobs.try_send(Job::Write(record, Some(done))).map_err(|_| NotWritten)?;
        match timeout(self.timeout, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(NotWritten),
        }
    }

    /// Has a record written as soon as that can be, without waiting.
    pub fn note(&self, record: Record) {
        if self.jobs.try_send(Job::Write(record, None)).is_err() {
            self.tally.lose(1);
        }
    }

    /// Has what earlier processes left without a checkpoint put into one.
    pub fn cover(&self) {
        // Should the queue be full already, the next start does it.
        let _ = self.jobs.try_send(Job::Cover);
    }

    /// Makes a checkpoint, if anything has grown since the last one.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.ask(Job::Checkpoint).await
    }

    /// Removes what is past its time; answers how many rows.
    pub async fn trim(&self) -> Result<u64, StoreError> {
        self.ask(Job::Trim).await
    }

    /// Writes what waits, makes a last checkpoint, and ends.
    pub async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = ended.await;
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let ended = || StoreError::Database("the audit log is closed".to_owned());
        let (done, answer) = oneshot::channel();
        self.jobs.send(job(done)).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// What becomes of records that cannot be written.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lost ones that the log does not tell of yet.
    untold: AtomicU64,
    lost: AtomicU64,
    held: AtomicU64,
}

impl Tally {
    /// Records are lost.
    pub(super) fn lose(&self, count: u64) {
        let untold = self.untold.fetch_add(count, Ordering::Relaxed) + count;
        self.lost.fetch_add(count, Ordering::Relaxed);
        tracing::error!(count = untold, "audit records are lost: they could not be written, and no more can be held");
    }

    /// Whether there is a loss to tell of. It is told once.
    pub(super) fn tell(&self) -> bool {
        self.untold.swap(0, Ordering::Relaxed) > 0
    }

    /// So many are held until they can be written.
    pub(super) fn hold(&self, count: usize) {
        self.held.store(count as u64, Ordering::Relaxed);
    }
}
