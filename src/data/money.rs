//! Exact money: decimal text to minor units, without a float on the way.

use super::scalar::Scalar;

/// What a text says as an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Nothing was told.
    Missing,
    /// Exactly so many minor units.
    Exact(i64),
    /// So many minor units, after float noise was taken off.
    Noise(i64),
    /// More decimals than the currency has.
    ExtraDecimals,
    /// No decimal number, or one beyond 64 bits.
    Unparsable,
}

impl Amount {
    /// The opposite of what is known exactly.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Exact(units) => units.checked_neg().map_or(Self::Unparsable, Self::Exact),
            Self::Noise(units) => units.checked_neg().map_or(Self::Unparsable, Self::Noise),
            other => other,
        }
    }
}

/// The number of decimals of an ISO 4217 currency; `None` for a code that is not known.
pub fn decimals(code: &str) -> Option<u32> {
    Some(match code {
        "INR" | "USD" | "EUR" | "GBP" | "AED" | "SGD" | "AUD" | "CAD" | "CHF" | "CNY" | "HKD" | "NZD" | "SAR" | "QAR" | "ZAR"
        | "SEK" | "NOK" | "DKK" | "THB" | "MYR" | "LKR" | "NPR" | "BDT" | "PKR" | "RUB" | "MUR" | "KES" | "BTN" | "MVR"
        | "PHP" | "IDR" | "TRY" => 2,
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" | "UGX" | "XAF" | "XOF" => 0,
        "BHD" | "KWD" | "OMR" | "JOD" | "TND" | "IQD" | "LYD" => 3,
        _ => return None,
    })
}

/// Reads a scalar as an amount of a currency with `decimals` decimals.
#[inline]
pub fn read(scalar: &Scalar<'_>, decimals: u32) -> Amount {
    match scalar {
        Scalar::Text(text) => parse(text, decimals),
        Scalar::Owned(text) => parse(text, decimals),
        Scalar::Int(number) => {
            let units = 10_i64.checked_pow(decimals).and_then(|unit| number.checked_mul(unit));
            // The least i64 has no opposite: as a text it is refused too.
            units.filter(|units| *units != i64::MIN).map_or(Amount::Unparsable, Amount::Exact)
        }
        Scalar::Missing => Amount::Missing,
        Scalar::Bool(_) | Scalar::Wrong(_) => Amount::Unparsable,
    }
}

/// Reads a text as an amount.
#[inline]
pub fn parse(text: &str, decimals: u32) -> Amount {
    match plain(text.as_bytes(), decimals) {
        Some(units) => Amount::Exact(units),
        None => tolerant(text, decimals),
    }
}

/// The common form, digits and at most as many decimals as the currency has, in one pass.
#[inline]
fn plain(text: &[u8], decimals: u32) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 17 {
        return None;
    }
    let mut units: i64 = 0;
    let mut after_point: Option<u32> = None;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                units = units * 10 + i64::from(byte - b'0');
                if let Some(count) = &mut after_point {
                    *count += 1;
                }
            }
            b'.' if after_point.is_none() => after_point = Some(0),
            _ => return None,
        }
    }
    let missing = match after_point {
        Some(0) => return None,
        Some(count) => decimals.checked_sub(count)?,
        None => decimals,
    };
    for _ in 0..missing {
        units = units.checked_mul(10)?;
    }
    Some(if negative { -units } else { units })
}

/// Everything else: blanks, words for nothing, signs, exponents, float noise, bad text.
fn tolerant(text: &str, decimals: u32) -> Amount {
    let scalar = Scalar::Text(text);
    let Some(text) = scalar.text() else {
        return Amount::Missing;
    };
    let Some(number) = Decimal::parse(text.as_bytes()) else {
        return Amount::Unparsable;
    };
    number.to_minor_units(decimals)
}

/// A decimal number taken apart: its digits and where the point stands among them.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// How many of the digits stand before the point; it may lie outside them.
    point: i32,
    /// How many decimals were written.
    written: i32,
}

