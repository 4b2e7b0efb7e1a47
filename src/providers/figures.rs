//! Exact figures out of JSON numbers of an analysis, without a float in between.

use serde_json::value::RawValue;

use crate::{data::spelling, pb::Money};

use super::lenient::scalar;

/// A decimal number: `units / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    units: i128,
    scale: u32,
}

/// Most digits that are read; a double has seventeen.
const DIGITS: usize = 30;
/// Most decimals that are read, so that what is computed with them fits.
const SCALE: i32 = 32;

/// A number, with groups or without: banks' figures come as `1,23,456.78` in analyses too.
fn decimal(raw: &RawValue) -> Option<Decimal> {
    let text = scalar(raw)?;
    plain(&text).or_else(|| plain(&spelling::decimal(&text)?))
}

/// An amount of rupees, which may carry the currency's sign or name.
fn amount(raw: &RawValue) -> Option<Decimal> {
    let text = scalar(raw)?;
    decimal(raw)
        .or_else(|| spelling::amount(&text, "INR").filter(|plain| plain.side.is_none()).and_then(|read| plain(&read.digits)))
}

/// A percentage as it is written with its sign.
fn percent(raw: &RawValue) -> Option<Decimal> {
    let text = scalar(raw)?;
    plain(&spelling::decimal(text.strip_suffix('%')?)?)
}

fn plain(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || digits.len() > DIGITS || !plain || !(-20..=20).contains(&exponent) {
        return None;
    }
    let units: i128 = digits.parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()? - exponent;
    let units = if negative { -units } else { units };
    if scale > SCALE {
        return None;
    }
    if scale >= 0 {
        return Some(Decimal { units, scale: scale.unsigned_abs() });
    }
    let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
    Some(Decimal { units: units.checked_mul(factor)?, scale: 0 })
}

/// Rupees, and how they follow from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rupees {
    /// The amount, if need be rounded half to even.
    pub money: Money,
    /// Whether real decimals beyond the paisa were rounded away. Float noise is none: eight or more decimals, within 1e-6 of a paisa.
    pub rounded: bool,
}

/// Rupees as money.
pub fn rupees(raw: &RawValue) -> Option<Rupees> {
    let Decimal { units, scale } = amount(raw)?;
    let (minor, rounded) = if scale <= 2 {
        (units.checked_mul(10_i128.pow(2 - scale))?, false)
    } else {
        let factor = 10_i128.checked_pow(scale - 2)?;
        let (below, rest) = (units.div_euclid(factor), units.rem_euclid(factor));
        let up = match (rest * 2).cmp(&factor) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => below % 2 != 0,
            std::cmp::Ordering::Greater => true,
        };
        let off = rest.min(factor - rest);
        let noise = scale >= 8 && off.checked_mul(1_000_000)? <= factor;
        (below + i128::from(up), off != 0 && !noise)
    };
    let money = Money { minor_units: i64::try_from(minor).ok()?, currency_code: "INR".to_owned() };
    Some(Rupees { money, rounded })
}

/// A fraction as decimal text. A value above 1.5, or with a percent sign, is taken for percent, since providers do not say which they mean.
pub fn fraction(raw: &RawValue) -> Option<String> {
    if let Some(Decimal { units, scale }) = percent(raw) {
        return Some(text(Decimal { units, scale: scale + 2 }));
    }
    let Decimal { units, mut scale } = decimal(raw)?;
    if units.checked_mul(2)? > 10_i128.checked_pow(scale)?.checked_mul(3)? {
        scale += 2;
    }
    Some(text(Decimal { units, scale }))
}

/// A number as plain decimal text: without exponent and without zeros at the end.
pub fn number(raw: &RawValue) -> Option<String> {
    Some(text(decimal(raw)?))
}

/// A number from 0 to 100 as plain decimal text.
pub fn score(raw: &RawValue) -> Option<String> {
    let score = decimal(raw)?;
    let within = (0..=10_i128.checked_pow(score.scale)?.checked_mul(100)?).contains(&score.units);
    within.then(|| text(score))
}

/// A count: a whole number from zero on, however it is written.
pub fn count(raw: &RawValue) -> Option<i64> {
    let Decimal { units, scale } = decimal(raw)?;
    let factor = 10_i128.checked_pow(scale)?;
    (units >= 0 && units % factor == 0).then(|| i64::try_from(units / factor).ok()).flatten()
}

