//! What becomes of each field in a view: the classes of the contract put through the table, once.

use std::sync::LazyLock;

use crate::{
    contract::{CONTRACT, Contract, Kind},
    data::classes::{Showing, showing},
    pb::{FieldClass, View},
};

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
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
pub(super) struct Plan {
    pub(super) contract: &'static Contract,
    /// By the message's place and the field's number.
    steps: Vec<Vec<Step>>,
    /// By the message's place: whether all of it is shown.
    whole: Vec<bool>,
    /// The place of `Account`.
    pub(super) account: usize,
    /// The place of `Transaction`.
    pub(super) transaction: usize,
}

pub(super) static MASKED: LazyLock<Plan> = LazyLock::new(|| Plan::new(&CONTRACT, View::Masked));
pub(super) static SUMMARY: LazyLock<Plan> = LazyLock::new(|| Plan::new(&CONTRACT, View::Summary));

impl Plan {
    pub(super) fn new(contract: &'static Contract, view: View) -> Self {
        let steps: Vec<Vec<Step>> = (0..contract.messages.len()).map(|place| steps(contract, place, view)).collect();
        // A message that is not there has no fields, so nothing of it is shown.
        let place = |name| contract.place(name).unwrap_or(usize::MAX);
        let (account, transaction) = (place("sangam.v1.Account"), place("sangam.v1.Transaction"));
        let mut plan = Self { contract, whole: vec![true; steps.len()], steps, account, transaction };
        // Messages may hold each other, so each is taken for one that shows all until it is found to hold something else.
        while let Some(partly) = (0..plan.whole.len()).find(|place| plan.is_whole(*place) && !plan.shows_all(*place)) {
            if let Some(whole) = plan.whole.get_mut(partly) {
                *whole = false;
            }
        }
        plan
    }

    fn shows_all(&self, place: usize) -> bool {
        self.contract.fields(place).iter().all(|field| match self.step(place, field.number) {
            Step::Copy => true,
            Step::Enter(inner) => self.is_whole(inner),
            Step::Drop | Step::Mask | Step::Quote(_) => false,
        })
    }

    /// Whether all that the contract has in a message is shown.
    pub(super) fn is_whole(&self, place: usize) -> bool {
        self.whole.get(place).is_some_and(|whole| *whole)
    }

    /// What becomes of a field. One that the contract does not have is left out: only a later version knows what it tells.
    pub(super) fn step(&self, place: usize, number: u32) -> Step {
        let step = self.steps.get(place).and_then(|steps| steps.get(number as usize));
        step.copied().unwrap_or(Step::Drop)
    }
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
            (class, kind) => match (showing(class, view), kind) {
                (Showing::Shown, Kind::Message(inner)) => Step::Enter(inner),
                (Showing::Shown, _) => Step::Copy,
                (Showing::Masked, Kind::Text) => Step::Mask,
                (Showing::Masked | Showing::Gone, _) => Step::Drop,
            },
        };
        let number = field.number as usize;
        steps.resize(steps.len().max(number + 1), Step::Drop);
        if let Some(place) = steps.get_mut(number) {
            *place = step;
        }
    }
    steps
}
