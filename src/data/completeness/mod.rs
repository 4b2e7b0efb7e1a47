//! Whether the rows of an account are all that was asked for: what the contract's `Completeness` says, from what was noted while each row
//! was written. Nothing is read twice.

mod balances;
mod day_end;
mod habit;
mod months;
mod verdict;

use jiff::civil::Date;

use self::{
    balances::Walk,
    months::{Evidence, Month},
};
use super::{
    convert::{date, range},
    row::{Currency, Row},
    time::Day,
};
use crate::{
    journey::model::DayRange,
    pb::{self, Certainty, FiType, account::Details},
};

/// Which days a fetch was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// The first day.
    pub from: Option<Day>,
    /// The last day.
    pub to: Option<Day>,
    /// Who said so.
    pub source: Certainty,
    /// Whether a part of the fetch did not come.
    pub partial: bool,
}

impl Asked {
    /// From what a journey keeps of its fetch.
    pub fn new(asked: DayRange, source: Certainty, partial: bool) -> Self {
        Self { from: asked.from.and_then(day), to: asked.to.and_then(day), source, partial }
    }
}

fn day(date: Date) -> Option<Day> {
    Day::new(u16::try_from(date.year()).ok()?, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?)
}

/// A number that may not be told, in eight bytes: of each row of a large body three are held at once. The least number stands for none;
/// it is no amount, for it has no opposite, and no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maybe(i64);

impl Maybe {
    /// The number, if it is told.
    pub fn get(self) -> Option<i64> {
        (self != Self::default()).then_some(self.0)
    }
}

impl Default for Maybe {
    fn default() -> Self {
        Self(i64::MIN)
    }
}

impl From<Option<i64>> for Maybe {
    fn from(number: Option<i64>) -> Self {
        number.map_or_else(Self::default, Self)
    }
}

/// What was noted of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fact {
    /// Its day.
    pub day: Option<Day>,
    /// Its second since 1970, of a day alone the day's first: equal for rows that a statement cannot order.
    pub moment: Maybe,
    /// What it adds to the balance, minor units.
    pub change: Maybe,
    /// The balance after it, minor units.
    pub balance: Maybe,
    /// Whether it equals an earlier row in every field.
    pub repeats: bool,
    /// Whether its bank id occurs on another row.
    pub shares_id: bool,
}

impl Fact {
    /// The balance before it.
    fn start(&self) -> Option<i64> {
        self.balance.get()?.checked_sub(self.change.get()?)
    }
}

/// What completeness is judged from.
pub struct Account<'a> {
    /// The head as read so far.
    pub head: &'a pb::Account,
    /// Kind of account.
    pub fi_type: FiType,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What was asked.
    pub asked: &'a Asked,
    /// The day on which it came (IST).
    pub fetched_on: Day,
    /// The range that it states.
    pub stated: (Option<Day>, Option<Day>),
    /// The days of its first and last row.
    pub delivered: Option<(Day, Day)>,
    /// Its rows as noted, in the provider's order.
    pub facts: &'a [Fact],
    /// The same rows as they came.
    pub rows: &'a [Row<'a>],
}

/// Judges an account.
pub fn judge(account: &Account<'_>) -> pb::Completeness {
    let account = &Account { stated: account.believed(), ..*account };
    let walk = match account.fi_type {
        FiType::Deposit => habit::recognise(account.facts, account.rows),
        _ => Walk::default(),
    };
    let count = |is: fn(&Fact) -> bool| account.facts.iter().filter(|fact| is(fact)).count() as i32;
    let mut out = pb::Completeness {
        requested_range: range(account.asked.from, account.asked.to),
        requested_range_source: account.asked.source.into(),
        delivered_range: account.delivered.and_then(|(first, last)| range(Some(first), Some(last))),
        balance_order: walk.order.into(),
        balance_habit: walk.habit.into(),
        balance_break_count: walk.breaks as i32,
        balance_breaks: account.breaks(&walk),
        duplicate_rows: count(|fact| fact.repeats),
        duplicate_ids: count(|fact| fact.shares_id),
        out_of_range_rows: account.out_of_range(),
        fetch_partial: account.asked.partial,
        ..pb::Completeness::default()
    };
    match account.fi_type {
        FiType::Deposit => account.statement(&walk, &mut out),
        kind => verdict::whole(account.head.delivered, account.lies_outside(), kind == FiType::Other, &mut out),
    }
    out
}

/// Covered and expected days of a statement, as numbers.
struct Span {
    expected: (i64, i64),
    covered: Option<(i64, i64)>,
}

