//! Quality flags, gathered while an account or a row is read.

use std::borrow::Cow;

use super::{
    absence,
    money::{self, Amount},
    row::Currency,
    scalar::Scalar,
    spelling::{self, Side},
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
    /// The provider's text as it came. A view shows it as it shows the field, and only if it is fit for that ([`words::may_be_quoted`]).
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

    /// Adds a flag with the provider's text, whatever it is: what is not read must not be lost.
    #[cold]
    pub fn quote(&mut self, path: impl Into<Cow<'static, str>>, code: QualityCode, text: &str) {
        self.0.push(Flag { path: path.into(), code, source: text.to_owned() });
    }

    /// Flags a list or an object that stands where a scalar belongs, and quotes it as JSON.
    #[inline]
    pub fn wrong(&mut self, path: impl Into<Cow<'static, str>>, scalar: &Scalar<'_>) {
        if let Scalar::Wrong(json) = scalar {
            self.quote(path, QualityCode::Unparsable, json);
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
        let (value, text) = self.borrowed_word(path, scalar, table, other);
        (value, text.into_owned())
    }

    /// The same without a copy of the text.
    #[inline]
    pub fn borrowed_word<'t, T: Copy + PartialEq>(
        &mut self,
        path: &'static str,
        scalar: &'t Scalar<'_>,
        table: impl Fn(&str) -> Option<T>,
        other: T,
    ) -> (Option<T>, Cow<'t, str>) {
        let Some(text) = scalar.text() else {
            self.wrong(path, scalar);
            return (None, Cow::Borrowed(""));
        };
        match table(&text) {
            Some(value) if value != other => return (Some(value), Cow::Borrowed("")),
            Some(_) => {}
            None if absence::is_absent(&text) => return (None, Cow::Borrowed("")),
            None => self.quote(path, QualityCode::UnknownWord, &text),
        }
        (Some(other), if words::may_be_shown(&text) { text } else { Cow::Borrowed("") })
    }

    /// An amount in minor units. `negative` is the side of the account that makes an amount negative; without one, a side that is named
    /// beside the digits is not read.
    #[inline]
    pub fn amount(
        &mut self,
        path: &'static str,
        scalar: &Scalar<'_>,
        currency: Currency,
        negative: impl FnOnce(Side) -> Option<bool>,
    ) -> Option<i64> {
        match money::read(scalar, currency.decimals) {
            Amount::Exact(units) => Some(units),
            Amount::Missing => None,
            other => self.uncommon_amount(path, scalar, currency, other, negative),
        }
    }

    #[cold]
    fn uncommon_amount(
        &mut self,
        path: &'static str,
        scalar: &Scalar<'_>,
        currency: Currency,
        mut amount: Amount,
        negative: impl FnOnce(Side) -> Option<bool>,
    ) -> Option<i64> {
        if let Scalar::Wrong(json) = scalar {
            self.quote(path, QualityCode::Unparsable, json);
            return None;
        }
        let text = scalar.text().unwrap_or_default();
        // "NIL" and "-" in the place of an amount say that there is none.
        if says_nothing(scalar) {
            return None;
        }
        if amount == Amount::Unparsable
            && let Some(plain) = spelling::amount(&text, std::str::from_utf8(&currency.code).unwrap_or_default())
            && let Some(negative) = plain.side.map_or(Some(false), negative)
        {
            amount = money::parse(&plain.digits, currency.decimals);
            if matches!(amount, Amount::Exact(_) | Amount::Noise(_)) {
                self.quote(path, QualityCode::Normalised, &text);
            }
            if negative {
                amount = amount.negated();
            }
        }
        match amount {
            Amount::Exact(units) => Some(units),
            Amount::Noise(units) => {
                self.quote(path, QualityCode::FloatNoise, &text);
                Some(units)
            }
            Amount::ExtraDecimals => {
                self.quote(path, QualityCode::ExtraDecimals, &text);
                None
            }
            Amount::Missing | Amount::Unparsable => {
                self.quote(path, QualityCode::Unparsable, &text);
                None
            }
        }
    }

    /// A decimal number as it was written, or without its groups and its exponent.
    pub fn decimal(&mut self, path: &'static str, scalar: &Scalar<'_>) -> Option<String> {
        self.wrong(path, scalar);
        let text = scalar.text()?;
        if is_decimal(&text) {
            return Some(text.into_owned());
        }
        if says_nothing(scalar) {
            return None;
        }
        let plain = spelling::decimal(&text);
        let code = if plain.is_some() { QualityCode::Normalised } else { QualityCode::Unparsable };
        self.quote(path, code, &text);
        plain
    }

    /// A time; a text that names no zone is flagged, whatever zone it was read in.
    #[inline]
    pub fn when(&mut self, path: &'static str, scalar: &Scalar<'_>, zoneless: Zoneless) -> Option<When> {
        let when = match scalar {
            Scalar::Missing => return None,
            Scalar::Text(text) => time::parse_field(text, zoneless),
            other => other.text().and_then(|text| time::parse_field(&text, zoneless)),
        };
        match when {
            Some(When::Instant { zoned: false, .. }) => self.add(path, QualityCode::Assumed),
            None => self.unread(path, scalar),
            _ => {}
        }
        when
    }

    /// A day. The time of day does not matter, so neither does a missing zone.
    #[inline]
    pub fn day(&mut self, path: &'static str, scalar: &Scalar<'_>, zoneless: Zoneless) -> Option<Day> {
        let when = match scalar {
            Scalar::Missing => return None,
            Scalar::Text(text) => time::parse_field(text, zoneless),
            other => other.text().and_then(|text| time::parse_field(&text, zoneless)),
        };
        if when.is_none() {
            self.unread(path, scalar);
        }
        when.map(When::day)
    }

    /// Flags what is no time, unless it says that there is none.
    #[cold]
    fn unread(&mut self, path: &'static str, scalar: &Scalar<'_>) {
        self.wrong(path, scalar);
        if let Some(text) = scalar.text().filter(|text| !absence::is_absent(text)) {
            self.quote(path, QualityCode::Unparsable, &text);
        }
    }

    /// As the contract has them.
    pub fn into_messages(self) -> Vec<pb::QualityFlag> {
        self.0
            .into_iter()
            .map(|flag| pb::QualityFlag { field_path: flag.path.into_owned(), code: flag.code.into(), source_text: flag.source })
            .collect()
    }
}

