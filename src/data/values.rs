//! What a message says, without how it is spelt: two messages have the same key if they hold the same values. `100.0` and `100.00` are one
//! decimal, `Buy` and `BUY` one word, and flags about a spelling say nothing of the value.
//!
//! A message is walked by the contract's own descriptor. Slow beside a comparison of ids, so it runs on what ids leave over.

use prost::Message;
use prost_types::{Struct, Value, value::Kind as ValueKind};

use super::{
    spelling,
    wire::{self, Field},
    words,
};
use crate::{
    contract::{CONTRACT, Kind},
    pb::{QualityCode, QualityFlag},
};

/// Fields of an account of which each fetch has its own.
const OF_THE_FETCH: &[&str] = &["fetch_id", "fetch_time", "answer_extensions"];
/// What a row is called and where it stands; its flags follow from other rows too.
const OF_THE_PLACE: &[&str] = &["transaction_id", "account_id", "ordinal", "quality_flags"];

/// The key of an encoded account.
pub(super) fn of_account(bytes: &[u8]) -> Vec<u8> {
    key("sangam.v1.Account", bytes, OF_THE_FETCH)
}

/// The key of an encoded row. On rows of deposits, which have no details, `extensions` do not count: a key that a provider adds one day makes
/// no row another one.
pub(super) fn of_row(bytes: &[u8]) -> Vec<u8> {
    let fields = CONTRACT.place("sangam.v1.Transaction").map(|place| CONTRACT.fields(place)).unwrap_or_default();
    let detail = |number| fields.iter().any(|field| field.number == number && field.in_oneof);
    let plain = !wire::fields(bytes).any(|(number, _)| detail(number));
    let without: Vec<&str> = OF_THE_PLACE.iter().copied().chain(plain.then_some("extensions")).collect();
    key("sangam.v1.Transaction", bytes, &without)
}

fn key(message: &str, bytes: &[u8], without: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    if let Some(place) = CONTRACT.place(message) {
        walk(place, bytes, without, &mut out);
    }
    out
}

fn walk(place: usize, bytes: &[u8], without: &[&str], out: &mut Vec<u8>) {
    let known = CONTRACT.fields(place);
    let mut fields: Vec<(u32, Field<'_>)> = wire::fields(bytes).collect();
    // Stable, so that entries of a list stay in their order.
    fields.sort_by_key(|(number, _)| *number);
    for (number, value) in fields {
        let Some(field) = known.iter().find(|field| field.number == number) else { continue };
        if without.contains(&field.name.as_str()) {
            continue;
        }
        let mut written = Vec::new();
        match (value, field.kind) {
            // A default that is written is as good as one that is not.
            (Field::Number(0), _) if !field.in_oneof => continue,
            (Field::Number(value), _) => written.extend_from_slice(&value.to_le_bytes()),
            (Field::Bytes(text), Kind::Text) => {
                let text = String::from_utf8_lossy(text);
                written.extend_from_slice(canonical(&text, field.name.ends_with("_text")).as_bytes());
            }
            (Field::Bytes(inner), Kind::Message(place)) => match message(place, inner) {
                Some(inner) => written = inner,
                None => continue,
            },
            (Field::Bytes(bytes), _) => written.extend_from_slice(bytes),
        }
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&(written.len() as u64).to_le_bytes());
        out.extend_from_slice(&written);
    }
}

fn message(place: usize, bytes: &[u8]) -> Option<Vec<u8>> {
    match CONTRACT.messages.get(place).map(|message| message.name.as_str()) {
        Some("google.protobuf.Struct") => Some(of_struct(&Struct::decode(bytes).ok()?).into_bytes()),
        Some("sangam.v1.QualityFlag") if is_about_spelling(bytes) => None,
        _ => {
            let mut out = Vec::new();
            walk(place, bytes, &[], &mut out);
            Some(out)
        }
    }
}

fn is_about_spelling(flag: &[u8]) -> bool {
    let flag = QualityFlag::decode(flag).unwrap_or_default();
    matches!(flag.code(), QualityCode::Normalised | QualityCode::FloatNoise)
}

fn of_struct(kept: &Struct) -> String {
    let mut out = String::from("{");
    let mut fields: Vec<_> = kept.fields.iter().collect();
    fields.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in fields {
        sized(&mut out, key);
        of_value(value, &mut out);
    }
    out.push('}');
    out
}

