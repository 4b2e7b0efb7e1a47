//! Scalars: money, numbers, dates.

use crate::data::{
    money::{self, Amount},
    scalar::Scalar,
    time::{self, Zoneless},
};

/// One scalar as text and as JSON.
pub(super) fn scalars(bytes: &[u8]) {
    if let Ok(scalar) = serde_json::from_slice::<Scalar<'_>>(bytes) {
        let text = scalar.text().map(|text| text.into_owned());
        assert!(text.is_none() || !scalar.is_missing(), "a missing value has a text");
        for decimals in 0..=3 {
            amount(&money::read(&scalar, decimals), decimals);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for decimals in 0..=3 {
        amount(&money::parse(text, decimals), decimals);
    }
    for zoneless in [Zoneless::Ist, Zoneless::IstOrUtcMidnight] {
        if let Some(when) = time::parse(text, zoneless) {
            let day = when.day();
            assert_eq!(time::Day::from_number(day.number()), Some(day), "a day is none of the calendar");
        }
    }
}

/// What was read, written out, is read as the same.
fn amount(amount: &Amount, decimals: u32) {
    let Amount::Exact(units) = amount else { return };
    let (sign, digits) = (if *units < 0 { "-" } else { "" }, units.unsigned_abs().to_string());
    let width = decimals as usize + 1;
    let digits = format!("{digits:0>width$}");
    let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
    let written = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    assert_eq!(money::parse(&written, decimals), Amount::Exact(*units), "money is not stable");
}
