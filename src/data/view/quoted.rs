//! What is shown of a text that is quoted from another field.

use super::plan::{Plan, Step};
use crate::{contract::Kind, data::classes::Showing};

impl Plan {
    /// What is shown of the field that a quality flag names. A flag says `summary` or `details` for whichever details its account has, and
    /// leaves the name of a row's details out; so where several fields fit, the least that any of them shows.
    pub(super) fn showing_at(&self, root: usize, path: &str) -> Showing {
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
                Step::Enter(inner) if !last || self.is_whole(*inner) => Showing::Shown,
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

pub(super) fn as_message(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Message(place) => Some(place),
        _ => None,
    }
}
