//! How Finpass writes amounts and times.

use jiff::{Timestamp, civil::Date};
use serde_json::Number;

use crate::sandbox::bank::{figures::Average, ist};

/// An instant as the plain report writes it: ISO 8601 with `+05:30`.
pub fn indian_time(at: Timestamp) -> String {
    at.to_zoned(ist()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A day as the plain report writes a value date: midnight with `+05:30`.
pub fn indian_midnight(day: Date) -> String {
    format!("{day}T00:00:00+05:30")
}

/// An instant as AA-BSA writes it: whole seconds with `Z`.
pub fn utc_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
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

/// An average as a JSON number of rupees: with all decimals of the division, where it has any.
pub fn average_number(average: Average) -> Number {
    let whole = average.number > 0 && average.sum % average.number == 0;
    let exact = rupees_number(average.paise());
    if whole { exact } else { Number::from_f64(average.rupees()).unwrap_or(exact) }
}

/// Paise with the smallest error that a double can carry: 83760.76000000001 instead of 83760.76.
#[allow(clippy::cast_precision_loss)]
pub fn noisy_number(paise: i64) -> Number {
    Number::from_f64((paise as f64 / 100.0).next_up()).unwrap_or_else(|| rupees_number(paise))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sandbox::bank::day_in_india;

    #[test]
    fn amounts_keep_every_paisa() {
        assert_eq!(rupees_number(150_000).to_string(), "1500");
        assert_eq!(rupees_number(150_050).to_string(), "1500.5");
        assert_eq!(rupees_number(9_999_999_999_999).to_string(), "99999999999.99");
        assert_eq!(rupees_number(-5).to_string(), "-0.05");
        assert_eq!(noisy_number(8_376_076).to_string(), "83760.76000000001");
    }

    #[test]
    fn times_are_indian() {
        let at: Timestamp = "2025-12-31T20:00:00Z".parse().unwrap();
        assert_eq!(indian_time(at), "2026-01-01T01:30:00+05:30");
        assert_eq!(indian_midnight(day_in_india(at)), "2026-01-01T00:00:00+05:30");
        assert_eq!(utc_time(at), "2025-12-31T20:00:00Z");
    }
}