impl Decimal {
    /// `None` unless the text is `[+-] digits [. digits] [e [+-] digits]`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (negative, rest) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let (mantissa, power) = split_once(rest, |byte| matches!(byte, b'e' | b'E'));
        let exponent = power.map_or(Some(0), exponent)?;
        let (whole, fraction) = split_once(mantissa, |byte| *byte == b'.');
        let fraction = fraction.unwrap_or_default();
        let digits: Vec<u8> = whole.iter().chain(fraction).copied().collect();
        if digits.is_empty() || digits.len() > 400 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self { negative, point: whole.len() as i32 + exponent, written: fraction.len() as i32 - exponent, digits })
    }

    /// The digit at `place` after the point (0 is the first decimal, negative places are before the point).
    fn digit(&self, place: i32) -> u8 {
        usize::try_from(self.point + place).ok().and_then(|at| self.digits.get(at)).map_or(0, |byte| byte - b'0')
    }

    fn to_minor_units(&self, decimals: u32) -> Amount {
        let decimals = decimals as i32;
        let end = self.digits.len() as i32 - self.point;
        let mut units: i64 = 0;
        for place in -self.point.max(0)..decimals {
            let next = units.checked_mul(10).and_then(|units| units.checked_add(i64::from(self.digit(place))));
            let Some(next) = next else {
                return Amount::Unparsable;
            };
            units = next;
        }
        let signed = |units: i64| if self.negative { -units } else { units };
        if (decimals..end).all(|place| self.digit(place) == 0) {
            return Amount::Exact(signed(units));
        }
        if self.written < 8 {
            return Amount::ExtraDecimals;
        }
        // Within a millionth of a minor unit: the next six decimals say so, a lone 1 in the sixth being exactly that far.
        let next @ [five @ .., sixth] = [0, 1, 2, 3, 4, 5].map(|at| self.digit(decimals + at));
        let exact_after = (decimals + 6..end).all(|place| self.digit(place) == 0);
        if five.iter().all(|digit| *digit == 0) && (sixth == 0 || (sixth == 1 && exact_after)) {
            Amount::Noise(signed(units))
        } else if next.iter().all(|digit| *digit == 9) {
            units.checked_add(1).map_or(Amount::Unparsable, |units| Amount::Noise(signed(units)))
        } else {
            Amount::ExtraDecimals
        }
    }
}

/// What stands before the first byte of that kind, and what behind it.
fn split_once(text: &[u8], kind: impl FnMut(&u8) -> bool) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, kind);
    (parts.next().unwrap_or_default(), parts.next())
}

fn exponent(text: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?;
    let value: i32 = text.parse().ok()?;
    (-30..=30).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;
    use Amount::{Exact, ExtraDecimals, Missing, Noise, Unparsable};

    #[test]
    fn texts_of_both_providers_are_read_exactly() {
        for (text, amount) in [
            ("1000.00", Exact(100_000)),
            ("-79208.54", Exact(-7_920_854)),
            ("5500.0", Exact(550_000)),
            ("6981.1", Exact(698_110)),
            ("5622", Exact(562_200)),
            ("0", Exact(0)),
            ("-0.00", Exact(0)),
            (".5", Exact(50)),
            ("5.", Exact(500)),
            ("+7.10", Exact(710)),
            (" 12.30 ", Exact(1230)),
            ("10.5000", Exact(1050)),
            ("00012.50", Exact(1250)),
            ("1e3", Exact(100_000)),
            ("1.5E2", Exact(15_000)),
            ("136797.48000000001", Noise(13_679_748)),
            ("83760.759999999995", Noise(8_376_076)),
            ("-83760.759999999995", Noise(-8_376_076)),
            ("0.01000001", Noise(1)),
            ("0.010000011", ExtraDecimals),
            ("0.999999999", Noise(100)),
            ("12.345", ExtraDecimals),
            ("12.3450001", ExtraDecimals),
            ("12.34500001", ExtraDecimals),
            ("12.4800001", ExtraDecimals),
            ("92233720368547758.07", Exact(i64::MAX)),
            ("92233720368547758.08", Unparsable),
            ("999999999999999999999", Unparsable),
            ("1,000.00", Unparsable),
            ("1e999", Unparsable),
            ("12abc", Unparsable),
            ("-", Unparsable),
            (".", Unparsable),
            ("XXXX", Unparsable),
            ("", Missing),
            (" ", Missing),
            ("NA", Missing),
            ("<NULL>", Missing),
        ] {
            assert_eq!(parse(text, 2), amount, "{text}");
        }
    }

    #[test]
    fn whole_json_numbers_are_read_exactly() {
        assert_eq!(read(&Scalar::Int(1500), 2), Exact(150_000));
        assert_eq!(read(&Scalar::Int(i64::MAX), 2), Unparsable);
        assert_eq!(read(&Scalar::Int(i64::MIN), 0), parse(&i64::MIN.to_string(), 0));
        assert_eq!(read(&Scalar::Bool(true), 2), Unparsable);
    }

    #[test]
    fn a_currency_has_its_own_decimals() {
        assert_eq!(parse("1500", decimals("JPY").unwrap()), Exact(1500));
        assert_eq!(parse("1500.5", decimals("JPY").unwrap()), ExtraDecimals);
        assert_eq!(parse("1.234", decimals("KWD").unwrap()), Exact(1234));
        assert_eq!(decimals("XXX"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC*", decimals in 0_u32..4) {
            let _ = parse(&text, decimals);
        }

        #[test]
        fn number_like_text_is_read_without_a_panic(text in "[+-]?[0-9]{0,25}[.]?[0-9]{0,25}([eE][+-]?[0-9]{0,3})?") {
            let _ = parse(&text, 2);
        }

        #[test]
        fn written_minor_units_come_back(units in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if units < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", units.abs() / 100, units.abs() % 100);
            prop_assert_eq!(parse(&text, 2), Exact(units));
        }
    }
}
