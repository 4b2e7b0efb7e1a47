//! What a view shows of encoded rows, field by field: the class that the contract gives a field, and the table of [`classes`]. Rows are not
//! decoded for it: what is shown is copied, and what has no class and could tell something is left out.

use super::{
    classes::Showing,
    mask,
    rows::{EntryKind, Rows, RowsBuilder},
    wire::{self, Field},
    words,
};
use crate::pb::View;

mod plan;
mod quoted;

use plan::{MASKED, Plan, SUMMARY, Step};

/// The rows as a view shows them. UNSPECIFIED means MASKED.
#[must_use]
pub fn apply(rows: &Rows, view: View) -> Rows {
    let plan: &Plan = match view {
        View::Full => return rows.clone(),
        View::Summary => &SUMMARY,
        View::Masked | View::Unspecified => &MASKED,
    };
    let mut out = RowsBuilder::with_capacity(rows.bytes.len());
    for entry in &rows.entries {
        let root = match entry.kind {
            EntryKind::Account => plan.account,
            EntryKind::Transaction if view == View::Summary => continue,
            EntryKind::Transaction => plan.transaction,
        };
        // What cannot be read is not shown at all, rather than unmasked.
        out.message(entry.kind, |out| plan.show(root, root, rows.message(*entry), out));
    }
    // Masked rows are never longer than the rows they are made from, which fit.
    out.finish().unwrap_or_else(|| Rows { bytes: bytes::Bytes::new(), entries: Vec::new(), accounts: 0, transactions: 0 })
}

impl Plan {
    /// Appends what is shown of a message; `None` if it is none. `root` is the account or row that it is part of.
    fn show(&self, root: usize, place: usize, message: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut rest = message;
        while !rest.is_empty() {
            let field = rest;
            let (number, value) = wire::next(&mut rest)?;
            match (self.step(place, number), value) {
                (Step::Copy, _) => out.extend_from_slice(field.get(..field.len() - rest.len())?),
                (Step::Drop, _) => {}
                (_, Field::Number(_)) => return None,
                (Step::Mask, Field::Bytes(text)) => masked(out, number, text)?,
                (Step::Enter(inner), Field::Bytes(message)) if self.shows_all_of(inner, message) => {
                    out.extend_from_slice(field.get(..field.len() - rest.len())?);
                }
                (Step::Enter(inner), Field::Bytes(message)) => {
                    let mut shown = Vec::with_capacity(message.len());
                    self.show(root, inner, message, &mut shown)?;
                    wire::delimited(out, number, &shown);
                }
                (Step::Quote(path), Field::Bytes(text)) => {
                    let path = std::str::from_utf8(wire::find_bytes(message, path).unwrap_or_default()).ok()?;
                    match self.showing_at(root, path) {
                        Showing::Shown if words::may_be_quoted(std::str::from_utf8(text).ok()?) => {
                            wire::delimited(out, number, text)
                        }
                        Showing::Masked => masked(out, number, text)?,
                        Showing::Shown | Showing::Gone => {}
                    }
                }
            }
        }
        Some(())
    }

    /// Whether all that stands in a message is shown, so that it can be copied whole, as most can.
    fn shows_all_of(&self, place: usize, message: &[u8]) -> bool {
        let mut rest = message;
        while !rest.is_empty() {
            let Some((number, value)) = wire::next(&mut rest) else { return false };
            let shown = match (self.step(place, number), value) {
                (Step::Copy, _) => true,
                (Step::Enter(inner), Field::Bytes(message)) => self.shows_all_of(inner, message),
                _ => false,
            };
            if !shown {
                return false;
            }
        }
        true
    }
}

fn masked(out: &mut Vec<u8>, number: u32, text: &[u8]) -> Option<()> {
    wire::delimited(out, number, mask::last_four(std::str::from_utf8(text).ok()?).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests;
