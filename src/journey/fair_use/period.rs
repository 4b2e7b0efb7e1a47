//! Periods as consents state them: a number of days, calendar months or calendar years; and frequencies: fetches per calendar unit.

use std::{fmt, str::FromStr};

use jiff::{Span, civil::Date};
use serde::{Deserialize, Serialize};

/// Units of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hours. Of frequencies only.
    Hour,
    /// Days.
    Day,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

impl Unit {
    /// At most how many of this unit begin within one of another.
    fn most_within(self, whole: Unit) -> u64 {
        match (self, whole) {
            (Unit::Hour, Unit::Day) => 24,
            (Unit::Hour, Unit::Month) => 24 * 31,
            (Unit::Hour, Unit::Year) => 24 * 366,
            (Unit::Day, Unit::Month) => 31,
            (Unit::Day, Unit::Year) => 366,
            (Unit::Month, Unit::Year) => 12,
            // A unit that is as long or longer: all of its fetches may fall into the shorter one.
            _ => 1,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    /// How many, at least 1.
    pub value: u32,
    /// Of what; never hours.
    pub unit: Unit,
}

impl Period {
    /// So many days.
    pub const fn days(value: u32) -> Self {
        Self { value, unit: Unit::Day }
    }

    /// So many calendar months.
    pub const fn months(value: u32) -> Self {
        Self { value, unit: Unit::Month }
    }

    /// The day on which a period that begins on `first` is over; the end of time if it lies beyond the calendar.
    pub fn after(self, first: Date) -> Date {
        self.span().and_then(|span| first.checked_add(span).ok()).unwrap_or(Date::MAX)
    }

    /// As a calendar span; none if it is longer than any calendar.
    pub fn span(self) -> Option<Span> {
        let value = i64::from(self.value);
        let span = match self.unit {
            Unit::Hour | Unit::Day => Span::new().try_days(value),
            Unit::Month => Span::new().try_months(value),
            Unit::Year => Span::new().try_years(value),
        };
        span.ok()
    }

    /// Whether it is longer than another wherever both begin: thirty-one days are no longer than a month, thirty-two are.
    pub fn exceeds(self, other: Self) -> bool {
        // February and July begin the shortest and the longest months; a limit in months is as long as its longest reading.
        [jiff::civil::date(2023, 2, 1), jiff::civil::date(2023, 7, 1)]
            .into_iter()
            .all(|first| self.after(first) > other.after(first))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.value, self.unit, if self.value == 1 { "" } else { "s" })
    }
}

/// Why a text is no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number and days, months or years, such as \"14 months\"")]
pub struct NoPeriod;

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let (value, unit) = text.trim().split_once(' ').ok_or(NoPeriod)?;
        let value = value.parse().ok().filter(|value| (1..=36_500).contains(value)).ok_or(NoPeriod)?;
        let unit = match unit.trim().trim_end_matches('s') {
            "day" => Unit::Day,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return Err(NoPeriod),
        };
        Ok(Self { value, unit })
    }
}

impl TryFrom<String> for Period {
    type Error = NoPeriod;

    fn try_from(text: String) -> Result<Self, NoPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// Fetches per calendar unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// How many, at least 1.
    pub count: u32,
    /// Within which calendar unit (IST).
    pub per: Unit,
}

impl Frequency {
    /// Whether it allows more fetches than a limit within the limit's own unit.
    pub fn exceeds(self, limit: Self) -> bool {
        u64::from(self.count) * self.per.most_within(limit.per) > u64::from(limit.count)
    }

    /// The first day (IST) of the calendar unit that a day lies in; an hour is bounded by its day.
    pub fn first_day(self, day: Date) -> Date {
        match self.per {
            Unit::Hour | Unit::Day => day,
            Unit::Month => day.first_of_month(),
            Unit::Year => day.first_of_year(),
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.count, self.per)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_is_read_and_printed_alike() {
        for text in ["1 day", "31 days", "14 months", "1 month", "5 years"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["", "14", "months", "0 days", "1 hour", "-1 days", "1 week", "1.5 days", "99999 days"] {
            assert_eq!(text.parse::<Period>(), Err(NoPeriod), "{text}");
        }
    }

    #[test]
    fn a_month_is_as_long_as_the_longest_one() {
        let month = Period::months(1);
        assert!(!Period::days(30).exceeds(month));
        assert!(!Period::days(31).exceeds(month));
        assert!(Period::days(32).exceeds(month));
        assert!(!month.exceeds(Period::days(31)));
        assert!(Period::months(2).exceeds(Period::days(31)));
        assert!(Period { value: 1, unit: Unit::Year }.exceeds(Period::months(11)));
        assert!(!Period { value: 1, unit: Unit::Year }.exceeds(Period::months(12)));
    }

    #[test]
    fn a_frequency_is_compared_within_the_limits_unit() {
        let monthly = |count| Frequency { count, per: Unit::Month };
        let daily = |count| Frequency { count, per: Unit::Day };
        assert!(!monthly(5).exceeds(monthly(5)));
        assert!(monthly(6).exceeds(monthly(5)));
        assert!(daily(1).exceeds(monthly(5)));
        assert!(!daily(1).exceeds(monthly(31)));
        // All five of a month may fall on one day.
        assert!(monthly(5).exceeds(daily(1)));
        assert!(!Frequency { count: 1, per: Unit::Year }.exceeds(daily(1)));
    }

    #[test]
    fn a_unit_begins_with_the_calendars() {
        let monthly = Frequency { count: 1, per: Unit::Month };
        assert_eq!(monthly.first_day(date(2026, 2, 28)), date(2026, 2, 1));
        assert_eq!(Frequency { count: 1, per: Unit::Year }.first_day(date(2026, 2, 28)), date(2026, 1, 1));
        assert_eq!(Frequency { count: 1, per: Unit::Day }.first_day(date(2026, 2, 28)), date(2026, 2, 28));
    }

    #[test]
    fn an_end_beyond_the_calendar_is_its_last_day() {
        assert_eq!(Period { value: 36_500, unit: Unit::Year }.after(date(2026, 1, 1)), Date::MAX);
        assert_eq!(Period::months(1).after(date(2026, 1, 31)), date(2026, 2, 28));
    }
}
