//! Small conversions to the contract's messages, and what reading a summary needs.

use super::{
    absence,
    quality::Flags,
    row::Currency,
    scalar::Scalar,
    spelling::Side,
    time::{Day, When, Zoneless},
};
use crate::pb::{self, QualityCode};

/// A day as the contract has it.
pub fn date(day: Day) -> pb::Date {
    pb::Date { year: day.year.into(), month: day.month.into(), day: day.day.into() }
}

/// An instant as the contract has it; a day alone is none.
pub fn timestamp(when: When) -> Option<prost_types::Timestamp> {
    match when {
        When::Instant { seconds, nanos, .. } => Some(prost_types::Timestamp { seconds, nanos: nanos as i32 }),
        When::Day(_) => None,
    }
}

/// A range of days; `None` if neither end is known.
pub fn range(from: Option<Day>, to: Option<Day>) -> Option<pb::DateRange> {
    (from.is_some() || to.is_some()).then(|| pb::DateRange { from: from.map(date), to: to.map(date) })
}

/// Reads the fields of a summary.
pub struct Reader<'f> {
    /// `None` if the currency is not known: amounts stay unset.
    pub currency: Option<Currency>,
    /// The zone of times that name none.
    pub zoneless: Zoneless,
    /// Where flags go.
    pub flags: &'f mut Flags,
}

impl Reader<'_> {
    /// An amount.
    pub fn money(&mut self, path: &'static str, scalar: &Scalar<'_>) -> Option<pb::Money> {
        let Some(currency) = self.currency else {
            self.flags.wrong(path, scalar);
            if let Some(text) = scalar.text().filter(|text| !absence::is_absent_code(text)) {
                self.flags.quote(path, QualityCode::UnknownCurrency, &text);
            }
            return None;
        };
        // Of a debt, `Dr` would be the usual side; only of a balance is it known what a side means.
        let is_balance = path.ends_with("balance");
        let minor_units = self.flags.amount(path, scalar, currency, |side| is_balance.then_some(side == Side::Debit))?;
        Some(pb::Money { minor_units, currency_code: currency.code.iter().map(|byte| char::from(*byte)).collect() })
    }

    /// A text, without blanks at its ends.
    pub fn text(&mut self, path: &'static str, scalar: &Scalar<'_>) -> String {
        self.flags.wrong(path, scalar);
        scalar.string()
    }

    /// A code or a word that no table has; empty where a word says that there is none.
    pub fn code(&mut self, path: &'static str, scalar: &Scalar<'_>) -> String {
        let text = self.text(path, scalar);
        if absence::is_absent_code(&text) { String::new() } else { text }
    }

    /// A day.
    pub fn day(&mut self, path: &'static str, scalar: &Scalar<'_>) -> Option<pb::Date> {
        self.flags.day(path, scalar, self.zoneless).map(date)
    }

    /// An instant; a day alone is none.
    pub fn instant(&mut self, path: &'static str, scalar: &Scalar<'_>) -> Option<prost_types::Timestamp> {
        timestamp(self.flags.when(path, scalar, self.zoneless)?)
    }

    /// A word by a table, as the number of its enum.
    pub fn word<T: Copy + PartialEq + Into<i32>>(
        &mut self,
        path: &'static str,
        scalar: &Scalar<'_>,
        table: impl Fn(&str) -> Option<T>,
        other: T,
    ) -> (i32, String) {
        let (value, text) = self.flags.word(path, scalar, table, other);
        (value.map_or(0, Into::into), text)
    }
}
