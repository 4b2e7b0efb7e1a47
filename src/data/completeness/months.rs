//! The calendar months of a statement: which have rows, which were quiet and which are missing.

use super::{Fact, balances::Walk};
use crate::{
    data::time::Day,
    pb::{MonthState, StatementMonth},
};

/// A range that a provider or a caller states may be nonsense; a statement of a hundred years is not.
const MOST: i32 = 1_200;

/// A calendar month, counted from year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The month of a day.
    pub fn of(day: Day) -> Self {
        Self(i32::from(day.year) * 12 + i32::from(day.month) - 1)
    }

    /// The month after it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its year.
    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// Its number, 1 to 12.
    pub fn number(self) -> i32 {
        self.0.rem_euclid(12) + 1
    }

    /// Its first day, as a number of days; the calendar ends in 9999.
    fn first(self) -> i64 {
        let day = u16::try_from(self.year()).ok().and_then(|year| Day::new(year, self.number() as u8, 1));
        day.map_or(i64::MAX, Day::number)
    }

    /// Its days, as numbers.
    pub fn days(self) -> (i64, i64) {
        (self.first(), self.next().first().saturating_sub(1))
    }
}

/// What tells about months without rows.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Months between which the balance carries over.
    pub walk: &'a Walk,
    /// Covered days, as numbers; `None` if there are none.
    pub covered: Option<(i64, i64)>,
    /// Months of the first and the last row.
    pub delivered: Option<(Month, Month)>,
    /// Whether the balance before the first row is the one at the beginning of what is covered.
    pub opens: bool,
    /// Until which day, as a number, the balance after the last row is stated to have stayed.
    pub closes: Option<i64>,
    /// Without any row: whether the stated balances are equal.
    pub still: bool,
}

/// The months from the month of `first` to the month of `last`, at most the last 1,200.
pub fn list(first: Day, last: Day, facts: &[Fact], evidence: &Evidence<'_>) -> Vec<StatementMonth> {
    let last = Month::of(last);
    let first = Month::of(first).max(Month(last.0 - MOST + 1));
    let mut rows = vec![0_i32; usize::try_from(last.0 - first.0 + 1).unwrap_or_default()];
    for fact in facts {
        let place = fact.day.and_then(|day| usize::try_from(Month::of(day).0 - first.0).ok());
        if let Some(count) = place.and_then(|place| rows.get_mut(place)) {
            *count += 1;
        }
    }
    (first.0..)
        .map(Month)
        .zip(rows)
        .map(|(month, rows)| {
            let state = if rows > 0 { MonthState::Rows } else { evidence.without_rows(month) };
            StatementMonth { year: month.year(), month: month.number(), state: state.into(), rows }
        })
        .collect()
}

impl Evidence<'_> {
    fn without_rows(&self, month: Month) -> MonthState {
        let (begin, end) = month.days();
        let inside = self.covered.is_some_and(|(from, to)| from <= end && begin <= to);
        let carries = match self.delivered {
            None => self.still,
            Some((first, _)) if month < first => self.opens,
            // The balance may be of a day within the month: then it speaks for the days that are covered.
            Some((_, last)) if month > last => self.closes.is_some_and(|until| begin <= until),
            Some(_) => self.walk.carried.iter().any(|(before, after)| (*before..*after).contains(&month)),
        };
        if inside && carries { MonthState::Quiet } else { MonthState::Gap }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn months_know_their_days() {
        let month = Month::of(Day::new(2024, 2, 10).unwrap());
        let (first, last) = month.days();
        assert_eq!(Day::from_number(first), Day::new(2024, 2, 1));
        assert_eq!(Day::from_number(last), Day::new(2024, 2, 29));
        assert_eq!((month.year(), month.number()), (2024, 2));
        let last = Month::of(Day::new(9999, 12, 31).unwrap());
        assert_eq!(last.days().1, i64::MAX - 1);
    }

    #[test]
    fn a_range_of_millennia_is_the_last_hundred_years() {
        let walk = Walk::default();
        let evidence = Evidence { walk: &walk, covered: None, delivered: None, opens: false, closes: None, still: false };
        let months = list(Day::new(1000, 1, 1).unwrap(), Day::new(2025, 6, 30).unwrap(), &[], &evidence);
        assert_eq!((months.len(), months[0].year, months[0].month), (1_200, 1925, 7));
        assert!(months.iter().all(|month| month.state() == MonthState::Gap));
    }
}