/// Whether a word in the place of a number says that there is none. Zeros are a number.
pub(super) fn says_nothing(scalar: &Scalar<'_>) -> bool {
    scalar.text().is_some_and(|text| absence::is_absent_code(&text))
}

/// Whether a text is a decimal number without an exponent.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::TransactionMode;

    const RUPEES: Currency = Currency { code: *b"INR", decimals: 2 };

    fn amount(flags: &mut Flags, text: &str) -> Option<i64> {
        flags.amount("amount", &Scalar::Text(text), RUPEES, |_| None)
    }

    #[test]
    fn what_is_not_read_is_quoted_whole() {
        let mut flags = Flags::default();
        assert_eq!(amount(&mut flags, "A Sample, 1 \u{fffd}"), None);
        assert_eq!(flags.when("transaction_time", &Scalar::Text("call 9000000001"), Zoneless::Ist), None);
        let quoted: Vec<(QualityCode, &str)> = flags.0.iter().map(|flag| (flag.code, flag.source.as_str())).collect();
        let unread = QualityCode::Unparsable;
        assert_eq!(quoted, [(unread, "A Sample, 1 \u{fffd}"), (unread, "call 9000000001")]);
    }

    #[test]
    fn a_grouped_amount_is_exact_and_says_so() {
        for (text, units, codes) in [
            ("1,00,000.00", Some(10_000_000), vec![QualityCode::Normalised]),
            ("Rs. 1,234.50", Some(123_450), vec![QualityCode::Normalised]),
            ("1,234.50000000001", Some(123_450), vec![QualityCode::Normalised, QualityCode::FloatNoise]),
            ("1,234.567", None, vec![QualityCode::ExtraDecimals]),
            ("1,23", None, vec![QualityCode::Unparsable]),
            ("5.00 Dr", None, vec![QualityCode::Unparsable]),
            ("1.5E3", Some(150_000), vec![]),
        ] {
            let mut flags = Flags::default();
            assert_eq!(amount(&mut flags, text), units, "{text}");
            assert_eq!(flags.0.iter().map(|flag| flag.code).collect::<Vec<_>>(), codes, "{text}");
            assert!(flags.0.iter().all(|flag| flag.source == text), "{text}");
        }
    }

    #[test]
    fn a_side_decides_the_sign_where_it_means_one() {
        let mut flags = Flags::default();
        let balance = |side| Some(side == Side::Debit);
        assert_eq!(flags.amount("balance", &Scalar::Text("1,000.00 Dr"), RUPEES, balance), Some(-100_000));
        assert_eq!(flags.amount("balance", &Scalar::Text("1,000.00 Cr"), RUPEES, balance), Some(100_000));
    }

    #[test]
    fn decimals_lose_groups_and_exponents_and_nothing_else() {
        for (text, read) in [("670.2500", Some("670.2500")), ("1,000.5", Some("1000.5")), ("1.5E3", Some("1500")), ("a", None)] {
            let mut flags = Flags::default();
            assert_eq!(flags.decimal("units", &Scalar::Text(text)).as_deref(), read, "{text}");
            assert_eq!(flags.0.is_empty(), read == Some(text), "{text}");
        }
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
        assert_eq!(amount(&mut flags, "136797.48000000001"), Some(13_679_748));
        assert_eq!(flags.0[0].code, QualityCode::FloatNoise);
        assert_eq!(flags.0[0].source, "136797.48000000001");
    }

    #[test]
    fn a_decimal_is_digits_with_at_most_one_point() {
        for (text, valid) in
            [("12.345", true), ("-0.5", true), (".5", true), ("1e3", false), ("1.2.3", false), ("", false), ("7%", false)]
        {
            assert_eq!(is_decimal(text), valid, "{text}");
        }
    }
}
