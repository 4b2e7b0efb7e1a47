//! Numbers as people write them: in groups (`1,00,000.00` as India does, `100,000.00` as the West does), with a currency's sign or name, with
//! `Cr` or `Dr` behind them, in brackets, with the minus behind. What is not well-formed is not guessed: `1,00` may be a hundred or one.

/// The side of an account that stands behind a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `Cr`: in the customer's favour.
    Credit,
    /// `Dr`: against the customer.
    Debit,
}

/// A number without its spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// Digits with a minus in front and a point among them, as far as they have any.
    pub digits: String,
    /// The side that was named.
    pub side: Option<Side>,
}

/// An amount of a currency (ISO 4217 code). Only that currency's own sign or name may stand beside the digits.
#[must_use]
pub fn amount(text: &str, currency: &str) -> Option<Plain> {
    let mut text = text.trim();
    let mut negative = false;
    if let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        (text, negative) = (inner.trim(), true);
    }
    let (rest, side) = side(text);
    // `1,000/-` is how a rupee amount without paise ends on paper.
    let rest = if currency == "INR" { rest.strip_suffix("/-").unwrap_or(rest) } else { rest };
    let rest = signed(rest, &mut negative)?;
    let rest = signed(without_currency(rest, currency), &mut negative)?;
    // A minus beside a side says the same thing twice, or two things.
    let digits = ungrouped(rest).filter(|_| !(negative && side.is_some()))?;
    Some(Plain { digits: with_sign(negative, digits), side })
}

/// A decimal number of no currency: a count of units, a price, a rate. An exponent is worked out.
#[must_use]
pub fn decimal(text: &str) -> Option<String> {
    let mut negative = false;
    let rest = signed(text.trim(), &mut negative)?;
    let digits = match rest.split_once(['e', 'E']) {
        Some((mantissa, power)) => shifted(mantissa, power)?,
        None => ungrouped(rest)?,
    };
    Some(with_sign(negative, digits))
}

fn with_sign(negative: bool, digits: String) -> String {
    if negative { format!("-{digits}") } else { digits }
}

/// Strips one sign, in front or behind; a second one is `None`.
fn signed<'t>(text: &'t str, negative: &mut bool) -> Option<&'t str> {
    let text = text.trim();
    let (rest, minus) = match text.strip_prefix(['-', '\u{2212}']).or_else(|| text.strip_suffix(['-', '\u{2212}'])) {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if minus && *negative {
        return None;
    }
    *negative |= minus;
    Some(rest.trim())
}

fn side(text: &str) -> (&str, Option<Side>) {
    let text = text.trim_end();
    let bare = text.strip_suffix('.').unwrap_or(text);
    for (word, side) in [("CR", Side::Credit), ("DR", Side::Debit)] {
        if let Some(rest) = without_suffix(bare, word) {
            return (rest.trim_end(), Some(side));
        }
    }
    (text, None)
}

fn without_currency<'t>(text: &'t str, code: &str) -> &'t str {
    let text = text.trim();
    let rupee: &[&str] = if code == "INR" { &["RS.", "RS", "\u{20b9}"] } else { &[] };
    let found = [code]
        .iter()
        .chain(rupee)
        .find_map(|mark| without_prefix(text, mark).or_else(|| without_suffix(text, mark.trim_end_matches('.'))));
    found.map_or(text, str::trim)
}

fn without_prefix<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

fn without_suffix<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    tail.eq_ignore_ascii_case(word).then_some(rest)
}

/// Digits with at most one point; groups only where they are well-formed.
fn ungrouped(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let groups: Vec<&str> = whole.split(',').collect();
    let well_formed = match groups.as_slice() {
        [whole] => all_digits(whole),
        [first, inner @ .., last] => {
            let western = first.len() <= 3 && inner.iter().all(|group| group.len() == 3);
            let indian = first.len() <= 2 && inner.iter().all(|group| group.len() == 2);
            last.len() == 3
                && (western || indian)
                && !first.is_empty()
                && !first.starts_with('0')
                && groups.iter().all(|group| all_digits(group))
        }
        [] => false,
    };
    let digits = groups.concat();
    let fraction_fits = fraction.is_none_or(all_digits);
    if !well_formed || !fraction_fits || (digits.is_empty() && fraction.is_none_or(str::is_empty)) {
        return None;
    }
    Some(match fraction {
        Some(fraction) if !fraction.is_empty() => format!("{}.{fraction}", if digits.is_empty() { "0" } else { &digits }),
        _ => digits,
    })
}

