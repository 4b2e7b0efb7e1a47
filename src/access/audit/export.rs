//! The log as lines of JSON, and its verification from the store or from such lines.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    row::{AuditRow, Checkpoint},
    verify::{Part, Report, Verifier},
};
use crate::{
    seal::KeyedHash,
    store::{AuditStore, StoreError},
};

const PAGE: u32 = 1_000;
const FORMAT: u32 = 1;

/// What is exported. Rows of a chain are in the order of their times, so a range of times is one run of each chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of this tenant.
    pub tenant: Option<String>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
}

/// How much was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Rows.
    pub rows: u64,
    /// Checkpoints.
    pub checkpoints: u64,
}

/// A line of an export: the head, the checkpoints in their order, the rows by chain, the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Export(Head),
    Checkpoint(Checkpoint),
    Row(AuditRow),
    End(End),
}

/// What was chosen; times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: u32,
    tenant: Option<String>,
    since: Option<i64>,
    until: Option<i64>,
}

/// How many lines were written: an export that was cut off has no such line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    rows: u64,
    checkpoints: u64,
}

fn text(line: &Line) -> String {
    // Nothing in it can fail to be written as JSON.
    serde_json::to_string(line).unwrap_or_default()
}

/// The line, if it is written in the one way in which it is written here: a change that means nothing is a change all the same.
fn read(line: &str) -> Option<Line> {
    let read: Line = serde_json::from_str(line).ok()?;
    (text(&read) == line).then_some(read)
}

/// A checkpoint as it is kept.
pub(super) fn line_of(checkpoint: &Checkpoint) -> String {
    text(&Line::Checkpoint(checkpoint.clone()))
}

/// A kept checkpoint.
pub(super) fn checkpoint_of(line: &str) -> Option<Checkpoint> {
    match read(line)? {
        Line::Checkpoint(checkpoint) => Some(checkpoint),
        _ => None,
    }
}

/// A kept checkpoint, for whoever looks into one.
pub fn decode_checkpoint(line: &str) -> Option<Checkpoint> {
    checkpoint_of(line)
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The lines cannot be written.
    #[error("{}", .0.kind())]
    Write(#[from] io::Error),
}

/// Writes what was chosen as lines of JSON. Of one tenant alone, what checkpoints say of others is hidden behind hashes; a checkpoint that
/// cannot be read is written as it is, so that the verification finds it.
pub async fn export(store: &dyn AuditStore, selection: &Selection, to: &mut (dyn Write + Send)) -> Result<Exported, ExportError> {
    let tenant = selection.tenant.as_deref();
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let (since, until) = (millis(selection.since), millis(selection.until));
    writeln!(to, "{}", text(&Line::Export(Head { format: FORMAT, tenant: selection.tenant.clone(), since, until })))?;
    let mut done = Exported::default();
    let mut number = i64::MIN;
    loop {
        let page = store.checkpoints(number, PAGE).await?;
        let Some(last) = page.last() else { break };
        number = last.number;
        for kept in &page {
            let shown = match (tenant, checkpoint_of(&kept.line)) {
                (Some(tenant), Some(checkpoint)) => line_of(&checkpoint.only(tenant)),
                _ => kept.line.clone(),
            };
            writeln!(to, "{shown}")?;
            done.checkpoints += 1;
        }
    }
    let mut after = Place::default();
    while let Some(page) = after.next(store, tenant).await? {
        for row in page {
            if since.is_none_or(|since| row.at >= since) && until.is_none_or(|until| row.at < until) {
                writeln!(to, "{}", text(&Line::Row(row)))?;
                done.rows += 1;
            }
        }
    }
    let Exported { rows, checkpoints } = done;
    writeln!(to, "{}", text(&Line::End(End { rows, checkpoints })))?;
    to.flush()?;
    Ok(done)
}

/// Up to where rows were read.
#[derive(Default)]
struct Place {
    writer: String,
    tenant: String,
    seq: i64,
}

impl Place {
    async fn next(&mut self, store: &dyn AuditStore, tenant: Option<&str>) -> Result<Option<Vec<AuditRow>>, StoreError> {
        let page = store.audit_rows(tenant, (&self.writer, &self.tenant, self.seq), PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *self = Self { writer: last.writer.clone(), tenant: last.tenant.clone(), seq: last.seq };
        Ok(Some(page))
    }
}

/// Verifies the whole log in the store. The gateway may go on writing: checkpoints are read first, so every row that they tell of is there.
pub async fn verify_store(store: &dyn AuditStore, key: &KeyedHash) -> Result<Report, StoreError> {
    let mut report = verify_once(store, key).await?;
    // What was removed because of its age meanwhile looks as if it were missing: a second look knows of it.
    if report.fault.is_some() {
        report = verify_once(store, key).await?;
    }
    Ok(report)
}

async fn verify_once(store: &dyn AuditStore, key: &KeyedHash) -> Result<Report, StoreError> {
    let mut verifier = Verifier::new(Some(key.clone()), Part::Whole);
    let mut number = i64::MIN;
    loop {
        let page = store.checkpoints(number, PAGE).await?;
        let Some(last) = page.last() else { break };
        number = last.number;
        for kept in &page {
            match checkpoint_of(&kept.line).filter(|read| read.number == kept.number && read.at == kept.at) {
                Some(checkpoint) => verifier.checkpoint(&checkpoint),
                None => verifier.unreadable(format!("checkpoint {}", kept.number)),
            }
        }
    }
    let mut after = Place::default();
    while let Some(page) = after.next(store, None).await? {
        page.iter().for_each(|row| verifier.row(row));
    }
    Ok(verifier.finish())
}

/// Verifies an export. With the key, checkpoints are held to it too.
///
/// # Errors
/// When the lines cannot be read at all.
pub fn verify_lines(lines: impl BufRead, key: Option<KeyedHash>) -> io::Result<Report> {
    let mut verifier = Verifier::new(key, Part::Whole);
    let (mut counted, mut end) = (Exported::default(), None);
    for (number, bytes) in lines.split(b'\n').enumerate() {
        let place = || format!("line {}", number + 1);
        let bytes = bytes?;
        let line = std::str::from_utf8(&bytes).ok().and_then(read);
        match line {
            _ if end.is_some() => verifier.unreadable(place()),
            Some(Line::Export(head)) if number == 0 && head.format == FORMAT => verifier.only(part(&head)),
            Some(Line::Checkpoint(checkpoint)) if number > 0 && counted.rows == 0 => {
                counted.checkpoints += 1;
                verifier.checkpoint(&checkpoint);
            }
            Some(Line::Row(row)) if number > 0 => {
                counted.rows += 1;
                verifier.row(&row);
            }
            Some(Line::End(told)) if number > 0 => end = Some(told),
            _ => verifier.unreadable(place()),
        }
    }
    if end != Some(End { rows: counted.rows, checkpoints: counted.checkpoints }) {
        verifier.unreadable("the end: it tells of other lines, or is missing".to_owned());
    }
    Ok(verifier.finish())
}

fn part(head: &Head) -> Part {
    if head.since.is_some() || head.until.is_some() {
        Part::Times { since: head.since.is_some(), until: head.until.is_some() }
    } else {
        Part::Whole
    }
}
