//! Makes checkpoints, and removes what is past its time under one that says so.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{
    appender::Appender,
    export::{checkpoint_of, line_of},
    row::{Checkpoint, Head, Mark, NOTHING},
};
use crate::store::{Aged, Chains, KeptCheckpoint, StoreError, Trim};

/// So many processes do not make checkpoints at once.
const TRIES: usize = 16;
/// For how far behind the newest checkpoint a start looks for chains that ended without one: other processes may have gone on for so long
/// after one has died.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);
const PAGE: u32 = 1_000;

impl Appender {
    /// Makes a checkpoint over the chains that have grown.
    pub(super) async fn checkpoint(&mut self) -> Result<(), StoreError> {
        let grown = std::mem::take(&mut self.grown);
        let end = |tenant: &std::sync::Arc<str>| {
            let end = self.ends.get(tenant)?;
            Some(Head { tenant: tenant.to_string(), writer: self.writer.clone(), seq: end.seq, hash: end.hash })
        };
        let heads: Vec<_> = grown.iter().filter_map(end).collect();
        let made = self.append_checkpoint(heads).await;
        if made.is_err() {
            self.grown.extend(grown);
        }
        made
    }

    /// Makes a checkpoint over what stands behind the last one of chains of any process: whoever wrote it may have died.
    pub(super) async fn cover(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let newest = self.last().await?.and_then(|last| jiff::Timestamp::from_millisecond(last.at).ok());
        let now = newest.map_or(now, |newest| newest.min(now));
        let since = now.checked_sub(LOOK_BACK).unwrap_or(now);
        let mut heads = BTreeMap::new();
        for (head, _) in self.store.audit_heads(Chains::Since(since)).await? {
            heads.insert((head.writer.clone(), head.tenant.clone()), head);
        }
        if let Some(first) = self.store.checkpoint_since(since).await? {
            let mut after = first - 1;
            loop {
                let page = self.store.checkpoints(after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.number;
                for known in page.iter().filter_map(|kept| checkpoint_of(&kept.line)).flat_map(|checkpoint| checkpoint.heads) {
                    let Mark::Head(known) = known else { continue };
                    let key = (known.writer, known.tenant);
                    if heads.get(&key).is_some_and(|head| head.seq <= known.seq) {
                        heads.remove(&key);
                    }
                }
            }
        }
        self.append_checkpoint(heads.into_values().collect()).await
    }

    /// Appends a checkpoint with these heads, if there are any.
    async fn append_checkpoint(&self, heads: Vec<Head>) -> Result<(), StoreError> {
        if heads.is_empty() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let last = self.last().await?;
            let trimmed_by = last.as_ref().map_or(0, |last| last.trimmed_by);
            let marks = heads.iter().cloned().map(Mark::Head).collect();
            let next = Checkpoint { heads: marks, trimmed_by, ..self.after(last.as_ref()) };
            if self.append_next(next, &Trim::default()).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// Removes rows and checkpoints that are past their time, under a checkpoint that notes where each chain begins from now on. A chain of
    /// which something is missing is left as it is: its removal would hide that.
    pub(super) async fn trim(&mut self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let Ok(before) = now.checked_sub(self.settings.keep) else { return Ok(0) };
        for _ in 0..TRIES {
            let last = self.last().await?;
            let Some(last) = last else { return Ok(0) };
            let mut floors = self.floors(last.trimmed_by).await?;
            let aged = self.store.aged_audit(before).await?;
            let (whole, broken): (Vec<_>, Vec<_>) = aged.into_iter().partition(|aged| is_whole(aged, &floors));
            if !broken.is_empty() {
                tracing::error!(
                    count = broken.len(),
                    "audit chains with missing rows are kept beyond their time; verify the log"
                );
            }
            if whole.is_empty() {
                return Ok(0);
            }
            let rows: Vec<Head> = whole.iter().map(|aged| aged.last.clone()).collect();
            floors.extend(rows.iter().map(|head| ((head.writer.clone(), head.tenant.clone()), head.clone())));
            self.drop_ended(&mut floors, &rows).await?;
            let first_kept = self.store.checkpoint_since(before).await?.unwrap_or(last.number);
            let dropped = self.store.checkpoints(first_kept - 2, 1).await?;
            let dropped = dropped.first().filter(|kept| kept.number == first_kept - 1);
            let dropped = dropped.and_then(|kept| checkpoint_of(&kept.line));
            let next = self.after(Some(&last));
            let next = Checkpoint {
                floors: floors.into_values().map(Mark::Head).collect(),
                dropped: dropped.as_ref().map_or(0, |dropped| dropped.number),
                dropped_hash: dropped.as_ref().map_or(NOTHING, |dropped| dropped.hash),
                trimmed_by: next.number,
                ..next
            };
            let trim = Trim { rows, checkpoint: dropped.map_or(0, |dropped| dropped.number) };
            if self.append_next(next, &trim).await? {
                let gone = whole.iter().map(|aged| u64::try_from(aged.count).unwrap_or_default()).sum();
                tracing::info!(count = gone, "removed audit rows that are past their time");
                return Ok(gone);
            }
        }
        Err(StoreError::Contended)
    }

    /// What an earlier checkpoint noted as removed, by chain.
    async fn floors(&self, trimmed_by: i64) -> Result<BTreeMap<(String, String), Head>, StoreError> {
        let noted = self.store.checkpoints(trimmed_by - 1, 1).await?;
        let noted = noted.first().filter(|kept| trimmed_by > 0 && kept.number == trimmed_by);
        let floors = noted.and_then(|kept| checkpoint_of(&kept.line)).map(|checkpoint| checkpoint.floors).unwrap_or_default();
        let heads = floors.into_iter().filter_map(|mark| mark.head().cloned());
        Ok(heads.map(|head| ((head.writer.clone(), head.tenant.clone()), head)).collect())
    }

    /// Forgets the floors of chains that are gone as a whole since an earlier removal.
    async fn drop_ended(&self, floors: &mut BTreeMap<(String, String), Head>, now: &[Head]) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        for (key, floor) in floors.iter().filter(|(_, floor)| !now.contains(floor)) {
            let next = self.store.audit_rows(Some(&floor.tenant), (&floor.writer, &floor.tenant, floor.seq), 1).await?;
            if next.first().is_none_or(|row| row.writer != floor.writer) {
                gone.push(key.clone());
            }
        }
        for key in gone {
            floors.remove(&key);
        }
        Ok(())
    }

    async fn last(&self) -> Result<Option<Checkpoint>, StoreError> {
        let Some(kept) = self.store.last_checkpoint().await? else { return Ok(None) };
        let last = checkpoint_of(&kept.line).ok_or(StoreError::Unreadable("an audit checkpoint"))?;
        Ok(Some(last))
    }

    /// The checkpoint after another one, without content.
    fn after(&self, last: Option<&Checkpoint>) -> Checkpoint {
        Checkpoint {
            number: last.map_or(1, |last| last.number + 1),
            at: self.clock.now().as_millisecond(),
            writer: self.writer.clone(),
            heads: Vec::new(),
            floors: Vec::new(),
            dropped: 0,
            dropped_hash: NOTHING,
            trimmed_by: 0,
            previous: last.map_or(NOTHING, |last| last.hash),
            hash: NOTHING,
            mac: NOTHING,
        }
    }

    async fn append_next(&self, next: Checkpoint, trim: &Trim) -> Result<bool, StoreError> {
        let next = next.signed(&self.key);
        let kept = KeptCheckpoint { number: next.number, at: next.at, line: line_of(&next) };
        let done = self.store.append_checkpoint(&kept, trim).await?;
        if done {
            // Where logs go, the store's writers cannot reach: the log bears witness of the newest checkpoint.
            tracing::info!(sequence = next.number, outcome = super::row::hex(&next.hash), "audit checkpoint");
        }
        Ok(done)
    }
}

/// Whether nothing is missing between what was removed before and the last row that is past its time.
fn is_whole(aged: &Aged, floors: &BTreeMap<(String, String), Head>) -> bool {
    let floor = floors.get(&(aged.last.writer.clone(), aged.last.tenant.clone())).map_or(0, |floor| floor.seq);
    aged.first == floor + 1 && aged.count == aged.last.seq - floor
}
