//! Days and instants, in every form that was seen. A time with an offset of its own falls on the day of that offset, a time in UTC on the
//! day of Indian Standard Time.

/// Seconds that Indian Standard Time is ahead of UTC, all year.
const IST: i64 = 19_800;
/// Second of the day, in UTC, of midnight in India.
const UTC_MIDNIGHT: i64 = 86_400 - IST;

/// A day of the calendar, year 1000 to 9999: banks write earlier years only for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Year.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month.
    pub day: u8,
}

/// What a text says about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A day, without a time of day.
    Day(Day),
    /// An instant.
    Instant {
        /// Seconds since 1970 (UTC).
        seconds: i64,
        /// Nanoseconds beyond the second.
        nanos: u32,
        /// The day it falls on: of its own offset, or in India if it is in UTC.
        day: Day,
        /// Whether the text named its zone.
        zoned: bool,
    },
}

/// The zone of a text that names none. The banks are Indian, so it is Indian Standard Time; either way it is an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoneless {
    /// Indian Standard Time.
    Ist,
    /// Indian Standard Time, but 18:30:00 is Indian midnight written in UTC: one provider is recorded with "2023-12-11T18:30:00.0", always at that
    /// time, for what happened on the 12th. Its own "YYYY-MM-DD HH:MM:SS" in UTC is a form of consents; statements come from banks.
    IstOrUtcMidnight,
}

/// When data came, to tell what claims to be later.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    seconds: i64,
    day: Day,
}

impl Received {
    /// At an instant.
    pub fn at(instant: jiff::Timestamp) -> Self {
        let seconds = instant.as_second();
        let day = Day::from_number((seconds + IST).div_euclid(86_400));
        Self { seconds, day: day.unwrap_or(Day { year: 1970, month: 1, day: 1 }) }
    }

    /// The day (IST).
    pub fn day(self) -> Day {
        self.day
    }

    /// Whether `when` is later; of a day alone, whether the day is.
    #[inline]
    pub fn is_before(self, when: When) -> bool {
        match when {
            When::Day(day) => day > self.day,
            When::Instant { seconds, .. } => seconds > self.seconds,
        }
    }

    /// The same for what is an instant, where there is one, and a day.
    pub fn is_before_time_or_day(self, seconds: Option<i64>, day: Day) -> bool {
        seconds.map_or(day > self.day, |seconds| seconds > self.seconds)
    }
}

