//! What is found of what was done to a log, and what the appender does when the store fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::{sync::Semaphore, task::JoinSet};

use super::*;
use crate::{
    clock::ManualClock,
    random::SystemRandom,
    seal::{KeyedHash, Keys},
    store::{self, Aged, AuditStore, Chains, KeptCheckpoint, Store, StoreError, Trim},
};

mod writing;

const SETTINGS: Settings = Settings {
    timeout: Duration::from_secs(20),
    checkpoint_every: Duration::from_secs(3_600),
    keep: SignedDuration::from_hours(48),
};

/// A store whose faults are chosen.
struct Faulty {
    store: Store,
    /// Rows are not written, and nothing can be read.
    gone: AtomicBool,
    /// So many writes are done and their answers lost.
    answers_lost: AtomicU64,
    appends: AtomicU64,
    /// A write needs one of these.
    turns: Semaphore,
}

impl Faulty {
    fn check(&self) -> Result<(), StoreError> {
        if self.gone.load(Ordering::SeqCst) { Err(StoreError::Database("gone".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl AuditStore for Faulty {
    async fn append_audit(&self, rows: &[AuditRow]) -> Result<(), StoreError> {
        self.check()?;
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.turns.acquire().await.unwrap().forget();
        self.store.append_audit(rows).await?;
        let lost = self.answers_lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() { Err(StoreError::Database("the answer was lost".to_owned())) } else { Ok(()) }
    }

    async fn audit_heads(&self, chains: Chains<'_>) -> Result<Vec<(Head, i64)>, StoreError> {
        self.check()?;
        self.store.audit_heads(chains).await
    }

    async fn audit_rows(&self, tenant: Option<&str>, after: (&str, &str, i64), limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.store.audit_rows(tenant, after, limit).await
    }

    async fn aged_audit(&self, before: Timestamp) -> Result<Vec<Aged>, StoreError> {
        self.store.aged_audit(before).await
    }

    async fn checkpoints(&self, after: i64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        self.store.checkpoints(after, limit).await
    }

    async fn last_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        self.store.last_checkpoint().await
    }

    async fn checkpoint_since(&self, at: Timestamp) -> Result<Option<i64>, StoreError> {
        self.store.checkpoint_since(at).await
    }

    async fn append_checkpoint(&self, checkpoint: &KeptCheckpoint, trim: &Trim) -> Result<bool, StoreError> {
        self.store.append_checkpoint(checkpoint, trim).await
    }
}

struct Log {
    faulty: Arc<Faulty>,
    clock: Arc<ManualClock>,
    key: KeyedHash,
    _directory: TempDir,
}

impl Log {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let keys = Keys::new(&[1; 32]);
        let store = store::open(&directory.path().join("sangam.db"), &keys).await.unwrap();
        let key = checkpoint_key(&store.keyed_hash());
        let faulty = Faulty {
            store,
            gone: AtomicBool::new(false),
            answers_lost: AtomicU64::new(0),
            appends: AtomicU64::new(0),
            turns: Semaphore::new(10_000),
        };
        let clock = Arc::new(ManualClock::new(at(0)));
        Self { faulty: Arc::new(faulty), clock, key, _directory: directory }
    }

    /// A run of a process.
    fn writer(&self) -> Auditor {
        Auditor::start(self.faulty.clone(), self.clock.clone(), &SystemRandom, self.key.clone(), SETTINGS)
    }

    async fn verified(&self) -> Report {
        verify_store(self.faulty.as_ref(), &self.key).await.unwrap()
    }

    async fn rows(&self) -> Vec<AuditRow> {
        self.faulty.audit_rows(None, ("", "", 0), 10_000).await.unwrap()
    }

    async fn checkpoints(&self) -> Vec<Checkpoint> {
        let kept = self.faulty.checkpoints(0, 1_000).await.unwrap();
        kept.iter().map(|kept| decode_checkpoint(&kept.line).unwrap()).collect()
    }

    async fn exported(&self, selection: &Selection) -> String {
        let mut out = Vec::new();
        export(self.faulty.as_ref(), selection, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
}

fn record(tenant: &str, act: Act) -> Record {
    let id = |prefix: &str| Id::of(&format!("{prefix}_{}", "0".repeat(26)));
    Record {
        journey: id("jrn"),
        consents: id("cns").into_iter().collect(),
        fetches: id("fch").into_iter().collect(),
        purposes: vec![crate::pb::Purpose::Underwriting],
        view: Some(crate::pb::View::Masked),
        call: Some(uuid::Uuid::nil()),
        ..Record::new(tenant, at(0), Who::Caller("jwt:underwriting".into()), act)
    }
}

/// Two tenants, two writers, two checkpoints.
async fn small() -> Log {
    let log = Log::new().await;
    for (tenant, second) in [("lender", "bank"), ("lender", "lender")] {
        let writer = log.writer();
        for (tenant, act) in [(tenant, Act::FetchData), (second, Act::RevokeConsent), (tenant, Act::StreamData)] {
            writer.write(record(tenant, act)).await.unwrap();
        }
        writer.close().await;
    }
    log
}

fn verify(rows: &[AuditRow], checkpoints: &[Checkpoint], key: Option<&KeyedHash>) -> Report {
    let mut verifier = Verifier::new(key.cloned(), Part::Whole);
    checkpoints.iter().for_each(|checkpoint| verifier.checkpoint(checkpoint));
    rows.iter().for_each(|row| verifier.row(row));
    verifier.finish()
}

#[tokio::test]
async fn an_untouched_log_is_whole_and_so_is_its_export() {
    let log = small().await;
    let report = log.verified().await;
    assert_eq!((report.rows, report.chains, report.checkpoints, report.uncovered, report.fault.clone()), (6, 3, 2, 0, None));
    let text = log.exported(&Selection::default()).await;
    assert_eq!(verify_lines(text.as_bytes(), Some(log.key.clone())).unwrap(), report);
    assert_eq!(verify_lines(text.as_bytes(), None).unwrap().fault, None);
    let other = checkpoint_key(&KeyedHash::new(&[2; 32]));
    let fault = verify_lines(text.as_bytes(), Some(other)).unwrap().fault.unwrap();
    assert_eq!(fault.to_string(), "checkpoint 1: was not made with the sealing key");
}

#[tokio::test]
async fn every_single_bit_of_an_export_counts() {
    let log = Log::new().await;
    let writer = log.writer();
    writer.write(record("lender", Act::FetchData)).await.unwrap();
    writer.write(record("lender", Act::RevokeConsent)).await.unwrap();
    writer.close().await;
    let mut bytes = log.exported(&Selection::default()).await.into_bytes();
    let found = |bytes: &[u8]| verify_lines(bytes, Some(log.key.clone())).unwrap().fault.is_some();
    assert!(!found(&bytes));
    for place in 0..bytes.len() {
        for bit in 0..8 {
            bytes[place] ^= 1 << bit;
            assert!(found(&bytes), "bit {bit} of byte {place}: {:?}", String::from_utf8_lossy(&bytes));
            bytes[place] ^= 1 << bit;
        }
    }
    for cut in 0..bytes.len() - 1 {
        assert!(found(&bytes[..cut]), "cut off after {cut} bytes");
    }
}

#[tokio::test]
async fn rows_that_are_missing_swapped_moved_or_added_are_found() {
    let log = small().await;
    let (rows, checkpoints) = (log.rows().await, log.checkpoints().await);
    let key = Some(&log.key);
    let whole = |rows: &[AuditRow]| verify(rows, &checkpoints, key).fault;
    assert_eq!(whole(&rows), None);
    for place in 0..rows.len() {
        let mut less = rows.clone();
        less.remove(place);
        assert!(whole(&less).is_some(), "row {place} of {} is missing", rows.len());
    }
    let chain_of = |row: &AuditRow| (row.writer.clone(), row.tenant.clone());
    for place in 1..rows.len() {
        let mut swapped = rows.clone();
        swapped.swap(place - 1, place);
        assert!(whole(&swapped).is_some(), "rows {place} and the one before it are swapped");
        // A whole chain is gone.
        let gone: Vec<_> = rows.iter().filter(|row| chain_of(row) != chain_of(&rows[place])).cloned().collect();
        assert!(whole(&gone).is_some());
    }
    for place in 0..rows.len() {
        let mut moved = rows.clone();
        moved[place].tenant = if moved[place].tenant == "bank" { "lender" } else { "bank" }.to_owned();
        assert!(whole(&moved).is_some(), "row {place} is another tenant's");
        moved[place].hash = moved[place].content_hash();
        moved.sort_by_key(|row| (row.writer.clone(), row.tenant.clone(), row.seq));
        assert!(whole(&moved).is_some(), "row {place} is another tenant's, with a hash of its own");
        let mut added = rows.clone();
        let mut copy = rows[place].clone();
        copy.seq += 1;
        copy.previous = rows[place].hash;
        copy.hash = copy.content_hash();
        added.insert(place + 1, copy);
        let beyond = rows.get(place + 1).is_none_or(|next| chain_of(next) != chain_of(&rows[place]));
        if beyond {
            assert_eq!(verify(&added, &checkpoints, key).uncovered, 1, "what no checkpoint covers is told");
        } else {
            assert!(whole(&added).is_some(), "a row is added behind row {place}");
        }
    }
}

#[tokio::test]
async fn missing_checkpoints_and_a_history_that_was_written_anew_are_found() {
    let log = small().await;
    let writer = log.writer();
    writer.write(record("bank", Act::FetchData)).await.unwrap();
    writer.close().await;
    let (mut rows, mut checkpoints) = (log.rows().await, log.checkpoints().await);
    assert_eq!(verify(&rows, &checkpoints, Some(&log.key)).fault, None);
    for place in 0..checkpoints.len() - 1 {
        let mut less = checkpoints.clone();
        less.remove(place);
        assert!(verify(&rows, &less, None).fault.is_some(), "checkpoint {place} is missing");
    }
    let mut swapped = checkpoints.clone();
    swapped.swap(0, 1);
    assert!(verify(&rows, &swapped, None).fault.is_some());
    // Everything is made to fit anew, but for what takes the key.
    rows[0].texts[1] = "GET_EVIDENCE".to_owned();
    let chain = (rows[0].writer.clone(), rows[0].tenant.clone());
    let mut previous = NOTHING;
    for row in rows.iter_mut().take_while(|row| (row.writer.clone(), row.tenant.clone()) == chain) {
        row.previous = previous;
        row.hash = row.content_hash();
        previous = row.hash;
    }
    let mut before = NOTHING;
    for checkpoint in &mut checkpoints {
        for mark in &mut checkpoint.heads {
            let Mark::Head(head) = mark else { continue };
            let row = rows.iter().find(|row| (&row.writer, &row.tenant, row.seq) == (&head.writer, &head.tenant, head.seq));
            head.hash = row.unwrap().hash;
        }
        checkpoint.previous = before;
        checkpoint.hash = checkpoint.content_hash();
        before = checkpoint.hash;
    }
    assert_eq!(verify(&rows, &checkpoints, None).fault, None);
    assert_eq!(verify(&rows, &checkpoints, Some(&log.key)).fault.unwrap().what, "was not made with the sealing key");
}

#[tokio::test]
async fn an_export_of_one_tenant_or_of_a_time_is_whole_and_tells_nothing_of_others() {
    let log = Log::new().await;
    let writer = log.writer();
    for hour in 0..6 {
        for tenant in ["lender", "bank"] {
            writer.write(Record { at: at(hour), ..record(tenant, Act::FetchData) }).await.unwrap();
        }
        writer.checkpoint().await.unwrap();
    }
    writer.close().await;
    let bank = Selection { tenant: Some("bank".to_owned()), ..Selection::default() };
    let text = log.exported(&bank).await;
    assert!(!text.contains("lender"));
    let report = verify_lines(text.as_bytes(), Some(log.key.clone())).unwrap();
    assert_eq!((report.rows, report.chains, report.checkpoints, report.fault), (6, 1, 6, None));
    let lines: Vec<&str> = text.lines().collect();
    let tail = [&lines[..lines.len() - 2], &lines[lines.len() - 1..]].concat().join("\n").replace("\"rows\":6", "\"rows\":5");
    let fault = verify_lines(tail.as_bytes(), None).unwrap().fault.unwrap();
    assert_eq!(fault.what, "rows after it are missing, of which a checkpoint tells");
    let times = Selection { tenant: None, since: Some(at(2)), until: Some(at(4)) };
    let text = log.exported(&times).await;
    let report = verify_lines(text.as_bytes(), Some(log.key.clone())).unwrap();
    assert_eq!((report.rows, report.fault), (4, None));
}

#[tokio::test]
async fn what_is_past_its_time_goes_under_a_checkpoint_and_the_rest_is_whole() {
    let log = Log::new().await;
    let (old, long) = (log.writer(), log.writer());
    for hour in [0, 1, 2, 30, 60] {
        log.clock.set(at(hour));
        if hour < 10 {
            old.write(Record { at: at(hour), ..record("lender", Act::FetchData) }).await.unwrap();
        }
        long.write(Record { at: at(hour), ..record("lender", Act::FetchData) }).await.unwrap();
        old.checkpoint().await.unwrap();
        long.checkpoint().await.unwrap();
    }
    old.close().await;
    assert_eq!(long.trim().await.unwrap(), 6);
    let report = log.verified().await;
    assert_eq!((report.rows, report.chains, report.fault.clone()), (2, 1, None));
    assert!(report.checkpoints < 9, "{report:?}");
    assert_eq!(long.trim().await.unwrap(), 0, "nothing is left to remove");
    log.clock.set(at(90));
    long.write(Record { at: at(90), ..record("lender", Act::FetchData) }).await.unwrap();
    assert_eq!(long.trim().await.unwrap(), 1);
    assert_eq!(log.verified().await.fault, None);
    let text = log.exported(&Selection::default()).await;
    assert_eq!(verify_lines(text.as_bytes(), Some(log.key.clone())).unwrap().fault, None);
    // The first of what is left is missing.
    let (rows, checkpoints) = (log.rows().await, log.checkpoints().await);
    assert!(verify(&rows[1..], &checkpoints, None).fault.is_some());
    assert!(verify(&rows, &checkpoints[1..], None).fault.is_some());
    long.close().await;
}

#[tokio::test]
async fn a_chain_with_a_hole_is_kept_beyond_its_time() {
    let log = Log::new().await;
    let writer = log.writer();
    for _ in 0..3 {
        writer.write(record("lender", Act::FetchData)).await.unwrap();
    }
    writer.checkpoint().await.unwrap();
    // Somebody has removed the first.
    let head = log.rows().await[0].head();
    let last = log.faulty.last_checkpoint().await.unwrap().unwrap();
    let forged = KeptCheckpoint { number: last.number + 1, ..last };
    log.faulty.append_checkpoint(&forged, &Trim { rows: vec![head], checkpoint: 0 }).await.unwrap();
    log.clock.set(at(100));
    assert!(writer.trim().await.is_err() || writer.trim().await == Ok(0));
    assert_eq!(log.rows().await.len(), 2);
    assert!(log.verified().await.fault.is_some());
    writer.close().await;
}

#[tokio::test]
async fn what_a_process_left_without_a_checkpoint_is_covered_by_the_next_one() {
    let log = Log::new().await;
    let killed = log.writer();
    killed.write(record("lender", Act::FetchData)).await.unwrap();
    assert_eq!(log.verified().await.uncovered, 1);
    let next = log.writer();
    next.cover();
    next.close().await;
    let report = log.verified().await;
    assert_eq!((report.uncovered, report.checkpoints, report.fault), (0, 1, None));
    let third = log.writer();
    third.cover();
    third.close().await;
    assert_eq!(log.verified().await.checkpoints, 1, "what is covered is not covered again");
}
