//! Finds what was changed. Checkpoints come first, then the rows by chain; both are told one after the other, so a log of any size is verified
//! in the memory that its checkpoints take.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::row::{AuditRow, Checkpoint, Hash, Head, Mark, NOTHING, hex};
use crate::seal::KeyedHash;

/// How much of the log is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every row of the chains that are shown.
    Whole,
    /// A range of times.
    Times {
        /// Earlier rows are left out.
        since: bool,
        /// Later rows are left out.
        until: bool,
    },
}

impl Part {
    fn begins_late(self) -> bool {
        matches!(self, Self::Times { since: true, .. })
    }

    fn ends_early(self) -> bool {
        matches!(self, Self::Times { until: true, .. })
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: String,
    /// What.
    pub what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What a verification has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were looked at.
    pub rows: u64,
    /// Chains of rows.
    pub chains: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Rows behind the last checkpoint of their chain: their end could be cut off unnoticed until the next checkpoint.
    pub uncovered: u64,
    /// The newest checkpoint, to be compared with what the log of the gateway says.
    pub newest: Option<(i64, String)>,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// A chain: writer and tenant.
type Chain = (String, String);

/// See the module.
pub struct Verifier {
    key: Option<KeyedHash>,
    part: Part,
    report: Report,
    /// What checkpoints say of each chain: hashes by place.
    heads: BTreeMap<Chain, BTreeMap<i64, Hash>>,
    /// The last rows that were removed because of their age.
    floors: BTreeMap<Chain, Head>,
    /// The number and hash of the last checkpoint that was removed because of its age.
    dropped: (i64, Hash),
    /// The number of the first checkpoint, and the hash of the one before it.
    first: Option<(i64, Hash)>,
    /// The number and hash of the checkpoint before.
    before: Option<(i64, Hash)>,
    /// The chain in hand.
    open: Option<Open>,
    seen: BTreeSet<Chain>,
    started: bool,
}

struct Open {
    chain: Chain,
    seq: i64,
    hash: Hash,
    /// Up to where checkpoints cover it.
    covered: i64,
}

impl Verifier {
    /// A verification; with the key, of what is signed too.
    pub fn new(key: Option<KeyedHash>, part: Part) -> Self {
        Self {
            key,
            part,
            report: Report::default(),
            heads: BTreeMap::new(),
            floors: BTreeMap::new(),
            dropped: (0, NOTHING),
            first: None,
            before: None,
            open: None,
            seen: BTreeSet::new(),
            started: false,
        }
    }

    /// Says what is shown, before anything is.
    pub(super) fn only(&mut self, part: Part) {
        self.part = part;
    }

    fn fault(&mut self, place: impl FnOnce() -> String, what: &'static str) {
        if self.report.fault.is_none() {
            self.report.fault = Some(Fault { place: place(), what });
        }
    }

    /// Something that cannot be read.
    pub(super) fn unreadable(&mut self, place: String) {
        self.fault(|| place, "cannot be read as it was written");
    }

    /// The next checkpoint.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let place = || format!("checkpoint {}", checkpoint.number);
        self.report.checkpoints += 1;
        self.report.newest = Some((checkpoint.number, hex(&checkpoint.hash)));
        match self.before {
            None => self.first = Some((checkpoint.number, checkpoint.previous)),
            Some((number, hash)) if checkpoint.number == number + 1 && checkpoint.previous == hash => {}
            Some(_) => self.fault(place, "does not follow the checkpoint before it"),
        }
        self.before = Some((checkpoint.number, checkpoint.hash));
        if checkpoint.hash != checkpoint.content_hash() {
            self.fault(place, "was changed");
        }
        if self.key.as_ref().is_some_and(|key| !checkpoint.is_signed(key)) {
            self.fault(place, "was not made with the sealing key");
        }
        if checkpoint.dropped > self.dropped.0 {
            self.dropped = (checkpoint.dropped, checkpoint.dropped_hash);
        }
        for head in checkpoint.heads.iter().filter_map(Mark::head) {
            let known = self.heads.entry(chain(head)).or_default();
            if *known.entry(head.seq).or_insert(head.hash) != head.hash {
                self.fault(place, "contradicts an earlier checkpoint");
            }
        }
        for floor in checkpoint.floors.iter().filter_map(Mark::head) {
            let known = self.floors.entry(chain(floor)).or_insert_with(|| floor.clone());
            if known.seq < floor.seq {
                *known = floor.clone();
            }
        }
    }

    /// The next row.
    pub fn row(&mut self, row: &AuditRow) {
        self.begin_rows();
        self.report.rows += 1;
        let key = (row.writer.clone(), row.tenant.clone());
        let follows = match &self.open {
            Some(open) if open.chain == key => row.seq == open.seq + 1 && row.previous == open.hash,
            _ => {
                let ordered = self.open.as_ref().is_none_or(|open| open.chain < key);
                self.end_chain();
                self.report.chains += 1;
                self.seen.insert(key.clone());
                ordered && self.begins(&key, row)
            }
        };
        if !follows {
            self.fault(|| at(row), "does not follow the row before it: rows are missing, added or out of their order");
        }
        if row.hash != row.content_hash() {
            self.fault(|| at(row), "was changed");
        }
        let told = self.heads.get(&key).and_then(|heads| heads.get(&row.seq)).copied();
        if told.is_some_and(|hash| hash != row.hash) {
            self.fault(|| at(row), "is not the row that a checkpoint tells of");
        }
        let covered = match &self.open {
            Some(open) if told.is_none() => open.covered,
            _ if told.is_none() => self.floors.get(&key).map_or(0, |floor| floor.seq),
            _ => row.seq,
        };
        self.open = Some(Open { chain: key, seq: row.seq, hash: row.hash, covered });
    }

    /// Whether a row is one with which its chain may begin.
    fn begins(&self, key: &Chain, row: &AuditRow) -> bool {
        match self.floors.get(key) {
            _ if self.part.begins_late() => true,
            Some(floor) => row.seq == floor.seq + 1 && row.previous == floor.hash,
            None => row.seq == 1 && row.previous == NOTHING,
        }
    }

    /// Checks how the chain of checkpoints begins: at its first, or behind one that was removed because of its age.
    fn begin_rows(&mut self) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let Some((number, previous)) = self.first else { return };
        let (dropped, hash) = self.dropped;
        let whole = match dropped {
            0 => number == 1 && previous == NOTHING,
            _ => number == dropped + 1 && previous == hash,
        };
        if !whole {
            self.fault(|| format!("checkpoint {number}"), "is not the first: checkpoints before it are missing");
        }
    }