impl Day {
    /// A day that exists.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let valid = (1000..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1 && day <= days_of_month(year, month);
        valid.then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
    pub fn number(self) -> i64 {
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year / 400;
        let of_era = year - era * 400;
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day with that number, if its year is in range.
    pub fn from_number(number: i64) -> Option<Self> {
        let shifted = number + 719_468;
        if shifted < 0 {
            return None;
        }
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let moved = (5 * of_year + 2) / 153;
        let day = of_year - (153 * moved + 2) / 5 + 1;
        let month = if moved < 10 { moved + 3 } else { moved - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(u16::try_from(year).ok()?, month as u8, day as u8)
    }
}

impl When {
    /// The day.
    pub fn day(self) -> Day {
        match self {
            Self::Day(day) | Self::Instant { day, .. } => day,
        }
    }
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads a text; `None` if it is none of the known forms. Blanks may stand anywhere between its parts.
#[inline]
pub fn parse(text: &str, zoneless: Zoneless) -> Option<When> {
    let bytes = text.as_bytes();
    if let Some(when) = common(bytes) {
        return Some(when);
    }
    Scan { bytes, at: 0 }.when(zoneless)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` and `YYYY-MM-DD`, the forms of nearly every row.
#[inline]
fn common(text: &[u8]) -> Option<When> {
    if let Ok(text) = <&[u8; 24]>::try_from(text) {
        let shape = text[4] == b'-'
            && text[7] == b'-'
            && text[10] == b'T'
            && text[13] == b':'
            && text[16] == b':'
            && text[19] == b'.'
            && text[23] == b'Z';
        if !shape {
            return None;
        }
        let day = Day::new(four(&text[..4])?, two(&text[5..7])?, two(&text[8..10])?)?;
        let millis = u32::from(digit(text[20])?) * 100 + u32::from(two(&text[21..23])?);
        let of_day = time_of_day(two(&text[11..13])?, two(&text[14..16])?, two(&text[17..19])?)?;
        return instant(day, of_day, millis * 1_000_000, 0, true);
    }
    let text = <&[u8; 10]>::try_from(text).ok()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    Day::new(four(&text[..4])?, two(&text[5..7])?, two(&text[8..])?).map(When::Day)
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then_some(value)
}

#[inline]
fn two(text: &[u8]) -> Option<u8> {
    let [tens, ones] = text else { return None };
    Some(digit(*tens)? * 10 + digit(*ones)?)
}

#[inline]
fn four(text: &[u8]) -> Option<u16> {
    let (hundreds, rest) = text.split_at_checked(2)?;
    Some(u16::from(two(hundreds)?) * 100 + u16::from(two(rest)?))
}

#[inline]
fn time_of_day(hour: u8, minute: u8, second: u8) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// The instant of a local day and time, `offset` seconds ahead of UTC. Without an offset the day is the one in India.
#[inline]
fn instant(local: Day, of_day: i64, nanos: u32, offset: i64, zoned: bool) -> Option<When> {
    let seconds = local.number() * 86_400 + of_day - offset;
    let next_in_india = offset == 0 && of_day + IST >= 86_400;
    let day = if next_in_india { Day::from_number((seconds + IST).div_euclid(86_400))? } else { local };
    Some(When::Instant { seconds, nanos, day, zoned })
}

/// Walks over a text, passing over blanks.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, wanted: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| wanted.contains(&byte));
        self.at += usize::from(found);
        found
    }

    /// A run of one to nine digits: value and length. Further digits are passed over: a fraction may have more.
    fn number(&mut self) -> Option<(u32, usize)> {
        self.peek()?;
        let mut value = 0_u32;
        let mut len = 0;
        while let Some(found) = self.bytes.get(self.at).and_then(|byte| digit(*byte)) {
            if len < 9 {
                value = value * 10 + u32::from(found);
            }
            len += 1;
            self.at += 1;
        }
        (len > 0).then_some((value, len))
    }

    fn small(&mut self) -> Option<u8> {
        match self.number()? {
            (value, 1 | 2) => Some(value as u8),
            _ => None,
        }
    }

    /// `YYYY-MM-DD` or `dd-mm-yyyy`, also with slashes or points, also with the month's English name.
    fn date(&mut self) -> Option<Day> {
        let (first, len) = self.number()?;
        let month = match self.eat(b"-/.,") {
            true => self.month_name().or_else(|| self.small())?,
            false => self.month_name()?,
        };
        let named = self.bytes.get(self.at.wrapping_sub(1)).is_some_and(u8::is_ascii_alphabetic);
        (self.eat(b"-/.,") || named).then_some(())?;
        let (last, last_len) = self.number()?;
        match (len, last_len) {
            (4, 1 | 2) => Day::new(first as u16, month, last as u8),
            (1 | 2, 4) => Day::new(last as u16, month, first as u8),
            _ => None,
        }
    }

    /// A month by its English name or the first three letters of it, in any case.
    fn month_name(&mut self) -> Option<u8> {
        self.peek()?;
        let rest = self.bytes.get(self.at..)?;
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = rest.get(..len)?;
        let is =
            |name: &&str| [name.get(..3).unwrap_or_default(), name].iter().any(|form| form.as_bytes().eq_ignore_ascii_case(word));
        let at = MONTHS.iter().position(is).or_else(|| word.eq_ignore_ascii_case(b"sept").then_some(8))?;
        self.at += len;
        u8::try_from(at + 1).ok()
    }

    /// Passes over a word, whatever its case.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.bytes.get(self.at..).and_then(|rest| rest.get(..word.len()));
        let found = found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// An hour by a clock of twelve hours, if `AM` or `PM` follows.
    fn of_half_day(&mut self, hour: u8) -> Option<u8> {
        let after_noon = match (self.word("AM"), self.word("PM")) {
            (false, false) => return Some(hour),
            (_, after_noon) => after_noon,
        };
        (1..=12).contains(&hour).then(|| hour % 12 + if after_noon { 12 } else { 0 })
    }

    fn when(mut self, zoneless: Zoneless) -> Option<When> {
        let day = self.date()?;
        self.eat(b"Tt,");
        if self.peek().is_none() {
            return Some(When::Day(day));
        }
        let hour = self.small()?;
        self.eat(b":").then_some(())?;
        let minute = self.small()?;
        let second = if self.eat(b":") { self.small()? } else { 0 };
        // A colon before the milliseconds is a form of its own.
        let nanos = if self.eat(b".:,") { self.fraction()? } else { 0 };
        let hour = self.of_half_day(hour)?;
        let offset = self.offset()?;
        self.peek().is_none().then_some(())?;
        let of_day = match (hour, minute, second) {
            // ISO 8601: the end of that day.
            (24, 0, 0) if nanos == 0 => 86_400,
            // A leap second ends a minute of UTC, and so one in India. Time here has none: it belongs to the second before.
            (_, 29 | 59, 60) => time_of_day(hour, minute, 59)?,
            _ => time_of_day(hour, minute, second)?,
        };
        let midnight = zoneless == Zoneless::IstOrUtcMidnight && of_day == UTC_MIDNIGHT && nanos == 0;
        let assumed = if midnight { 0 } else { IST };
        instant(day, of_day, nanos, offset.unwrap_or(assumed), offset.is_some())
    }

    fn fraction(&mut self) -> Option<u32> {
        let (value, len) = self.number()?;
        Some(value * 10_u32.pow(9_u32.saturating_sub(len as u32)))
    }

    /// A zone as a number or a word, or both where they agree: `Z`, `+05:30`, `+0530`, `+05`, `IST`, `UTC+05:30`, `+0530 IST`,
    /// `[Asia/Kolkata]`; `Some(None)` for none at all.
    fn offset(&mut self) -> Option<Option<i64>> {
        let mut found: Option<i64> = None;
        while self.peek().is_some() {
            let word = if self.eat(b"Zz") { Some((0, false)) } else { self.zone_word().map(|offset| (offset, offset == 0)) };
            let next = match word {
                // "UTC+05:30" is one zone.
                Some((_, true)) if matches!(self.peek(), Some(b'+' | b'-')) => self.signed_offset()?,
                Some((offset, _)) => offset,
                None => self.signed_offset()?,
            };
            if found.is_some_and(|found| found != next) {
                return None;
            }
            found = Some(next);
        }
        Some(found)
    }

    /// Words for the two zones that Indian banks write.
    fn zone_word(&mut self) -> Option<i64> {
        let bracket = self.eat(b"[(");
        let zones = [("Asia/Kolkata", IST), ("Asia/Calcutta", IST), ("IST", IST), ("UTC", 0), ("GMT", 0)];
        let found = zones.into_iter().find(|(word, _)| self.word(word)).map(|(_, offset)| offset);
        (!bracket || self.eat(b"])")).then_some(found).flatten()
    }

    fn signed_offset(&mut self) -> Option<i64> {
        let sign = match self.peek()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let (hours, minutes) = match self.number()? {
            (value, 4) => (value / 100, value % 100),
            (value, 1 | 2) if self.eat(b":") => (value, u32::from(self.small()?)),
            (value, 1 | 2) => (value, 0),
            _ => return None,
        };
        (hours < 24 && minutes < 60).then_some(())?;
        Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
    }
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Reads the text of a field that holds a time, where a run of digits is a count of seconds or milliseconds since 1970.
#[inline]
pub fn parse_field(text: &str, zoneless: Zoneless) -> Option<When> {
    parse(text, zoneless).or_else(|| since_epoch(text.trim()))
}

/// The first and the last second that are taken for a time. A telephone number of ten digits is later than any of them.
const EPOCH: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Ten digits are seconds, thirteen milliseconds. They name an instant, and so their zone.
#[cold]
fn since_epoch(text: &str) -> Option<When> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    let (seconds, nanos) = match text.len() {
        10 => (number, 0),
        13 => (number / 1_000, u32::try_from(number % 1_000).ok()? * 1_000_000),
        _ => return None,
    };
    let local = Day::from_number(seconds.div_euclid(86_400)).filter(|_| EPOCH.contains(&seconds))?;
    instant(local, seconds.rem_euclid(86_400), nanos, 0, true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use jiff::{Timestamp, tz::TimeZone};
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        let date: jiff::civil::Date = text.parse().unwrap();
        Day::new(date.year() as u16, date.month() as u8, date.day() as u8).unwrap()
    }

    #[test]
    fn instants_are_read_in_every_form() {
        for (text, instant, ist) in [
            ("2024-01-02T10:00:00.000Z", "2024-01-02T10:00:00Z", "2024-01-02"),
            ("2024-01-11T18:42:00.000Z", "2024-01-11T18:42:00Z", "2024-01-12"),
            ("2023-12-31T18:30:00.001Z", "2023-12-31T18:30:00.001Z", "2024-01-01"),
            ("2024-01-02T10:00:00Z", "2024-01-02T10:00:00Z", "2024-01-02"),
            ("2024-01-02T10:00:00.123456789Z", "2024-01-02T10:00:00.123456789Z", "2024-01-02"),
            ("2024-01-02T10:00:00.1234567891Z", "2024-01-02T10:00:00.123456789Z", "2024-01-02"),
            ("2024-01-02T10:00:00+00:00", "2024-01-02T10:00:00Z", "2024-01-02"),
            ("2025-12-31T09:00:00+05:30", "2025-12-31T03:30:00Z", "2025-12-31"),
            ("2025-12-31T00:00:00+0530", "2025-12-30T18:30:00Z", "2025-12-31"),
            ("2026-10-05T23:30:00+04:00", "2026-10-05T19:30:00Z", "2026-10-05"),
            ("2026-10-05T00:30:00+08:00", "2026-10-04T16:30:00Z", "2026-10-05"),
            ("2026-10-05T20:30:00-05:00", "2026-10-06T01:30:00Z", "2026-10-05"),
            ("2026-10-05T20:30:00-00:00", "2026-10-05T20:30:00Z", "2026-10-06"),
            ("2023-12-11T18:30:00.0", "2023-12-11T18:30:00Z", "2023-12-12"),
            ("2023-12-11 18:30:00", "2023-12-11T18:30:00Z", "2023-12-12"),
            ("2024-02-10 00:00:00:000", "2024-02-09T18:30:00Z", "2024-02-10"),
            (" 2024-02-29T 23:59:59.5 Z ", "2024-02-29T23:59:59.5Z", "2024-03-01"),
            ("2024-02-29T05:00", "2024-02-28T23:30:00Z", "2024-02-29"),
            ("2026-10-05 20:30", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("05-10-2026 20:30:00", "2026-10-05T15:00:00Z", "2026-10-05"),
        ] {
            let expected: Timestamp = instant.parse().unwrap();
            let read = parse(text, Zoneless::IstOrUtcMidnight);
            let Some(When::Instant { seconds, nanos, day: found, .. }) = read else {
                panic!("{text}: {read:?}");
            };
            assert_eq!((seconds, nanos as i32), (expected.as_second(), expected.subsec_nanosecond()), "{text}");
            assert_eq!(found, day(ist), "{text}");
        }
    }

    #[test]
    fn zones_are_read_as_words_and_numbers() {
        for (text, instant, ist) in [
            ("2026-10-05 20:30:00 IST", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05T20:30:00ist", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00 +0530", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00 +0530 IST", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00 +0000 UTC", "2026-10-05T20:30:00Z", "2026-10-06"),
            ("2026-10-05T20:30:00+5:30", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00 UTC", "2026-10-05T20:30:00Z", "2026-10-06"),
            ("2026-10-05 20:30:00 GMT", "2026-10-05T20:30:00Z", "2026-10-06"),
            ("2026-10-05 20:30:00 UTC+05:30", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30:00 (GMT+5:30)", "", ""),
            ("2026-10-05T20:30:00+05:30[Asia/Kolkata]", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05 20:30 Asia/Calcutta", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("05-10-2026 08:30:00 PM IST", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("05-10-2026 12:00:00 am +05:30", "2026-10-04T18:30:00Z", "2026-10-05"),
            ("05 Oct 2026 20:30:00 IST", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("2026-10-05T24:00:00+05:30", "2026-10-05T18:30:00Z", "2026-10-05"),
            ("2026-10-05T24:00:00Z", "2026-10-06T00:00:00Z", "2026-10-06"),
            ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59Z", "2027-01-01"),
            ("2027-01-01T05:29:60+05:30", "2026-12-31T23:59:59Z", "2027-01-01"),
            ("1791212400", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("1791212400000", "2026-10-05T15:00:00Z", "2026-10-05"),
            ("1791223200123", "2026-10-05T18:00:00.123Z", "2026-10-05"),
            ("1791225000000", "2026-10-05T18:30:00Z", "2026-10-06"),
        ] {
            let read = parse_field(text, Zoneless::IstOrUtcMidnight);
            let Ok(expected) = instant.parse::<Timestamp>() else {
                assert_eq!(read, None, "{text}");
                continue;
            };
            let Some(When::Instant { seconds, nanos, day: found, zoned }) = read else { panic!("{text}: {read:?}") };
            assert_eq!((seconds, nanos as i32), (expected.as_second(), expected.subsec_nanosecond()), "{text}");
            assert_eq!((found, zoned), (day(ist), true), "{text}");
        }
    }

    #[test]
    fn digits_that_are_no_time_are_not_guessed() {
        for text in
            ["9000000001", "919000000001", "20241002", "123456789", "17912124000", "-791212400", "946684799", "4102444800"]
        {
            assert_eq!(parse_field(text, Zoneless::Ist), None, "{text}");
        }
        assert_eq!(parse("1791212400", Zoneless::Ist), None, "only a field that holds a time");
    }

    #[test]
    fn days_are_read_in_every_form() {
        for text in [
            "2024-01-02",
            "02-01-2024",
            "2-1-2024",
            " 2024-01-02 ",
            "02/01/2024",
            "2024- 01 -02",
            "02.01.2024",
            "2024/01/02",
            "02-Jan-2024",
            "02-JAN-2024",
            "2 January 2024",
            "02 Jan, 2024",
            "2024-Jan-02",
        ] {
            assert_eq!(parse(text, Zoneless::Ist), Some(When::Day(day("2024-01-02"))), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_zone_says_so_in_every_form() {
        for zoneless in [Zoneless::Ist, Zoneless::IstOrUtcMidnight] {
            for text in ["2025-12-31T00:30:00.0", "2025-12-31 00:30:00", "2025-12-31 00:30", "31-12-2025 00:30:00:000"] {
                let Some(When::Instant { seconds, zoned, day: found, .. }) = parse(text, zoneless) else { panic!("{text}") };
                assert_eq!(Timestamp::from_second(seconds).unwrap().to_string(), "2025-12-30T19:00:00Z", "{text}");
                assert_eq!((zoned, found), (false, day("2025-12-31")), "{text}");
            }
        }
    }

    #[test]
    fn midnight_in_utc_is_an_assumption_of_one_provider() {
        for (zoneless, wanted) in [(Zoneless::Ist, "2023-12-11"), (Zoneless::IstOrUtcMidnight, "2023-12-12")] {
            let Some(When::Instant { zoned, day: found, .. }) = parse("2023-12-11T18:30:00.0", zoneless) else { panic!() };
            assert_eq!((zoned, found), (false, day(wanted)));
        }
    }

    #[test]
    fn what_is_later_than_its_fetch_is_known() {
        let received = Received::at("2026-10-05T20:00:00Z".parse().unwrap());
        assert_eq!(received.day(), day("2026-10-06"));
        for (text, later) in [
            ("2026-10-05T20:00:00Z", false),
            ("2026-10-05T20:00:01Z", true),
            ("2026-10-06T01:30:00+05:30", false),
            ("2026-10-06", false),
            ("2026-10-07", true),
        ] {
            assert_eq!(received.is_before(parse(text, Zoneless::Ist).unwrap()), later, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for text in [
            "",
            "XXXX-04-19",
            "2024-13-01",
            "2024-02-30",
            "30-02-2024",
            "0001-01-01",
            "012024",
            "2024-01-02T25:00:00Z",
            "2024-01-02T24:00:01Z",
            "2024-01-02T24:00:00.5Z",
            "2024-01-02T10:15:60Z",
            "2024-01-02T13:00:00 PM",
            "2024-01-02T10:00:00 IST UTC",
            "2024-01-02T10:00:00Z+05:30",
            "2024-01-02T10:00:00 [IST",
            "2024-01-02T10:00:00 EST",
            "02-Foo-2024",
            "02-Janu-2024",
            "Jan 2024",
            "2024.01",
            "2024-01-02T10:00:00Q",
            "2024-01-02T10:00:00+99:00",
            "10:00:00",
            "2024-01-02T10:00:00Z x",
            "20240102",
            "99999-01-01",
        ] {
            assert_eq!(parse(text, Zoneless::Ist), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC*") {
            let _ = parse(&text, Zoneless::Ist);
        }

        #[test]
        fn time_like_text_is_read_without_a_panic(text in "[0-9TZ:.+ /\\[(ISTUCAMPJan-]{0,40}") {
            let _ = parse_field(&text, Zoneless::Ist);
        }

        #[test]
        fn written_instants_come_back_with_their_indian_day(seconds in -30_000_000_000_i64..250_000_000_000, millis in 0_u32..1000) {
            let stamp = Timestamp::new(seconds, millis as i32 * 1_000_000).unwrap();
            // Before 1970 jiff keeps the sign on both parts; the text is what counts.
            let text = stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
            let ist = stamp.to_zoned(TimeZone::fixed(jiff::tz::offset(5).saturating_add(jiff::SignedDuration::from_mins(30)))).date();
            let Some(When::Instant { day, .. }) = parse(&text, Zoneless::Ist) else { panic!("{text}") };
            prop_assert_eq!((day.year as i16, day.month as i8, day.day as i8), (ist.year(), ist.month(), ist.day()));
        }

        #[test]
        fn numbers_of_days_are_those_of_the_calendar(number in -350_000_i64..2_900_000) {
            let day = Day::from_number(number).unwrap();
            prop_assert_eq!(day.number(), number);
        }
    }
}
