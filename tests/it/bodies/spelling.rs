//! Spelling is no value: grouped amounts are read, and rows that are spelt otherwise are the same rows.

use sangam::{
    data::{
        changes::{Side, compare},
        view,
    },
    pb::{QualityCode, View},
};
use serde_json::Value;

use super::{BODIES, Documented, flagged};

#[test]
fn grouped_amounts_are_exact_and_flagged() {
    for body in BODIES {
        for (text, units) in
            [("1,00,000.00", 10_000_000), ("100,000.00", 10_000_000), ("1,234.50", 123_450), ("Rs. 1,234.50", 123_450)]
        {
            for (key, path) in [(0, "amount"), (1, "balance")] {
                let page = body.page(&body.with(key, &format!("\"{text}\"")));
                let row = &page.transactions[0];
                let read = if key == 0 { &row.amount } else { &row.balance };
                assert_eq!(read.as_ref().map(|money| money.minor_units), Some(units), "{} {text}", body.file);
                let flag = row.quality_flags.iter().find(|flag| flag.code() == QualityCode::Normalised).unwrap();
                assert_eq!((flag.field_path.as_str(), flag.source_text.as_str()), (path, text), "{}", body.file);
            }
        }
    }
}

#[test]
fn what_stays_unread_is_quoted_in_full_and_hidden_where_it_may_be_anything() {
    for body in BODIES {
        for (text, masked) in [("1,00", "1,00"), ("ring 9000000001", ""), ("₹ einhundert, ~", "")] {
            let rows = body.rows(&body.with(0, &format!("\"{text}\""))).unwrap();
            for (view, shown) in [(View::Full, text), (View::Masked, masked)] {
                let page: sangam::pb::FetchDataResponse = prost::Message::decode(view::apply(&rows, view).bytes).unwrap();
                let row = &page.transactions[0];
                assert_eq!(row.amount, None, "{}", body.file);
                let flag = row.quality_flags.iter().find(|flag| flag.code() == QualityCode::Unparsable).unwrap();
                assert_eq!((flag.field_path.as_str(), flag.source_text.as_str()), ("amount", shown), "{}", body.file);
            }
        }
    }
}

/// How many changes lie between a body and the same spelt otherwise.
fn changes(body: Documented, change: impl Fn(&mut Value)) -> (u64, Vec<String>, Vec<String>) {
    let mut other = body.body();
    change(&mut other);
    let (before, after) = (body.body().to_string(), other.to_string());
    let ids = |text: &str| body.page(text.as_bytes()).transactions.into_iter().map(|row| row.transaction_id).collect();
    let (old, new) = (body.rows(before.as_bytes()).unwrap(), body.rows(after.as_bytes()).unwrap());
    let side = |rows| Side { rows, asked: (None, None) };
    let found = compare(side(&old), side(&new), View::Full).unwrap();
    (found.rows.entries.len() as u64, ids(&before), ids(&after))
}

fn spelt_otherwise(text: &str) -> Vec<String> {
    let mut found = vec![format!(" {text} ")];
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        let ist =
            instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(5).saturating_add(jiff::SignedDuration::from_mins(30))));
        found.push(ist.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        found.push(format!("{instant:.6}"));
    }
    if text.contains('.') && text.parse::<f64>().is_ok() {
        found.push(format!("{text}0"));
        found.push(text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    if ["CREDIT", "DEBIT", "UPI", "FT", "OTHERS"].contains(&text.to_uppercase().as_str()) {
        found.extend([text.to_lowercase(), text.to_uppercase()]);
    }
    found
}

#[test]
fn a_row_that_is_spelt_otherwise_is_no_change() {
    let mut tried = 0;
    for body in BODIES {
        let row = body.body().pointer(body.row).unwrap().clone();
        for (key, value) in row.as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            for other in spelt_otherwise(&text) {
                let (count, before, after) =
                    changes(body, |value| value.pointer_mut(body.row).unwrap()[key] = other.clone().into());
                assert_eq!((count, &before), (0, &after), "{} {key} {text} {other}", body.file);
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_number_in_the_place_of_a_text_is_no_change() {
    for body in BODIES {
        for key in [0, 1] {
            let text = body.body().pointer(body.row).unwrap()[body.keys[key]].clone();
            let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
            let number: Value = serde_json::from_str(&text).unwrap();
            let as_text = Value::from(text.clone());
            for other in [number, as_text] {
                let (count, before, after) =
                    changes(body, |value| value.pointer_mut(body.row).unwrap()[body.keys[key]] = other.clone());
                assert_eq!((count, &before), (0, &after), "{} {text}", body.file);
            }
        }
    }
}

#[test]
fn another_spelling_of_a_summary_is_no_change_of_the_account() {
    for (body, place, other) in [
        (BODIES[0], "/data/0/Summary/currentBalance", "83,760.76"),
        (BODIES[0], "/data/0/Summary/type", "savings"),
        (BODIES[0], "/data/0/Summary/drawingLimit", "0.00"),
        (BODIES[2], "/data/account_aggregator_json/0/summary_details/balance_date_time", "2026-01-01T04:30:00.000Z"),
    ] {
        let (count, ..) = changes(body, |value| *value.pointer_mut(place).unwrap() = other.into());
        assert_eq!(count, 0, "{place}");
    }
}

#[test]
fn another_value_is_a_change() {
    for body in BODIES {
        let (count, before, after) = changes(body, |value| value.pointer_mut(body.row).unwrap()[body.keys[0]] = "123.45".into());
        assert!(count > 0 && before != after, "{}", body.file);
    }
}

#[test]
fn a_well_formed_row_has_no_flag_about_its_spelling() {
    for body in BODIES {
        let page = body.page(body.body().to_string().as_bytes());
        for row in &page.transactions {
            assert_eq!(flagged(&row.quality_flags, QualityCode::Normalised), [""; 0], "{}", body.file);
        }
    }
}
