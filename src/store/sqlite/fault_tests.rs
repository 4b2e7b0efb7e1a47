//! A disk that becomes full at a chosen statement.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// What is done in place of the chosen statement: SQLite itself fails with SQLITE_FULL, and does what it does then.
pub(in crate::store::sqlite) const FILL: &str = "PRAGMA max_page_count = 1;
    INSERT OR REPLACE INTO write_proof (id, filler) VALUES (1, hex(zeroblob(4000000)))";

/// Counts statements down to the one that fails. 0 is a disk with room.
#[derive(Clone, Debug, Default)]
pub(in crate::store::sqlite) struct FullDisk(Arc<AtomicU32>);

impl FullDisk {
    /// The statement of this number fails, counted from 1 with the next one.
    pub(in crate::store::sqlite) fn at(&self, statement: u32) {
        self.0.store(statement, Ordering::SeqCst);
    }

    /// Whether the chosen statement is still to come; there is room again from now on.
    pub(in crate::store::sqlite) fn end(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) > 0
    }

    /// Counts a statement; whether it is the one.
    pub(super) fn strikes(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
    }
}
