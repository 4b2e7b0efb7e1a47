//! The audit log: who did what with whose consent, and who read which data, with what result.
//!
//! Rows are in chains, one for each tenant and each run of a process, so that replicas need not wait for each other: a row carries the hash
//! of the one before it, and whoever changes, removes, swaps or inserts one breaks the chain. Now and then, and when it stops, a process
//! writes how far its chains have come into a checkpoint; checkpoints of all processes are one chain, so a chain that was cut off at its end
//! is found as well. Hashes are plain, so that anybody can verify an export; checkpoints carry a hash under a key too, which whoever
//! can write to the store alone cannot make.
//!
//! Financial data leaves, and a provider is asked to change a consent, only after that is on record. What came of an act, and what the
//! gateway learns by itself, is written as soon as it can be.

mod appender;
mod auditor;
mod checkpoint;
mod export;
mod record;
mod row;
#[cfg(test)]
mod tests;
mod verify;

pub use auditor::{Auditor, NotWritten, Settings};
pub use export::{ExportError, Exported, Selection, decode_checkpoint, export, verify_lines, verify_store};
pub use record::{Act, Id, Outcome, Record, Who};
pub use row::{AuditRow, Checkpoint, Hash, Head, Mark, NOTHING, TEXTS, checkpoint_key, hex};
pub use verify::{Fault, Part, Report, Verifier};
