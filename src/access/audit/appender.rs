//! Writes rows. One task for the process takes what waits, chains it, and writes it in one go, so that many at once cost one wait for the
//! disk. It alone knows where its chains end; after a write whose outcome it does not know it reads that again before it goes on, so a
//! lost answer leaves neither a gap nor a second row at the same place.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    auditor::{Job, NotWritten, QUEUE, Settings, Tally, Waiter},
    record::{Act, Record, Who},
    row::{AuditRow, Hash, NOTHING},
};
use crate::{
    clock::SharedClock,
    seal::KeyedHash,
    store::{AuditStore, Chains, StoreError},
};

/// Most rows of one write.
const MOST_AT_ONCE: usize = 512;
/// When what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

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
    tally: Arc<Tally>,
}

impl Appender {
    pub(super) fn new(
        store: Arc<dyn AuditStore>,
        clock: SharedClock,
        key: KeyedHash,
        settings: Settings,
        writer: String,
        tally: Arc<Tally>,
    ) -> Self {
        let (ends, grown) = (HashMap::new(), BTreeSet::new());
        Self { store, clock, key, settings, writer, ends, grown, backlog: VecDeque::new(), unsure: Vec::new(), tally }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
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
            self.tally.hold(self.held());
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
        let (mut left, mut in_vain) = (self.held(), 0);
        // A try may only learn what became of an earlier write; two that bring nothing on are the end.
        while left > 0 && in_vain < 2 {
            self.append(Vec::new()).await;
            in_vain = if self.held() < left { 0 } else { in_vain + 1 };
            left = self.held();
        }
        self.tally.hold(0);
        let lost = self.backlog.len() + self.unsure.iter().filter(|(_, record)| record.is_some()).count();
        if lost > 0 {
            self.tally.lose(lost as u64);
        }
        self.logged(Self::checkpoint, "the last checkpoint").await;
    }

    /// Rows that are not known to be written.
    fn held(&self) -> usize {
        self.backlog.len() + self.unsure.len()
    }

    /// Keeps what nobody waits for until it is written.
    fn hold(&mut self, record: Record) {
        if self.backlog.len() >= QUEUE {
            return self.tally.lose(1);
        }
        // Something was lost, and there is room again.
        if self.tally.tell() {
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
