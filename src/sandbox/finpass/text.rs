//! How Finpass writes amounts, times and account numbers.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde_json::Number;

/// Indian Standard Time in seconds east of Greenwich.
const IST_SECONDS: i32 = 19_800;

/// Indian Standard Time, as a fixed zone: India has no summer time.
pub fn india() -> TimeZone {
    TimeZone::fixed(Offset::from_seconds(IST_SECONDS).unwrap_or(Offset::UTC))
}

/// The day of an instant in India.
pub fn indian_day(at: Timestamp) -> Date {
    at.to_zoned(india()).date()
}

/// An instant as the plain report writes it: ISO 8601 with `+05:30`.
pub fn indian_time(at: Timestamp) -> String {
    at.to_zoned(india()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A day as the plain report writes a value date: midnight with `+05:30`.
pub fn indian_midnight(day: Date) -> String {
    format!("{day}T00:00:00+05:30")
}

/// An instant as AA-BSA writes it: whole seconds with `Z`.
pub fn utc_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Paise as a decimal string of rupees: "1234.50". Finpass writes balances of the plain report so.
pub fn rupees_text(paise: i64) -> String {
    let sign = if paise < 0 { "-" } else { "" };
    let whole = paise.unsigned_abs();
    format!("{sign}{}.{:02}", whole / 100, whole % 100)
}

/// Paise as a JSON number of rupees: 1500 or 1500.5. Finpass writes a row's amount so, and all money of AA-BSA.
pub fn rupees_number(paise: i64) -> Number {
    if paise % 100 == 0 {
        return Number::from(paise / 100);
    }
    // The shortest text of the double next to a two-decimals amount is that amount itself, up to ninety trillion rupees.
    #[allow(clippy::cast_precision_loss)]
    Number::from_f64(paise as f64 / 100.0).unwrap_or_else(|| Number::from(paise / 100))
}

/// An account number with all but its last four digits crossed out: "XXXXXXXXXXXXX1234".
pub fn masked(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(4);
    number
        .chars()
        .enumerate()
        .map(|(at, digit)| if at < hidden { 'X' } else { digit })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_paisa() {
        assert_eq!(rupees_text(-5), "-0.05");
        assert_eq!(rupees_text(123_450), "1234.50");
        assert_eq!(rupees_number(150_000).to_string(), "1500");
        assert_eq!(rupees_number(150_050).to_string(), "1500.5");
        assert_eq!(rupees_number(9_999_999_999_999).to_string(), "99999999999.99");
    }

    #[test]
    fn times_are_indian() {
        let at: Timestamp = "2025-12-31T20:00:00Z".parse().unwrap();
        assert_eq!(indian_time(at), "2026-01-01T01:30:00+05:30");
        assert_eq!(indian_day(at).to_string(), "2026-01-01");
        assert_eq!(indian_midnight(indian_day(at)), "2026-01-01T00:00:00+05:30");
        assert_eq!(utc_time(at), "2025-12-31T20:00:00Z");
    }

    #[test]
    fn numbers_are_masked_to_four_digits() {
        assert_eq!(masked("00000000000000001"), "XXXXXXXXXXXXX0001");
        assert_eq!(masked("123"), "123");
    }
}
