//! Collects every fault of a configuration, so that an operator mends them in one go.

use std::fmt;

/// One thing that is wrong, with the path of the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The dotted path, such as `tenant.finpro.main.base_url`.
    pub path: String,
    /// What is wrong and what would be right. Never the value of a secret.
    pub message: String,
}

/// All faults found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { path: path.into(), message: message.into() });
    }

    /// Notes a fault if a number is 0.
    pub(super) fn at_least_one(&mut self, path: &str, number: u64) {
        if number == 0 {
            self.add(path, "must be at least 1");
        }
    }

    /// Adds the faults of meaning to those of form, apart from settings that could not be read at all: these only look empty.
    pub(super) fn and_of_meaning(mut self, meaning: Self) -> Self {
        let unread: Vec<String> = self.0.iter().map(|fault| fault.path.clone()).collect();
        self.0.extend(meaning.0.into_iter().filter(|fault| !unread.contains(&fault.path)));
        self
    }

    /// The faults in the order of their paths: tables of the file have no order of their own.
    pub(super) fn sorted(mut self) -> Self {
        self.0.sort_by(|one, other| one.path.cmp(&other.path));
        self
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            // One line each, so that a log keeps them apart.
            writeln!(f, "  {}: {}", fault.path, fault.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