/// Yes or no, as JSON's own words or as text.
pub fn flag(raw: &RawValue) -> Option<bool> {
    let text = scalar(raw).unwrap_or_else(|| raw.get().to_owned());
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

fn text(Decimal { units, scale }: Decimal) -> String {
    let digits = format!("{:0width$}", units.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
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
        for (text, expected) in [
            ("1000.5", Some((100_050, false))),
            ("0", Some((0, false))),
            ("\"-79208.54\"", Some((-7_920_854, false))),
            ("136797.48000000001", Some((13_679_748, false))),
            ("83760.759999999995", Some((8_376_076, false))),
            ("-83760.759999999995", Some((-8_376_076, false))),
            ("1.5e3", Some((150_000, false))),
            ("166.666", Some((16_667, true))),
            ("0.005", Some((0, true))),
            ("0.015", Some((2, true))),
            ("0.025", Some((2, true))),
            ("-0.005", Some((0, true))),
            ("-0.015", Some((-2, true))),
            ("-0.0051", Some((-1, true))),
            ("10.500", Some((1_050, false))),
            ("9007199254740993.01", Some((900_719_925_474_099_301, false))),
            ("1e18", None),
            ("1e999", None),
            ("1e-2147483648", None),
            ("\"abc\"", None),
            ("true", None),
        ] {
            let found = rupees(&raw(text)).map(|rupees| (rupees.money.minor_units, rupees.rounded));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_fraction_may_come_as_percent() {
        for (text, expected) in
            [("0.31", "0.31"), ("31", "0.31"), ("1.5", "1.5"), ("31.50", "0.315"), ("0", "0"), ("\"0.40\"", "0.4")]
        {
            assert_eq!(fraction(&raw(text)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn counts_scores_flags_and_numbers_keep_to_their_range() {
        for (text, expected) in [("3", Some(3)), ("3.0", Some(3)), ("\"7\"", Some(7)), ("3.5", None), ("-1", None), ("{}", None)]
        {
            assert_eq!(count(&raw(text)), expected, "{text}");
        }
        for (text, expected) in [("88", Some("88")), ("100.0", Some("100")), ("0.5", Some("0.5")), ("101", None), ("-1", None)] {
            assert_eq!(score(&raw(text)).as_deref(), expected, "{text}");
        }
        for (text, expected) in [("true", Some(true)), ("\"No\"", Some(false)), ("false", Some(false)), ("1", None), ("[]", None)]
        {
            assert_eq!(flag(&raw(text)), expected, "{text}");
        }
        for (text, expected) in [("0.1", Some("0.1")), ("1e-7", Some("0.0000001")), ("-2.50", Some("-2.5")), ("\"x\"", None)] {
            assert_eq!(number(&raw(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn grouped_figures_are_exact() {
        for (text, minor) in [
            ("\"1,23,456.78\"", Some(12_345_678)),
            ("\"123,456.78\"", Some(12_345_678)),
            ("\"-1,00,000\"", Some(-10_000_000)),
            ("\"Rs. 1,234.50\"", Some(123_450)),
            ("\"\u{20b9}1,00,000\"", Some(10_000_000)),
            ("\"(1,000.00)\"", Some(-100_000)),
            ("\"1,23\"", None),
            ("\"1,000.00 Dr\"", None),
            ("\"NIL\"", None),
            ("\"-\"", None),
        ] {
            assert_eq!(rupees(&raw(text)).map(|rupees| rupees.money.minor_units), minor, "{text}");
        }
        assert_eq!(count(&raw("\"1,234\"")), Some(1_234));
        assert_eq!(number(&raw("\"1,00,000.50\"")).as_deref(), Some("100000.5"));
        for (text, expected) in [("\"31%\"", Some("0.31")), ("\"0.5%\"", Some("0.005")), ("\"%\"", None), ("\"31%%\"", None)] {
            assert_eq!(fraction(&raw(text)).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-0-9.,%() eERrs]{0,40}") {
            let raw = raw(&serde_json::to_string(&text).unwrap());
            let _ = (rupees(&raw), fraction(&raw), number(&raw), score(&raw), count(&raw), flag(&raw));
        }

        #[test]
        fn paise_survive(minor in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if minor < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100);
            let grouped = format!("\"{sign}{},{:03}.{:02}\"", 1 + minor.abs() / 100_000 % 9, minor.abs() / 100 % 1000, minor.abs() % 100);
            prop_assert_eq!(rupees(&raw(&grouped)), rupees(&raw(&grouped.replace([',', '"'], ""))));
            let found = rupees(&raw(&text)).map(|rupees| (rupees.money.minor_units, rupees.rounded));
            prop_assert_eq!(found, Some((minor, false)));
        }
    }
}