/// The furthest that an exponent moves the point.
const FURTHEST: i32 = 30;

/// A mantissa with its point moved.
fn shifted(mantissa: &str, power: &str) -> Option<String> {
    let power: i32 = power.parse().ok().filter(|power| (-FURTHEST..=FURTHEST).contains(power))?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut point = i32::try_from(whole.len()).ok()? + power;
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at_checked(point)?;
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(String, Option<Side>)> {
        amount(text, "INR").map(|plain| (plain.digits, plain.side))
    }

    #[test]
    fn well_formed_groups_are_read() {
        for (text, digits) in [
            ("1,00,000.00", "100000.00"),
            ("12,34,56,789.5", "123456789.5"),
            ("100,000.00", "100000.00"),
            ("1,234.50", "1234.50"),
            ("1,000", "1000"),
            ("-1,00,000", "-100000"),
        ] {
            assert_eq!(read(text), Some((digits.to_owned(), None)), "{text}");
            assert_eq!(decimal(text).as_deref(), Some(digits), "{text}");
        }
    }

    #[test]
    fn groups_that_are_not_well_formed_are_not_guessed() {
        for text in [
            "1,00",
            "1,00.00",
            "1,0000",
            "1,2345,678",
            "0,500",
            ",100",
            "1,,000",
            "1,000,00",
            "1.234,50",
            "1000,000",
            "1,000.000,5",
            "1 000",
            "1'000.00",
            "1,000.00,",
            "100,00,000",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn signs_sides_and_the_currencys_own_marks_are_read() {
        for (text, digits, side) in [
            ("Rs. 1,234.50", "1234.50", None),
            ("rs 5", "5", None),
            ("\u{20b9}1,00,000", "100000", None),
            ("INR 10.00", "10.00", None),
            ("10.00 INR", "10.00", None),
            ("1,000/-", "1000", None),
            ("(100.00)", "-100.00", None),
            ("100.00-", "-100.00", None),
            ("- 100.00", "-100.00", None),
            ("\u{2212}100.00", "-100.00", None),
            ("-\u{20b9}100", "-100", None),
            ("\u{20b9} -100", "-100", None),
            ("100.00 Cr", "100.00", Some(Side::Credit)),
            ("100.00Dr.", "100.00", Some(Side::Debit)),
            ("Rs.1,00,000.00 DR", "100000.00", Some(Side::Debit)),
        ] {
            assert_eq!(read(text), Some((digits.to_owned(), side)), "{text}");
        }
    }

    #[test]
    fn another_currency_or_a_second_sign_is_not_read() {
        for text in [
            "USD 100",
            "$100",
            "--100",
            "-(100)",
            "(-100)",
            "-100-",
            "-100.00 Dr",
            "Cr",
            "Rs.",
            "",
            "1e5 Cr",
            "100 lakh",
            "\u{967}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(amount("USD 100.00", "USD").unwrap().digits, "100.00");
        assert_eq!(amount("Rs. 100.00", "USD"), None);
    }

    #[test]
    fn an_exponent_is_worked_out() {
        for (text, digits) in [("1e5", "100000"), ("1.5E3", "1500"), ("-1.25e1", "-12.5"), ("25e-4", "0.0025"), ("1.5e0", "1.5")]
        {
            assert_eq!(decimal(text).as_deref(), Some(digits), "{text}");
        }
        for text in ["1e31", "e5", "1e", "1e5.0", "1,000e2"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+()0-9,.eECRDrscr/ \u{20b9}\u{fffd}]{0,24}") {
            let _ = (amount(&text, "INR"), decimal(&text));
        }

        #[test]
        fn groups_change_no_value(number in 0_u64..10_000_000_000_000) {
            let plain = number.to_string();
            for indian in [true, false] {
                let mut grouped = String::new();
                for (at, digit) in plain.chars().enumerate() {
                    let left = plain.len() - at;
                    let cut = if indian { left == 3 || (left > 3 && left % 2 == 1) } else { left.is_multiple_of(3) };
                    if at > 0 && cut {
                        grouped.push(',');
                    }
                    grouped.push(digit);
                }
                prop_assert_eq!(decimal(&grouped), Some(plain.clone()), "{}", grouped);
            }
        }
    }
}
