//! Quality flags, gathered while an account or a row is read.

use std::borrow::Cow;

use super::{
    money::{self, Amount},
    scalar::Scalar,
    time::{self, Day, When, Zoneless},
    words,
};
use crate::pb::{self, QualityCode};

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Which field.
    pub path: Cow<'static, str>,
    /// What about it.
    pub code: QualityCode,
    /// The provider's text; only codes, dates, amounts and words, never a personal one.
    pub source: String,
}

/// Flags of one message.
#[derive(Debug, Default)]
pub struct Flags(pub Vec<Flag>);

impl Flags {
    /// Adds a flag without a text.
    #[cold]
    pub fn add(&mut self, path: impl Into<Cow<'static, str>>, code: QualityCode) {
        self.0.push(Flag { path: path.into(), code, source: String::new() });
    }

    /// Adds a flag with the provider's text, if that is fit to be shown.
    #[cold]
    pub fn quote(&mut self, path: impl Into<Cow<'static, str>>, code: QualityCode, text: &str) {
        self.0.push(Flag { path: path.into(), code, source: words::shown(text) });
    }

    /// Flags a list or an object that stands where a scalar belongs: nothing of it can be kept.
    #[inline]
    pub fn wrong(&mut self, path: impl Into<Cow<'static, str>>, scalar: &Scalar<'_>) {
        if matches!(scalar, Scalar::Wrong) {
            self.add(path, QualityCode::Unparsable);
        }
    }

    /// A word by a table; a word outside it becomes `other` and its text.
    pub fn word<T: Copy + PartialEq>(
        &mut self,
        path: &'static str,
        scalar: &Scalar<'_>,
        table: impl Fn(&str) -> Option<T>,
        other: T,
    ) -> (Option<T>, String) {
        let Some(text) = scalar.text() else {
            self.wrong(path, scalar);
            return (None, String::new());
        };
        match table(&text) {
            Some(value) if value == other => (Some(other), words::shown(&text)),
            Some(value) => (Some(value), String::new()),
            None => {
                self.quote(path, QualityCode::UnknownWord, &text);
                (Some(other), words::shown(&text))
            }
        }
    }

    /// An amount in minor units.
    #[inline]
    pub fn amount(&mut self, path: &'static str, scalar: &Scalar<'_>, decimals: u32) -> Option<i64> {
        let (units, code) = match money::read(scalar, decimals) {
            Amount::Exact(units) => return Some(units),
            Amount::Missing => return None,
            Amount::Noise(units) => (Some(units), QualityCode::FloatNoise),
            Amount::ExtraDecimals => (None, QualityCode::ExtraDecimals),
            Amount::Unparsable => (None, QualityCode::Unparsable),
        };
        // Amounts stay in every view, so a text that is a number may be shown; any other text may be anything.
        let text = scalar.text().unwrap_or_default();
        if code == QualityCode::Unparsable || text.len() > 48 {
            self.add(path, code);
        } else {
            self.0.push(Flag { path: path.into(), code, source: text.into_owned() });
        }
        units
    }

    /// A time; a text that names no zone where none is documented is flagged.
    #[inline]
    pub fn when(&mut self, path: &'static str, scalar: &Scalar<'_>, zoneless: Zoneless) -> Option<When> {
        let when = match scalar {
            Scalar::Missing => return None,
            Scalar::Text(text) => time::parse(text, zoneless),
            other => other.text().and_then(|text| time::parse(&text, zoneless)),
        };
        match when {
            Some(When::Instant { zoned: false, .. }) => self.add(path, QualityCode::Assumed),
            None if !scalar.is_missing() => self.quote(path, QualityCode::Unparsable, &scalar.text().unwrap_or_default()),
            _ => {}
        }
        when
    }

    /// A day. The time of day does not matter, so neither does a missing zone.
    #[inline]
    pub fn day(&mut self, path: &'static str, scalar: &Scalar<'_>, zoneless: Zoneless) -> Option<Day> {
        let when = match scalar {
            Scalar::Missing => return None,
            Scalar::Text(text) => time::parse(text, zoneless),
            other => other.text().and_then(|text| time::parse(&text, zoneless)),
        };
        if when.is_none() && !scalar.is_missing() {
            self.quote(path, QualityCode::Unparsable, &scalar.text().unwrap_or_default());
        }
        when.map(When::day)
    }

    /// As the contract has them.
    pub fn into_messages(self) -> Vec<pb::QualityFlag> {
        self.0
            .into_iter()
            .map(|flag| pb::QualityFlag { field_path: flag.path.into_owned(), code: flag.code.into(), source_text: flag.source })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::TransactionMode;

    #[test]
    fn a_text_that_may_be_anything_is_not_quoted() {
        let mut flags = Flags::default();
        assert_eq!(flags.amount("amount", &Scalar::Text("A Sample"), 2), None);
        assert_eq!(flags.when("transaction_time", &Scalar::Text("call 9000000001"), Zoneless::Utc), None);
        assert!(flags.0.iter().all(|flag| flag.code == QualityCode::Unparsable && flag.source.is_empty()));
        assert_eq!(flags.0.len(), 2);
    }

    #[test]
    fn an_unknown_word_is_other_and_flagged_and_a_known_other_is_not() {
        let mut flags = Flags::default();
        let read =
            |flags: &mut Flags, word| flags.word("mode", &Scalar::Text(word), words::transaction_mode, TransactionMode::Other);
        assert_eq!(read(&mut flags, "OTHERS"), (Some(TransactionMode::Other), "OTHERS".to_owned()));
        assert_eq!(flags.0, []);
        assert_eq!(read(&mut flags, "ONLINE"), (Some(TransactionMode::Other), "ONLINE".to_owned()));
        assert_eq!(flags.0.len(), 1);
        assert_eq!(read(&mut flags, ""), (None, String::new()));
    }

    #[test]
    fn noise_keeps_the_amount_and_its_text() {
        let mut flags = Flags::default();
        assert_eq!(flags.amount("balance", &Scalar::Text("136797.48000000001"), 2), Some(13_679_748));
        assert_eq!(flags.0[0].code, QualityCode::FloatNoise);
        assert_eq!(flags.0[0].source, "136797.48000000001");
    }
}
