//! Says of each text of a damaged body that it was repaired: which fields of a message hold U+FFFD is found by the contract's own
//! descriptor, so that no field can be forgotten. It runs for damaged bodies only.

use prost::Message;
use prost_types::{Struct, Value, value};

use super::wire::{self, Field};
use crate::{
    contract::{CONTRACT, Kind},
    pb::{self, QualityCode, QualityFlag},
};

/// Whether a text was repaired.
pub(super) fn is_repaired(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

/// Whether a key or a text of a Struct was repaired.
pub(super) fn struct_is_repaired(kept: &Struct) -> bool {
    kept.fields.iter().any(|(key, value)| is_repaired(key) || value_is_repaired(value))
}

fn value_is_repaired(value: &Value) -> bool {
    match &value.kind {
        Some(value::Kind::StringValue(text)) => is_repaired(text),
        Some(value::Kind::StructValue(inner)) => struct_is_repaired(inner),
        Some(value::Kind::ListValue(list)) => list.values.iter().any(value_is_repaired),
        _ => false,
    }
}

/// Flags the texts of an account.
pub(super) fn flag_account(account: &mut pb::Account) {
    let found = places("sangam.v1.Account", &account.encode_to_vec());
    account.quality_flags.extend(found.into_iter().map(flag));
}

/// Flags the texts of a row.
pub(super) fn flag_row(row: &mut pb::Transaction) {
    let found = places("sangam.v1.Transaction", &row.encode_to_vec());
    row.quality_flags.extend(found.into_iter().map(flag));
}

fn flag(field_path: String) -> QualityFlag {
    QualityFlag { field_path, code: QualityCode::TextRepaired.into(), source_text: String::new() }
}

/// The paths of the repaired texts of an encoded message, each once.
fn places(message: &str, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(place) = CONTRACT.place(message) {
        walk(place, bytes, "", &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn walk(place: usize, bytes: &[u8], path: &str, found: &mut Vec<String>) {
    let fields = CONTRACT.fields(place);
    let mut counts = vec![0_usize; fields.len()];
    for (number, value) in wire::fields(bytes) {
        let Some((at, field)) = fields.iter().enumerate().find(|(_, field)| field.number == number) else { continue };
        let Field::Bytes(value) = value else { continue };
        let ordinal = counts.get_mut(at).map_or(0, |count| {
            *count += 1;
            *count - 1
        });
        match field.kind {
            Kind::Text if std::str::from_utf8(value).is_ok_and(is_repaired) => found.push(below(path, &field.name)),
            Kind::Message(inner) => message(inner, value, path, &named(field, path, ordinal), found),
            _ => {}
        }
    }
}

fn message(place: usize, bytes: &[u8], outer: &str, path: &str, found: &mut Vec<String>) {
    match CONTRACT.messages.get(place).map(|message| message.name.as_str()) {
        // Keys of a provider's own: they have no path in the contract.
        Some("google.protobuf.Struct") if struct_is_repaired(&Struct::decode(bytes).unwrap_or_default()) => {
            found.push(path.to_owned());
        }
        // What a flag quotes is the text of another field.
        Some("sangam.v1.QualityFlag") => {
            let flag = QualityFlag::decode(bytes).unwrap_or_default();
            if is_repaired(&flag.source_text) {
                found.push(below(outer, &flag.field_path));
            }
        }
        Some("google.protobuf.Struct" | "google.protobuf.Value") | None => {}
        Some(_) => walk(place, bytes, path, found),
    }
}

/// The path of a message in the words of flags: the summary of a deposit is `summary`, the details of any other account `details`, and those
/// of a row have no name.
fn named(field: &crate::contract::Field, path: &str, ordinal: usize) -> String {
    match field.name.as_str() {
        "deposit" | "term_deposit" if path.is_empty() => "summary".to_owned(),
        _ if field.in_oneof && path.is_empty() && is_of_account(field) => "details".to_owned(),
        _ if field.in_oneof && path.is_empty() => String::new(),
        name if field.repeated => format!("{}[{ordinal}]", below(path, name)),
        name => below(path, name),
    }
}

/// Whether a field of details belongs to accounts and not to rows: those of accounts have messages of their own.
fn is_of_account(field: &crate::contract::Field) -> bool {
    let fields = CONTRACT.place("sangam.v1.Account").map(|place| CONTRACT.fields(place)).unwrap_or_default();
    fields.iter().any(|other| other.name == field.name && other.kind == field.kind)
}

fn below(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{DepositSummary, EquityDetails, EquityHolding, Holder, account::Details, transaction};

    fn paths(flags: &[QualityFlag]) -> Vec<&str> {
        flags.iter().filter(|flag| flag.code() == QualityCode::TextRepaired).map(|flag| flag.field_path.as_str()).collect()
    }

    #[test]
    fn every_repaired_text_of_an_account_is_named() {
        let deposit = DepositSummary { branch: "a\u{fffd}".to_owned(), ..DepositSummary::default() };
        let mut account = pb::Account {
            fip_name: "\u{fffd}".to_owned(),
            holders: vec![Holder::default(), Holder { name: "x\u{fffd}".to_owned(), pan: "x".to_owned(), ..Holder::default() }],
            details: Some(Details::Deposit(deposit)),
            quality_flags: vec![QualityFlag {
                field_path: "summary.kind".to_owned(),
                code: QualityCode::UnknownWord.into(),
                source_text: "\u{fffd}".to_owned(),
            }],
            ..pb::Account::default()
        };
        flag_account(&mut account);
        assert_eq!(paths(&account.quality_flags), ["fip_name", "holders[1].name", "summary.branch", "summary.kind"]);
    }

    #[test]
    fn details_have_the_paths_of_other_flags() {
        let holding = EquityHolding { issuer_name: "\u{fffd}".to_owned(), ..EquityHolding::default() };
        let details = EquityDetails { holdings: vec![holding], ..EquityDetails::default() };
        let mut account = pb::Account { details: Some(Details::Equity(details)), ..pb::Account::default() };
        flag_account(&mut account);
        assert_eq!(paths(&account.quality_flags), ["details.holdings[0].issuer_name"]);
        let equity = pb::EquityTransaction { symbol: "\u{fffd}".to_owned(), ..pb::EquityTransaction::default() };
        let mut row = pb::Transaction { details: Some(transaction::Details::Equity(equity)), ..pb::Transaction::default() };
        flag_row(&mut row);
        assert_eq!(paths(&row.quality_flags), ["symbol"]);
    }
}