fn of_value(value: &Value, out: &mut String) {
    match &value.kind {
        None | Some(ValueKind::NullValue(_)) => out.push('~'),
        Some(ValueKind::BoolValue(truth)) => out.push(if *truth { 't' } else { 'f' }),
        Some(ValueKind::NumberValue(number)) => sized(out, &canonical(&number.to_string(), false)),
        Some(ValueKind::StringValue(text)) => sized(out, &canonical(text, false)),
        Some(ValueKind::StructValue(inner)) => out.push_str(&of_struct(inner)),
        Some(ValueKind::ListValue(list)) => {
            out.push('[');
            list.values.iter().for_each(|item| of_value(item, out));
            out.push(']');
        }
    }
}

/// With its length in front, so that different values never write the same.
fn sized(out: &mut String, text: &str) {
    out.push_str(&text.len().to_string());
    out.push(':');
    out.push_str(text);
}

/// A text without its spelling: blanks around it, zeros behind a decimal, the case of a word.
pub(super) fn canonical(text: &str, is_word: bool) -> String {
    let text = text.trim();
    match decimal(text) {
        Some(decimal) => decimal,
        None if is_word => word(text),
        None => text.to_owned(),
    }
}

/// A word in upper case, with underscores for hyphens and blanks.
pub(super) fn word(text: &str) -> String {
    match words::normal(text, &mut [0; words::LONGEST]) {
        "" => text.to_uppercase(),
        word => word.to_owned(),
    }
}

/// A decimal number without zeros at its end. A zero in front of other digits marks an identifier, whose every digit counts.
fn decimal(text: &str) -> Option<String> {
    let starts_like_one = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.'));
    let plain = starts_like_one.then(|| spelling::decimal(text)).flatten()?;
    let whole = plain.strip_prefix('-').unwrap_or(&plain).split('.').next().unwrap_or_default();
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let short = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
    Some(if short == "-0" { "0".to_owned() } else { short.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{self, account::Details, transaction};

    fn sip_row(units: &str, word: &str) -> Vec<u8> {
        let sip = pb::SipTransaction { units: units.to_owned(), ..pb::SipTransaction::default() };
        let row = pb::Transaction {
            type_text: word.to_owned(),
            transaction_id: format!("txn_{units}"),
            details: Some(transaction::Details::Sip(sip)),
            ..pb::Transaction::default()
        };
        row.encode_to_vec()
    }

    #[test]
    fn spelling_is_no_value() {
        for (one, other) in
            [("100.00", "100.0"), ("100", "100.00"), ("1,00,000", "100000"), ("0.50", ".5"), ("-0.0", "0"), (" a ", "a")]
        {
            assert_eq!(canonical(one, false), canonical(other, false), "{one} {other}");
        }
        assert_eq!(of_row(&sip_row("1.50", "Buy-Back")), of_row(&sip_row("1.5", "BUY BACK")));
    }

    #[test]
    fn another_value_is_another_key() {
        for (one, other) in [("100.01", "100.0"), ("007", "7"), ("a", "A"), ("1,00", "100"), ("10", "1")] {
            assert_ne!(canonical(one, false), canonical(other, false), "{one} {other}");
        }
        assert_ne!(of_row(&sip_row("1.5", "BUY")), of_row(&sip_row("1.5", "SELL")));
    }

    #[test]
    fn flags_about_a_spelling_do_not_count_on_an_account() {
        let details = pb::SipDetails { folio_number: "1".to_owned(), ..pb::SipDetails::default() };
        let account = pb::Account { details: Some(Details::Sip(details)), ..pb::Account::default() };
        let flag = |code: QualityCode| QualityFlag { code: code.into(), ..QualityFlag::default() };
        let with = |code| pb::Account { quality_flags: vec![flag(code)], ..account.clone() };
        let key = |account: &pb::Account| of_account(&account.encode_to_vec());
        assert_eq!(key(&with(QualityCode::Normalised)), key(&account));
        assert_ne!(key(&with(QualityCode::Unparsable)), key(&account));
        assert_eq!(key(&pb::Account { fetch_id: "fch_2".to_owned(), ..account.clone() }), key(&account));
    }

    #[test]
    fn kept_keys_of_a_deposits_row_do_not_count() {
        let mut row = pb::Transaction { narration: "a".to_owned(), ..pb::Transaction::default() };
        let before = of_row(&row.encode_to_vec());
        let value = Value { kind: Some(ValueKind::BoolValue(true)) };
        row.extensions = Some(Struct { fields: [("k".to_owned(), value)].into() });
        assert_eq!(of_row(&row.encode_to_vec()), before);
    }
}
