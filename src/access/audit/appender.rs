//! Writes rows. One task for the process takes what waits, chains it, and writes it in one go, so that many at once cost one wait for the
//! disk. It alone knows where its chains end; after a write whose outcome it does not know it reads that again before it goes on, so a
//! lost answer leaves neither a gap nor a second row at the same place.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    record::{Act, Record, Who},
    row::{AuditRow, Hash, NOTHING},
};
use crate::{
    clock::SharedClock,
    random::{Random, encode_id},
    seal::KeyedHash,
    store::{AuditStore, Chains, StoreError},
};

/// Most rows of one write.
const MOST_AT_ONCE: usize = 512;
/// Records that may wait. Those that somebody waits for are refused beyond it, the others are lost.
const QUEUE: usize = 10_000;
/// When what could not be written is tried again.
const AGAIN: Duration = Duration::from_millis(250);

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

/// What the task is asked for.
enum Job {
    /// A row, and whom to tell that it is written.
    Write(Record, Option<oneshot::Sender<Result<(), NotWritten>>>),
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
    lost: Arc<AtomicU64>,
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
        let lost = Arc::new(AtomicU64::new(0));
        let mut name = [0; 16];
        random.fill(&mut name);
        let appender = Appender {
            store,
            clock: clock.clone(),
            key,
            settings,
            writer: encode_id("wrt", name),
            ends: HashMap::new(),
            grown: BTreeSet::new(),
            backlog: VecDeque::new(),
            unsure: Vec::new(),
            lost: lost.clone(),
        };
        tokio::spawn(appender.run(queue));
        Self { jobs, lost, clock, timeout: settings.timeout }
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
            lose(&self.lost, 1);
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

fn lose(lost: &AtomicU64, count: u64) {
    let all = lost.fetch_add(count, Ordering::Relaxed) + count;
    tracing::error!(count = all, "audit records are lost: they could not be written, and no more can be held");
}

/// Where a chain ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) seq: i64,
    pub(super) hash: Hash,
    pub(super) at: i64,
}

/// The task.
pub(super) struct Appender {
    pub(super) store: Arc<dyn AuditStore>,
    pub(super) clock: SharedClock,
    pub(super) key: KeyedHash,
    pub(super) settings: Settings,
    pub(super) writer: String,
    /// The ends of the process's chains, by tenant.
    pub(super) ends: HashMap<Arc<str>, End>,
    /// Whose chains have grown since the last checkpoint.
    pub(super) grown: BTreeSet<Arc<str>>,
    /// What nobody waits for and is not written.
    backlog: VecDeque<Record>,
    /// Rows of a write whose outcome is not known, and which of them are to be written in any case.
    unsure: Vec<(AuditRow, Option<Record>)>,
    lost: Arc<AtomicU64>,
}

/// Somebody who waits for a record.
type Waiter = oneshot::Sender<Result<(), NotWritten>>;

