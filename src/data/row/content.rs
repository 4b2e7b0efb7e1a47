//! The parts of a row as values, for its id. Each begins with a byte for its form and has its length, where the form does not give it.

use crate::data::{
    absence,
    money::{self, Amount},
    row::Currency,
    scalar::Scalar,
    spelling,
    time::{self, When, Zoneless},
    values,
};

const TEXT: u8 = 0;
const WORD: u8 = 1;
const UNITS: u8 = 2;
const INSTANT: u8 = 3;
const DAY: u8 = 4;

/// What a value that no table and no form has says: nothing where a word says so, else its text.
fn unread(out: &mut Vec<u8>, written: &str) {
    text(out, if absence::is_absent(written) { "" } else { written });
}

/// A text as it stands.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(TEXT);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A word by its meaning; one without a meaning of its own by its letters in upper case.
pub(super) fn word<T: Copy + PartialEq + Into<i32>>(
    out: &mut Vec<u8>,
    scalar: &Scalar<'_>,
    table: impl Fn(&str) -> Option<T>,
    other: T,
) {
    let word = scalar.text().unwrap_or_default();
    match table(&word) {
        Some(value) if value != other => {
            out.push(WORD);
            out.extend_from_slice(&value.into().to_le_bytes());
        }
        None => unread(out, &values::word(&word)),
        Some(_) => text(out, &values::word(&word)),
    }
}

/// An amount in minor units; one that is not read as its text.
pub(super) fn amount(out: &mut Vec<u8>, scalar: &Scalar<'_>, currency: Option<Currency>) {
    match currency.and_then(|currency| units(scalar, currency)) {
        Some(units) => {
            out.push(UNITS);
            out.extend_from_slice(&units.to_le_bytes());
        }
        None => unread(out, &scalar.text().unwrap_or_default()),
    }
}

fn units(scalar: &Scalar<'_>, currency: Currency) -> Option<i64> {
    let known = |amount| match amount {
        Amount::Exact(units) | Amount::Noise(units) => Some(units),
        Amount::Missing | Amount::ExtraDecimals | Amount::Unparsable => None,
    };
    match money::read(scalar, currency.decimals) {
        Amount::Unparsable => {
            let plain = spelling::amount(&scalar.text()?, std::str::from_utf8(&currency.code).ok()?)?;
            // With a side it stays its text: what the side means is not known here.
            known(money::parse(&plain.digits, currency.decimals)).filter(|_| plain.side.is_none())
        }
        other => known(other),
    }
}

/// An instant or a day.
pub(super) fn time(out: &mut Vec<u8>, scalar: &Scalar<'_>, zoneless: Zoneless) {
    let written = scalar.text().unwrap_or_default();
    match time::parse_field(&written, zoneless) {
        Some(When::Instant { seconds, nanos, .. }) => {
            out.push(INSTANT);
            out.extend_from_slice(&seconds.to_le_bytes());
            out.extend_from_slice(&nanos.to_le_bytes());
        }
        Some(When::Day(day)) => {
            out.push(DAY);
            out.extend_from_slice(&day.number().to_le_bytes());
        }
        None => unread(out, &written),
    }
}

/// A day, whatever the time of day beside it.
pub(super) fn day(out: &mut Vec<u8>, scalar: &Scalar<'_>, zoneless: Zoneless) {
    let written = scalar.text().unwrap_or_default();
    match time::parse_field(&written, zoneless).map(When::day) {
        Some(day) => {
            out.push(DAY);
            out.extend_from_slice(&day.number().to_le_bytes());
        }
        None => unread(out, &written),
    }
}
