//! Fair use: the framework's outer limits as a versioned data file, and what an ask breaks of them. Checked before a provider is called.

mod check;
mod period;
mod terms;

use std::collections::BTreeMap;

use config::{File, FileFormat};
use serde::Deserialize;

pub use check::{Breach, Planned, RuleKind, check};
pub use period::{Frequency, NoPeriod, Period, Unit};
pub use terms::TemplateTerms;

use super::model::Purpose;
use crate::pb::FiType;

/// The rules that are built in.
pub const BUILT_IN: &str = include_str!("rules.toml");

/// A version of the rules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which version, as the file names itself.
    pub version: String,
    /// Where the limits come from.
    pub source: String,
    /// By the purpose's name in small letters.
    purposes: BTreeMap<String, Rule>,
}

/// The limits of one purpose.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The framework's purpose code.
    pub code: String,
    /// Whether consents of it are periodic; none where both are.
    pub periodic: Option<bool>,
    /// The days of data that one consent covers.
    pub range: Option<Period>,
    /// The days of data of one fetch.
    pub per_request: Option<Period>,
    /// How long a consent lasts.
    pub consent_life: Option<Period>,
    /// How long fetched data is kept.
    pub data_life: Option<Period>,
    /// Fetches per calendar unit.
    pub frequency: Option<Frequency>,
    /// Wider ranges for some templates and kinds of account.
    wider: Vec<Wider>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wider {
    mark: Option<String>,
    #[serde(default)]
    fi_types: Vec<String>,
    range: Period,
    per_request: Option<Period>,
}

impl Rules {
    /// Reads rules; the error says what is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let rules: Self = config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|error| error.to_string())?;
        match rules.purposes.keys().find(|name| purpose(name).is_none()) {
            Some(unknown) => Err(format!("purposes.{unknown}: no such purpose")),
            None => rules.words_are_known().map(|()| rules),
        }
    }

    /// The limits of a purpose; none where the file has nothing about it.
    pub fn of(&self, purpose: Purpose) -> Option<&Rule> {
        self.purposes.get(name(purpose).as_str())
    }

    fn words_are_known(&self) -> Result<(), String> {
        for (name, rule) in &self.purposes {
            for word in rule.wider.iter().flat_map(|wider| &wider.fi_types) {
                if FiType::from_str_name(&format!("FI_TYPE_{word}")).is_none() {
                    return Err(format!("purposes.{name}.wider: {word} is no FI type"));
                }
            }
        }
        Ok(())
    }
}

impl Rule {
    /// The range that a consent may cover and that one fetch may ask for. What is not known of a template is not held against it: the
    /// widest limits that may apply do.
    fn ranges(&self, terms: &TemplateTerms) -> (Option<Period>, Option<Period>) {
        let fits = |wider: &&Wider| {
            let named = |kind: &FiType| wider.fi_types.iter().any(|word| kind.as_str_name() == format!("FI_TYPE_{word}"));
            wider.mark.as_ref().is_none_or(|mark| terms.mark.as_ref() == Some(mark))
                && (wider.fi_types.is_empty() || terms.fi_types.iter().all(named))
        };
        match self.wider.iter().find(fits) {
            Some(wider) => (Some(wider.range), wider.per_request),
            None => (self.range, self.per_request),
        }
    }
}

fn name(purpose: Purpose) -> String {
    purpose.as_str_name().trim_start_matches("PURPOSE_").to_ascii_lowercase()
}

fn purpose(name: &str) -> Option<Purpose> {
    Purpose::from_str_name(&format!("PURPOSE_{}", name.to_ascii_uppercase())).filter(|purpose| *purpose != Purpose::Unspecified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_know_every_purpose() {
        let rules = Rules::read(BUILT_IN).unwrap();
        for purpose in (1..).map_while(|number| Purpose::try_from(number).ok()) {
            let rule = rules.of(purpose).unwrap();
            assert_eq!(rule.code.len(), 3, "{purpose:?}");
        }
        assert!(rules.of(Purpose::Unspecified).is_none());
        assert!(!rules.version.is_empty() && !rules.source.is_empty());
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_place() {
        for (text, place) in [
            ("version = \"1\"", "source"),
            ("version = \"1\"\nsource = \"x\"\n[purposes.borrowing]\ncode = \"1\"", "borrowing"),
            ("version = \"1\"\nsource = \"x\"\n[purposes.wealth]\nrange = \"14\"", "14 months"),
            ("version = \"1\"\nsource = \"x\"\n[purposes.wealth]\nlimit = \"14 days\"", "limit"),
            ("version = \"1\"\nsource = \"x\"\n[[purposes.wealth.wider]]\nfi_types = [\"GOLD\"]\nrange = \"1 day\"", "GOLD"),
        ] {
            let error = Rules::read(text).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
    }
}
