//! Exact figures out of JSON numbers of an analysis, without a float in between.

use serde_json::value::RawValue;

use crate::pb::Money;

use super::lenient::scalar;

/// What becomes of decimals beyond the minor unit that are no float noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// The figure is left out: a sum of amounts has none.
    Refuse,
    /// Rounded, half away from zero: an average has as many as the division brings.
    Round,
}

/// A decimal number: `units / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    units: i128,
    scale: u32,
}

/// Most digits that are read; a double has seventeen.
const DIGITS: usize = 30;

fn decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > 20 {
        return None;
    }
    let units: i128 = digits.parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()? - exponent;
    let units = if negative { -units } else { units };
    if scale >= 0 {
        return Some(Decimal { units, scale: scale.unsigned_abs() });
    }
    let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
    Some(Decimal { units: units.checked_mul(factor)?, scale: 0 })
}

/// Rupees as money. Float noise (eight or more decimals, within 1e-6 of a paisa) snaps to the paisa next to it.
pub fn rupees(raw: Option<&RawValue>, beyond: Beyond) -> Option<Money> {
    let Decimal { units, scale } = decimal(&scalar(raw?)?)?;
    let minor = if scale <= 2 {
        units.checked_mul(10_i128.pow(2 - scale))?
    } else {
        let factor = 10_i128.checked_pow(scale - 2)?;
        let rounded = (units + units.signum() * (factor / 2)) / factor;
        let rest = (units - rounded.checked_mul(factor)?).abs();
        // Within 1e-6 of a paisa, when the text has eight decimals or more.
        let noise = scale >= 8 && rest.checked_mul(1_000_000)? <= factor;
        if rest != 0 && !noise && beyond == Beyond::Refuse {
            return None;
        }
        rounded
    };
    Some(Money { minor_units: i64::try_from(minor).ok()?, currency_code: "INR".to_owned() })
}

/// A fraction as decimal text. A value above 1.5 is taken for percent, since providers do not say which they mean.
pub fn fraction(raw: Option<&RawValue>) -> Option<String> {
    let Decimal { units, mut scale } = decimal(&scalar(raw?)?)?;
    if units.checked_mul(2)? > 10_i128.checked_pow(scale)?.checked_mul(3)? {
        scale += 2;
    }
    let digits = format!("{:0width$}", units.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn figures_are_exact() {
        for (text, refuse, round) in [
            ("1000.5", Some(100_050), Some(100_050)),
            ("0", Some(0), Some(0)),
            ("\"-79208.54\"", Some(-7_920_854), Some(-7_920_854)),
            ("136797.48000000001", Some(13_679_748), Some(13_679_748)),
            ("83760.759999999995", Some(8_376_076), Some(8_376_076)),
            ("1.5e3", Some(150_000), Some(150_000)),
            ("166.666", None, Some(16_667)),
            ("-0.005", None, Some(-1)),
            ("9007199254740993.01", Some(900_719_925_474_099_301), Some(900_719_925_474_099_301)),
            ("1e18", None, None),
            ("1e999", None, None),
            ("\"abc\"", None, None),
            ("true", None, None),
        ] {
            let raw = raw(text);
            let minor = |beyond| rupees(Some(&raw), beyond).map(|money| money.minor_units);
            assert_eq!((minor(Beyond::Refuse), minor(Beyond::Round)), (refuse, round), "{text}");
        }
    }

    #[test]
    fn a_fraction_may_come_as_percent() {
        for (text, expected) in
            [("0.31", "0.31"), ("31", "0.31"), ("1.5", "1.5"), ("31.50", "0.315"), ("0", "0"), ("\"0.40\"", "0.4")]
        {
            assert_eq!(fraction(Some(&raw(text))).as_deref(), Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-0-9.eE]{0,40}") {
            let raw = raw(&serde_json::to_string(&text).unwrap());
            rupees(Some(&raw), Beyond::Round);
            rupees(Some(&raw), Beyond::Refuse);
            fraction(Some(&raw));
        }

        #[test]
        fn paise_survive(minor in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if minor < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100);
            prop_assert_eq!(rupees(Some(&raw(&text)), Beyond::Refuse).map(|money| money.minor_units), Some(minor));
        }
    }
}
