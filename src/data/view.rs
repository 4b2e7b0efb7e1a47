//! What a view shows of encoded rows, field by field: the class that the contract gives a field, and the table of [`classes`]. Rows are not
//! decoded for it: what is shown is copied, and what has no class and could tell something is left out.

use std::sync::LazyLock;

use super::{
    classes::{Showing, showing},
    mask,
    rows::{EntryKind, Rows, RowsBuilder},
    wire::{self, Field},
};
use crate::{
    contract::{CONTRACT, Contract, Kind},
    pb::{FieldClass, View},
};

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is copied.
    Copy,
    /// It is left out.
    Drop,
    /// It is a text that is masked.
    Mask,
    /// It is a message, by its place, of which each field is looked at.
    Enter(usize),
    /// It is a text that is treated like another field, whose path stands in the field of this number.
    Quote(u32),
}

/// What becomes of each field in one view.
struct Plan {
    contract: &'static Contract,
    /// By the message's place and the field's number.
    steps: Vec<Vec<Step>>,
    account: usize,
    transaction: usize,
}

static MASKED: LazyLock<Plan> = LazyLock::new(|| Plan::new(&CONTRACT, View::Masked));
static SUMMARY: LazyLock<Plan> = LazyLock::new(|| Plan::new(&CONTRACT, View::Summary));

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
    fn new(contract: &'static Contract, view: View) -> Self {
        let steps = (0..contract.messages.len()).map(|place| steps(contract, place, view)).collect();
        // A message that is not there has no fields, so nothing of it is shown.
        let place = |name| contract.place(name).unwrap_or(usize::MAX);
        let mut plan = Self { contract, steps, account: place("sangam.v1.Account"), transaction: place("sangam.v1.Transaction") };
        plan.copy_what_shows_all();
        plan
    }

    fn step(&self, place: usize, number: u32) -> Step {
        let step = self.steps.get(place).and_then(|steps| steps.get(number as usize));
        step.copied().unwrap_or(Step::Drop)
    }

    /// Messages of which everything is shown are copied whole. Messages may hold each other, so each is taken for one until it is found to
    /// hold something else.
    fn copy_what_shows_all(&mut self) {
        let mut whole = vec![true; self.steps.len()];
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for place in 0..whole.len() {
                let copied = |number| match self.step(place, number) {
                    Step::Copy => true,
                    Step::Enter(inner) => whole.get(inner).is_some_and(|whole| *whole),
                    _ => false,
                };
                let shows_all = self.contract.fields(place).iter().all(|field| copied(field.number));
                if whole[place] && !shows_all {
                    (whole[place], changed) = (false, true);
                }
            }
        }
        for step in self.steps.iter_mut().flatten() {
            if let Step::Enter(inner) = *step
                && whole[inner]
            {
                *step = Step::Copy;
            }
        }
    }

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
                (Step::Enter(inner), Field::Bytes(message)) => {
                    let mut shown = Vec::with_capacity(message.len());
                    self.show(root, inner, message, &mut shown)?;
                    wire::delimited(out, number, &shown);
                }
                (Step::Quote(path), Field::Bytes(text)) => {
                    let path = std::str::from_utf8(wire::find_bytes(message, path).unwrap_or_default()).ok()?;
                    match self.showing_at(root, path) {
                        Showing::Shown => wire::delimited(out, number, text),
                        Showing::Masked => masked(out, number, text)?,
                        Showing::Gone => {}
                    }
                }
            }
        }
        Some(())
    }

    /// What is shown of the field that a quality flag names. A flag says `summary` or `details` for whichever details its account has, and
    /// leaves the name of a row's details out; so where several fields fit, the least that any of them shows.
    fn showing_at(&self, root: usize, path: &str) -> Showing {
        let details = || -> Vec<usize> {
            let fields = self.contract.fields(root).iter().filter(|field| field.in_oneof);
            fields.filter_map(|field| as_message(field.kind)).collect()
        };
        let mut places = vec![root];
        let mut parts = path.split('.').map(|part| part.split('[').next().unwrap_or(part)).peekable();
        if parts.next_if(|part| matches!(*part, "summary" | "details")).is_some() {
            places = details();
        } else if parts.peek().is_some_and(|name| self.named(&places, name).is_empty()) {
            // Of a row's details, or the currency of every amount.
            places.extend(details());
            places.extend(self.contract.place("sangam.v1.Money"));
        }
        let mut least = None;
        while let Some(name) = parts.next() {
            let found = self.named(&places, name);
            let last = parts.peek().is_none();
            let showing = found.iter().map(|(step, _)| match step {
                Step::Copy => Showing::Shown,
                Step::Enter(_) if !last => Showing::Shown,
                Step::Mask => Showing::Masked,
                Step::Enter(_) | Step::Drop | Step::Quote(_) => Showing::Gone,
            });
            least = least.max(Some(showing.max().unwrap_or(Showing::Gone)));
            places = found.iter().filter_map(|(_, kind)| as_message(*kind)).collect();
        }
        least.unwrap_or(Showing::Gone)
    }

    /// What becomes of the fields of that name in any of the messages, and what they hold.
    fn named(&self, places: &[usize], name: &str) -> Vec<(Step, Kind)> {
        let of = |place: &usize| {
            let fields = self.contract.fields(*place).iter().filter(|field| field.name == name);
            fields.map(|field| (self.step(*place, field.number), field.kind)).collect::<Vec<_>>()
        };
        places.iter().flat_map(of).collect()
    }
}

fn as_message(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Message(place) => Some(place),
        _ => None,
    }
}

fn masked(out: &mut Vec<u8>, number: u32, text: &[u8]) -> Option<()> {
    wire::delimited(out, number, mask::last_four(std::str::from_utf8(text).ok()?).as_bytes());
    Some(())
}

/// The steps of a message's fields by their numbers.
fn steps(contract: &Contract, place: usize, view: View) -> Vec<Step> {
    let fields = contract.fields(place);
    let mut steps = Vec::new();
    for field in fields {
        let step = match (field.class, field.kind) {
            (FieldClass::Unspecified, Kind::Message(inner)) => Step::Enter(inner),
            (FieldClass::Unspecified, Kind::Number) => Step::Copy,
            (FieldClass::Quoted, _) if showing(FieldClass::Quoted, view) != Showing::Shown => {
                fields.iter().find(|beside| beside.name == "field_path").map_or(Step::Drop, |path| Step::Quote(path.number))
            }
            (class, kind) => match showing(class, view) {
                Showing::Shown => Step::Copy,
                Showing::Masked if kind == Kind::Text => Step::Mask,
                Showing::Masked | Showing::Gone => Step::Drop,
            },
        };
        let number = field.number as usize;
        steps.resize(steps.len().max(number + 1), Step::Drop);
        steps[number] = step;
    }
    steps
}

#[cfg(test)]
mod tests;
