//! Reads one section, noting every setting that cannot be read instead of stopping at the first.

use std::collections::BTreeSet;

use config::{ConfigError, Value, ValueKind};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::Faults;

/// More faults than a file can sensibly have; a bound for the loop.
const MOST_TRIES: usize = 500;

/// Marks values that come from the environment.
pub(super) const ENVIRONMENT: &str = "the environment";

/// Reads a section. A setting that cannot be read is noted and taken out, and the rest is tried again, so that the answer is whatever
/// can be read: its meaning is checked as well, and all faults are reported together.
pub(super) fn section<T: DeserializeOwned>(prefix: &str, mut value: Value, faults: &mut Faults) -> Option<T> {
    let mut noted = BTreeSet::new();
    for _ in 0..MOST_TRIES {
        let (mut path, error) = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(read) => return Some(read),
            Err(error) => (keys(error.path()), error.into_inner()),
        };
        let cause = Cause::of(&error);
        if let Cause::UnknownField { name, .. } | Cause::MissingField { name } = &cause
            && path.last() != Some(name)
        {
            path.push(name.clone());
        }
        if matches!(&cause, Cause::WrongType { expected } if expected == "a list") && split_list(&mut value, &path) {
            continue;
        }
        let full = path.iter().fold(prefix.to_owned(), |full, part| format!("{full}.{part}"));
        if noted.insert(full.clone()) {
            faults.add(full, cause.message());
            remove(&mut value, &path);
        } else if !stand_in(&mut value, &path) {
            // Nothing helps at this place: leave out what holds it.
            path.pop();
            if path.is_empty() {
                return None;
            }
            remove(&mut value, &path);
        }
    }
    None
}

/// The names that lead to a setting; an element of a list stands for its list.
fn keys(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        })
        .collect()
}

/// Why a setting cannot be read, without its value: that may be a secret at the wrong place.
enum Cause {
    UnknownField { name: String, known: Vec<String> },
    MissingField { name: String },
    WrongType { expected: String },
    Other,
}

impl Cause {
    fn of(error: &ConfigError) -> Self {
        match error {
            ConfigError::Type { expected, .. } => Self::wrong_type(expected),
            ConfigError::At { error, .. } => Self::of(error),
            other => Self::of_text(&other.to_string()),
        }
    }

    fn of_text(text: &str) -> Self {
        let mut quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
        if text.starts_with("unknown field") {
            let name = quoted.next().unwrap_or_default();
            return Self::UnknownField { name, known: quoted.collect() };
        }
        if text.starts_with("missing field") {
            return Self::MissingField { name: quoted.next().unwrap_or_default() };
        }
        // serde's texts are "invalid ...: <the value>, expected <what>": only the end is free of the value.
        match text.rsplit_once(", expected ") {
            Some((_, expected)) => Self::wrong_type(expected),
            None => Self::Other,
        }
    }

    /// In the words of a configuration file instead of serde's.
    fn wrong_type(expected: &str) -> Self {
        let expected = match expected {
            "a sequence" | "an array" => "a list",
            "a map" => "a table",
            other if other.starts_with("struct ") => "a table",
            other => other,
        };
        Self::WrongType { expected: expected.to_owned() }
    }

    fn message(&self) -> String {
        match self {
            Self::UnknownField { name, known } => unknown(name, known.iter().map(String::as_str)),
            Self::MissingField { .. } => "is required".to_owned(),
            Self::WrongType { expected } => format!("must be {expected}"),
            Self::Other => "cannot be read as a value of this setting".to_owned(),
        }
    }
}

/// The text for an unknown setting, with the nearest known name if one is near.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 2.max(name.len() / 3) => {
            format!("is no known setting; did you mean `{known}`?")
        }
        _ => "is no known setting".to_owned(),
    }
}

/// How many letters must change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (slot, candidate) in row.iter_mut().skip(1).zip(other.bytes()) {
            let cost = (diagonal + usize::from(letter != candidate)).min(*slot + 1).min(left + 1);
            diagonal = *slot;
            *slot = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn find<'a>(mut value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    for part in path {
        let ValueKind::Table(table) = &mut value.kind else { return None };
        value = table.get_mut(part)?;
    }
    Some(value)
}

fn remove(value: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    if let Some(ValueKind::Table(table)) = find(value, parents).map(|parent| &mut parent.kind) {
        table.remove(last);
    }
}

/// A variable of the environment holds a list as words with commas between.
fn split_list(value: &mut Value, path: &[String]) -> bool {
    let Some(found) = find(value, path).filter(|found| found.origin() == Some(ENVIRONMENT)) else { return false };
    let ValueKind::String(text) = &found.kind else { return false };
    let origin = ENVIRONMENT.to_owned();
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let words: Vec<Value> = words.map(|word| Value::new(Some(&origin), word)).collect();
    *found = Value::new(Some(&origin), words);
    true
}

/// Puts the next of a few harmless values at the place of a required setting that is missing, so that the rest is still read.
fn stand_in(value: &mut Value, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let Some(ValueKind::Table(table)) = find(value, parents).map(|parent| &mut parent.kind) else { return false };
    let next = match table.get(last).map(|value| &value.kind) {
        None => ValueKind::String("https://localhost".to_owned()),
        Some(ValueKind::String(_)) => ValueKind::I64(1),
        Some(ValueKind::I64(_)) => ValueKind::Table(config::Map::new()),
        Some(ValueKind::Table(_)) => ValueKind::Array(Vec::new()),
        Some(_) => return false,
    };
    table.insert(last.clone(), Value::new(None, next));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words_counts_changed_letters() {
        assert_eq!(distance("grcp", "grpc"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("webhok", "webhook"), 1);
    }
}
