//! Collects the figures of an analysis, and what must be said about them: which names of the provider they come from, which of those
//! are assumed, which averages were rounded.

use serde_json::value::RawValue;

use super::{
    figures::{self, rupees},
    lenient::Members,
};
use crate::pb::Money;

/// Where a figure may stand.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    within: &'a Members<'a>,
    name: &'static str,
    assumed: bool,
}

/// A place whose name the provider documents.
pub fn stated<'a>(within: &'a Members<'a>, name: &'static str) -> Place<'a> {
    Place { within, name, assumed: false }
}

/// A place whose name, or the name of the block around it, is a guess.
pub fn assumed<'a>(within: &'a Members<'a>, name: &'static str) -> Place<'a> {
    Place { within, name, assumed: true }
}

/// What is said about the figures of one analysis.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Paths of the figures that rest on assumed names.
    pub assumed: Vec<String>,
    /// Paths of the averages that were rounded.
    pub rounded: Vec<String>,
}

impl Ledger {
    /// A group of figures; `path` is where it stands in the core, empty at the top.
    pub fn group(&mut self, path: &'static str) -> Group<'_> {
        Group { ledger: self, path, names: Vec::new() }
    }
}

/// One group of figures while it is read.
#[derive(Debug)]
pub struct Group<'l> {
    ledger: &'l mut Ledger,
    path: &'static str,
    names: Vec<&'static str>,
}

impl Group<'_> {
    /// How the provider defines the figures that were read; empty if none was.
    pub fn method(self) -> String {
        if self.names.is_empty() { String::new() } else { format!("provider: {}", self.names.join(", ")) }
    }

    /// The first place at which anything stands decides; what stands there and cannot be read is no figure, since a second name may
    /// mean something else.
    pub fn read<T>(&mut self, field: &str, places: &[Place<'_>], read: impl FnOnce(&RawValue) -> Option<T>) -> Option<T> {
        let (place, raw) = places.iter().find_map(|place| Some((place, place.within.raw(&[place.name])?)))?;
        let figure = read(raw)?;
        self.note(field, place.name, place.assumed);
        Some(figure)
    }

    /// Says that a figure was read from `name`.
    pub fn note(&mut self, field: &str, name: &'static str, assumed: bool) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        if assumed {
            add(&mut self.ledger.assumed, self.path, field);
        }
    }

    /// Says that an average was rounded.
    pub fn rounded(&mut self, field: &str) {
        add(&mut self.ledger.rounded, self.path, field);
    }

    /// A sum of amounts. It has no decimals beyond the minor unit: with such it is no sum of money and left out.
    pub fn sum(&mut self, field: &str, places: &[Place<'_>]) -> Option<Money> {
        self.read(field, places, |raw| rupees(raw).filter(|rupees| !rupees.rounded).map(|rupees| rupees.money))
    }

    /// An average. It has as many decimals as the division brings and is rounded.
    pub fn average(&mut self, field: &str, places: &[Place<'_>]) -> Option<Money> {
        let rupees = self.read(field, places, rupees)?;
        if rupees.rounded {
            self.rounded(field);
        }
        Some(rupees.money)
    }

    /// A count.
    pub fn count(&mut self, field: &str, places: &[Place<'_>]) -> Option<i64> {
        self.read(field, places, figures::count)
    }
}

fn add(paths: &mut Vec<String>, group: &str, field: &str) {
    let path = if group.is_empty() { field.to_owned() } else { format!("{group}.{field}") };
    if !paths.contains(&path) {
        paths.push(path);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_read_is_told_and_what_was_not_is_not() {
        let members = Members::of(br#"{"a":10.005,"b":"NA","c":1.235,"d":null,"e":3}"#).unwrap();
        let mut ledger = Ledger::default();
        let mut group = ledger.group("balances");
        assert_eq!(group.sum("minimum", &[stated(&members, "a"), stated(&members, "e")]), None, "real decimals are no sum");
        assert_eq!(group.sum("maximum", &[stated(&members, "b")]), None);
        assert_eq!(group.average("average", &[stated(&members, "d"), assumed(&members, "c")]).unwrap().minor_units, 124);
        assert_eq!(group.count("count", &[stated(&members, "e")]), Some(3));
        assert_eq!(group.method(), "provider: c, e");
        assert_eq!(ledger.assumed, ["balances.average"]);
        assert_eq!(ledger.rounded, ["balances.average"]);
        let mut group = ledger.group("");
        assert_eq!(group.sum("total_credits", &[stated(&members, "missing")]), None);
        assert_eq!(group.method(), "");
    }
}