impl Appender {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let every = self.settings.checkpoint_every;
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trim_at = self.clock.now();
        let mut jobs = Vec::new();
        loop {
            tokio::select! {
                count = queue.recv_many(&mut jobs, MOST_AT_ONCE) => if count == 0 { break },
                _ = ticks.tick() => self.tend(&mut trim_at).await,
                () = sleep(AGAIN), if !self.backlog.is_empty() || !self.unsure.is_empty() => {}
            }
            let (mut waiting, mut others) = (Vec::new(), Vec::new());
            for job in jobs.drain(..) {
                match job {
                    Job::Write(record, None) => self.hold(record),
                    // Whoever gave up waiting was refused: nothing of it happens.
                    Job::Write(_, Some(waiter)) if waiter.is_closed() => {}
                    Job::Write(record, Some(waiter)) => waiting.push((record, waiter)),
                    other => others.push(other),
                }
            }
            self.append(waiting).await;
            for job in others {
                if self.other(job).await {
                    return;
                }
            }
        }
        self.end().await;
    }

    /// Does what is no row; answers whether it is the end.
    async fn other(&mut self, job: Job) -> bool {
        match job {
            Job::Write(..) => {}
            Job::Cover => self.logged(Self::cover, "what was left without a checkpoint is not in one yet").await,
            Job::Checkpoint(done) => drop(done.send(self.checkpoint().await)),
            Job::Trim(done) => drop(done.send(self.trim().await)),
            Job::Close(done) => {
                self.end().await;
                let _ = done.send(());
                return true;
            }
        }
        false
    }

    async fn logged(&mut self, work: impl AsyncFnOnce(&mut Self) -> Result<(), StoreError>, failed: &'static str) {
        if let Err(error) = work(self).await {
            tracing::error!(%error, task = failed, "the audit log is not tended");
        }
    }

    /// What is done now and then.
    async fn tend(&mut self, trim_at: &mut jiff::Timestamp) {
        self.logged(Self::checkpoint, "checkpoint").await;
        let now = self.clock.now();
        if now >= *trim_at {
            *trim_at = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
            self.logged(async |this: &mut Self| this.trim().await.map(drop), "trim").await;
        }
    }

    async fn end(&mut self) {
        // Twice: the first may only learn what became of an earlier write.
        for _ in 0..2 {
            if !self.backlog.is_empty() || !self.unsure.is_empty() {
                self.append(Vec::new()).await;
            }
        }
        if !self.backlog.is_empty() {
            lose(&self.lost, self.backlog.len() as u64);
        }
        self.logged(Self::checkpoint, "the last checkpoint").await;
    }

    /// Keeps what nobody waits for until it is written.
    fn hold(&mut self, record: Record) {
        if self.backlog.len() >= QUEUE {
            return lose(&self.lost, 1);
        }
        // Something was lost, and there is room again.
        if self.lost.swap(0, Ordering::Relaxed) > 0 {
            self.backlog.push_back(Record::new(&record.tenant, record.at, Who::Gateway, Act::RecordsLost));
        }
        self.backlog.push_back(record);
    }

    /// Writes what waits, and tells whoever waits for it.
    async fn append(&mut self, waiting: Vec<(Record, Waiter)>) {
        if !self.unsure.is_empty() && self.settle().await.is_err() {
            return tell(waiting.into_iter().map(|(_, waiter)| waiter), Err(NotWritten));
        }
        let held = self.backlog.drain(..self.backlog.len().min(MOST_AT_ONCE));
        let held: Vec<_> = held.collect();
        let (records, waiters): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        if held.is_empty() && records.is_empty() {
            return;
        }
        let mut ends = self.ends.clone();
        let of_held: Vec<_> = held.iter().map(|record| chained(&self.writer, &mut ends, record)).collect();
        let of_waiting: Vec<_> = records.iter().map(|record| chained(&self.writer, &mut ends, record)).collect();
        let rows: Vec<AuditRow> = of_held.iter().chain(&of_waiting).cloned().collect();
        let write = timeout(self.settings.timeout.saturating_mul(2), self.store.append_audit(&rows));
        let result = write.await.unwrap_or_else(|_| Err(StoreError::Database("no answer in time".to_owned())));
        let written = match result {
            Ok(()) => {
                self.went(ends);
                true
            }
            Err(error) => {
                tracing::error!(%error, count = rows.len(), "audit records are not written");
                let held = held.into_iter().map(Some);
                self.unsure = of_held.into_iter().zip(held).chain(of_waiting.into_iter().map(|row| (row, None))).collect();
                // Its answer may be all that was lost.
                self.settle().await.unwrap_or_default()
            }
        };
        tell(waiters, if written { Ok(()) } else { Err(NotWritten) });
    }

    fn went(&mut self, ends: HashMap<Arc<str>, End>) {
        let before = std::mem::replace(&mut self.ends, ends);
        let grown = |(tenant, end): &(&Arc<str>, &End)| before.get(*tenant).is_none_or(|before| before.seq < end.seq);
        self.grown.extend(self.ends.iter().filter(grown).map(|(tenant, _)| tenant.clone()));
    }

    /// Reads what became of a write whose answer was lost; answers whether its rows are there. If not, what nobody waits for is held again.
    async fn settle(&mut self) -> Result<bool, StoreError> {
        let heads = timeout(self.settings.timeout, self.store.audit_heads(Chains::Of(&self.writer)));
        let heads = heads.await.unwrap_or_else(|_| Err(StoreError::Database("no answer in time".to_owned())))?;
        let ends = heads.into_iter().map(|(head, at)| (head.tenant.into(), End { seq: head.seq, hash: head.hash, at }));
        self.went(ends.collect());
        let unsure = std::mem::take(&mut self.unsure);
        // They came as one, so one that is there stands for all.
        let there = unsure.last().is_some_and(|(row, _)| {
            self.ends.get(row.tenant.as_str()).is_some_and(|end| end.seq == row.seq && end.hash == row.hash)
        });
        if !there {
            let held = unsure.into_iter().filter_map(|(_, record)| record);
            let later = std::mem::take(&mut self.backlog);
            self.backlog = held.chain(later).collect();
        }
        Ok(there)
    }
}

fn tell(waiters: impl IntoIterator<Item = Waiter>, result: Result<(), NotWritten>) {
    for waiter in waiters {
        // Whoever does not wait any more was refused by his own time limit.
        let _ = waiter.send(result);
    }
}

/// The next row of its tenant's chain.
fn chained(writer: &str, ends: &mut HashMap<Arc<str>, End>, record: &Record) -> AuditRow {
    let end = ends.entry(record.tenant.clone()).or_insert(End { seq: 0, hash: NOTHING, at: i64::MIN });
    let mut row = AuditRow {
        tenant: record.tenant.to_string(),
        writer: writer.to_owned(),
        seq: end.seq + 1,
        // A clock that was set back must not make an older row of a newer one.
        at: record.at.as_millisecond().max(end.at),
        texts: record.texts(),
        previous: end.hash,
        hash: NOTHING,
    };
    row.hash = row.content_hash();
    *end = End { seq: row.seq, hash: row.hash, at: row.at };
    row
}