impl Account<'_> {
    /// The stated range, unless its rows contradict it: a range that does not touch the days of the rows says nothing about them.
    fn believed(&self) -> (Option<Day>, Option<Day>) {
        let Some((first, last)) = self.delivered else { return self.stated };
        let begins_after = self.stated.0.is_some_and(|from| from.number() > last.number() + 1);
        let ends_before = self.stated.1.is_some_and(|to| to.number() + 1 < first.number());
        if begins_after || ends_before { (None, None) } else { self.stated }
    }

    fn statement(&self, walk: &Walk, out: &mut pb::Completeness) {
        let closes = self.closes(walk);
        let covered = self.covered(closes);
        let expected = self.expected(covered);
        let days = expected.and_then(|(from, to)| Some((from, self.last_listed(from, to)?)));
        if let Some((first, last)) = days {
            let opening = self.deposit(|summary| summary.opening_balance.as_ref());
            let evidence = Evidence {
                walk,
                covered: covered.map(|(from, to)| (from.number(), to.number())),
                delivered: self.delivered.map(|(first, last)| (Month::of(first), Month::of(last))),
                opens: self.opens(opening, walk),
                closes,
                still: opening.is_some() && opening == self.closing(),
            };
            out.months = months::list(first, last, self.facts, &evidence);
        }
        let span = expected.map(|(from, to)| Span {
            expected: (from.number(), to.number()),
            covered: covered.map(|(from, to)| (from.number(), to.number())),
        });
        let edges = self.delivered.map(|(first, last)| (first.number(), last.number()));
        // A balance that carries over to the requested days covers them.
        let reaches = closes.is_some() && covered.zip(self.asked.from).is_some_and(|((_, to), from)| to >= from);
        let outside = self.lies_outside() && !reaches;
        verdict::statement(self.head.delivered, outside, span.as_ref(), edges, walk, out);
    }

    fn deposit<T>(&self, field: impl FnOnce(&pb::DepositSummary) -> Option<&T>) -> Option<i64>
    where
        T: Minor,
    {
        match &self.head.details {
            Some(Details::Deposit(summary)) => field(summary).map(Minor::minor),
            _ => None,
        }
    }

    fn closing(&self) -> Option<i64> {
        self.deposit(|summary| summary.current_balance.as_ref())
    }

    /// Whether the balance before the first row is what it was when the statement begins. Bank statements hardly ever tell that balance
    /// (ReBIT's deposits have no field for it), so a range that the bank states apart from its rows stands for it: the bank then says that
    /// it lists all rows from there on.
    fn opens(&self, opening: Option<i64>, walk: &Walk) -> bool {
        let apart = self.stated.0.zip(self.delivered).is_some_and(|(from, (first, _))| from < first);
        match opening {
            Some(opening) => walk.before == Some(opening),
            None => apart && walk.before.is_some(),
        }
    }

    /// Until which day the balance after the last row is stated to have stayed.
    fn closes(&self, walk: &Walk) -> Option<i64> {
        let closing = self.closing()?;
        if walk.after.is_some_and(|after| after != closing) || (walk.after.is_none() && !self.facts.is_empty()) {
            return None;
        }
        let seconds = self.deposit(|summary| summary.balance_time.as_ref());
        // A balance without a time belongs to the end of what is stated.
        // One that claims to be later than its fetch says nothing about the days after that.
        Some(seconds.map_or(i64::MAX, |seconds| (seconds + IST).div_euclid(86_400).min(self.fetched_on.number())))
    }

    /// What the statement covers.
    fn covered(&self, closes: Option<i64>) -> Option<(Day, Day)> {
        let (stated_from, stated_to) = self.stated;
        let from = [stated_from, self.delivered.map(|range| range.0)].into_iter().flatten().min()?;
        let to = [stated_to, self.delivered.map(|range| range.1)].into_iter().flatten().max()?;
        let ends_with_its_rows = self.delivered.is_some_and(|(_, last)| last == to);
        let until = closes.filter(|until| ends_with_its_rows && *until < i64::MAX).and_then(Day::from_number);
        Some((from, until.map_or(to, |until| until.max(to))))
    }

    /// Whether it is known which days were asked for.
    fn is_asked(&self) -> bool {
        self.asked.source != Certainty::Unspecified && (self.asked.from.is_some() || self.asked.to.is_some())
    }

    /// When the account was opened.
    fn opened(&self) -> Option<Day> {
        let date = match self.head.details.as_ref()? {
            Details::Deposit(summary) => summary.opening_date,
            Details::TermDeposit(summary) => summary.opening_date,
            Details::Nps(account) => account.opening_date,
            Details::Epf(account) => account.opening_date,
            Details::Ppf(account) => account.opening_date,
            _ => None,
        };
        date.and_then(|date| Day::from_number(number(date)?))
    }

    /// The days that should be covered: those asked for, after the opening and before the day of the fetch, which had not ended. The covered
    /// days stand for a range that is not known, and for a first day that is not told. A caller asks for whole days; any other range begins
    /// at some time of its first day, of which a part was never asked for.
    fn expected(&self, covered: Option<(Day, Day)>) -> Option<(Day, Day)> {
        let before_fetch = Day::from_number(self.fetched_on.number() - 1)?;
        let (from, to) = match (self.asked.from, self.asked.source) {
            _ if !self.is_asked() => covered.map(|(from, to)| (from, to.min(before_fetch)))?,
            (Some(from), Certainty::Caller) => (from, self.asked_until(before_fetch)),
            (Some(from), _) => (Day::from_number(from.number() + 1)?, self.asked_until(before_fetch)),
            (None, _) => (covered?.0, self.asked_until(before_fetch)),
        };
        Some((self.opened().map_or(from, |opened| from.max(opened)), to))
    }

    fn asked_until(&self, before_fetch: Day) -> Day {
        self.asked.to.map_or(before_fetch, |to| to.min(before_fetch))
    }

    /// Whether the account states its days and none of them was requested. False if the account was opened after the requested days, or if the
    /// requested range begins on the day of the fetch: then no rows were due. True for a range that begins after that day.
    fn lies_outside(&self) -> bool {
        let before_fetch = self.fetched_on.number() - 1;
        let until = self.asked.to.map_or(before_fetch, |to| to.number().min(before_fetch));
        let nothing_to_come =
            self.opened().is_some_and(|opened| opened.number() > until) || self.asked.from == Some(self.fetched_on);
        if !self.head.delivered || !self.is_asked() || nothing_to_come {
            return false;
        }
        let begin = [self.stated.0, self.delivered.map(|days| days.0)].into_iter().flatten().min();
        let end = [self.stated.1, self.delivered.map(|days| days.1)].into_iter().flatten().max();
        let early = end.zip(self.asked.from).is_some_and(|(end, from)| end < from);
        let late = begin.zip(self.asked.to).is_some_and(|(begin, to)| begin > to);
        early || late
    }

    /// Months are listed up to the last expected day, or to a later row inside the requested range; `None` if no day is left.
    fn last_listed(&self, from: Day, to: Day) -> Option<Day> {
        let row = self.delivered.map(|(_, last)| last).filter(|last| *last <= self.fetched_on);
        let row = row.filter(|last| self.asked.to.is_none_or(|end| *last <= end));
        Some(row.map_or(to, |row| row.max(to))).filter(|last| *last >= from)
    }

    fn out_of_range(&self) -> i32 {
        let known = self.asked.from.is_some() || self.asked.to.is_some();
        let (from, to) = if known { (self.asked.from, self.asked.to) } else { self.stated };
        let outside = |day: Day| from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to);
        self.facts.iter().filter(|fact| fact.day.is_some_and(outside)).count() as i32
    }

    fn breaks(&self, walk: &Walk) -> Vec<pb::BalanceBreak> {
        let money = |minor_units| {
            let code = self.currency?.code;
            Some(pb::Money { minor_units, currency_code: code.iter().map(|byte| char::from(*byte)).collect() })
        };
        let mut breaks: Vec<_> = walk
            .told
            .iter()
            .map(|found| pb::BalanceBreak {
                ordinal: found.row as i32,
                date: self.facts.get(found.row).and_then(|fact| fact.day).map(date),
                expected: money(found.expected),
                found: money(found.found),
            })
            .collect();
        breaks.sort_unstable_by_key(|found| found.ordinal);
        breaks
    }
}

/// Seconds that Indian Standard Time is ahead of UTC.
const IST: i64 = 19_800;

fn number(date: pb::Date) -> Option<i64> {
    let day = Day::new(u16::try_from(date.year).ok()?, u8::try_from(date.month).ok()?, u8::try_from(date.day).ok()?)?;
    Some(day.number())
}

/// What counts of a summary's amount or time.
trait Minor {
    fn minor(&self) -> i64;
}

impl Minor for pb::Money {
    fn minor(&self) -> i64 {
        self.minor_units
    }
}

impl Minor for prost_types::Timestamp {
    fn minor(&self) -> i64 {
        self.seconds
    }
}

#[cfg(test)]
mod tests;