    fn end_chain(&mut self) {
        let Some(open) = self.open.take() else { return };
        self.report.uncovered += u64::try_from(open.seq - open.covered).unwrap_or_default();
        let told = self.heads.get(&open.chain).and_then(|heads| heads.keys().next_back().copied()).unwrap_or_default();
        if told > open.seq && !self.part.ends_early() {
            let (writer, tenant) = &open.chain;
            let place = format!("tenant {tenant:?}, writer {writer:?}, row {}", open.seq);
            self.fault(|| place, "rows after it are missing, of which a checkpoint tells");
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Report {
        self.begin_rows();
        self.end_chain();
        if self.part == Part::Whole {
            let floor = |chain: &Chain| self.floors.get(chain).map_or(0, |floor| floor.seq);
            let newest = |heads: &BTreeMap<i64, Hash>| heads.keys().next_back().copied().unwrap_or_default();
            let gone =
                |(chain, heads): &(&Chain, &BTreeMap<i64, Hash>)| !self.seen.contains(*chain) && newest(heads) > floor(chain);
            let gone = self.heads.iter().find(gone).map(|((writer, tenant), _)| format!("tenant {tenant:?}, writer {writer:?}"));
            if let Some(place) = gone {
                self.fault(|| place, "has no rows, but a checkpoint tells of some");
            }
        }
        self.report
    }
}

fn chain(head: &Head) -> Chain {
    (head.writer.clone(), head.tenant.clone())
}

fn at(row: &AuditRow) -> String {
    format!("tenant {:?}, writer {:?}, row {}", row.tenant, row.writer, row.seq)
}
