#![allow(clippy::unwrap_used)]
use super::*;

const MONEY: &str = "sangam.v1.Money";
const STRUCT: &str = "google.protobuf.Struct";
const DATE: &str = "sangam.v1.Date";

fn ours() -> impl Iterator<Item = (&'static Message, &'static Field)> {
    let messages = CONTRACT.messages.iter().filter(|message| message.name.starts_with("sangam.v1."));
    messages.flat_map(|message| message.fields.iter().map(move |field| (message, field)))
}

fn is(field: &Field, name: &str) -> bool {
    matches!(field.kind, Kind::Message(place) if CONTRACT.messages[place].name == name)
}

#[test]
fn every_field_that_can_tell_something_has_a_class() {
    let tells = |field: &Field| match field.kind {
        Kind::Text | Kind::Bytes => true,
        Kind::Message(_) => is(field, MONEY) || is(field, STRUCT) || is(field, DATE) && field.name.contains("birth"),
        Kind::Number => false,
    };
    let undecided: Vec<String> = ours()
        .filter(|(_, field)| tells(field) && field.class == FieldClass::Unspecified)
        .map(|(message, field)| format!("{}.{}", message.name, field.name))
        .collect();
    assert_eq!(undecided, [""; 0], "no (field_class)");
    assert!(ours().filter(|(_, field)| tells(field)).count() > 600, "the descriptor is not what it was");
}

#[test]
fn a_field_that_is_named_like_something_personal_is_not_called_impersonal() {
    let personal = [
        "mobile",
        "pan",
        "email",
        "vua",
        "phone",
        "landline",
        "birth",
        "address",
        "holder",
        "nominee",
        "narration",
        "reference",
        "folio",
        "number",
        "gstin",
        "demat",
        "client",
        "url",
        "token",
    ];
    // Where a branch of a bank is, and a class of shares.
    let not = [
        "sangam.v1.PpfAccount.branch_address",
        "sangam.v1.EquityTransaction.share_holder_equity_type",
        "sangam.v1.DepositoryReceiptTransaction.share_holder_equity_type",
    ];
    let called: Vec<String> = ours()
        .filter(|(_, field)| field.class == FieldClass::Impersonal && field.name.split('_').any(|word| personal.contains(&word)))
        .map(|(message, field)| format!("{}.{}", message.name, field.name))
        .filter(|name| !not.contains(&name.as_str()))
        .collect();
    assert_eq!(called, [""; 0]);
}

#[test]
fn a_class_stands_on_what_it_is_made_for() {
    for (message, field) in ours() {
        let named = format!("{}.{}", message.name, field.name);
        match field.class {
            FieldClass::Amount => assert!(is(field, MONEY) || field.kind == Kind::Text, "{named}"),
            FieldClass::Anything => assert!(is(field, STRUCT) || field.kind == Kind::Bytes, "{named}"),
            // A birthday of which a part is hidden is no date.
            FieldClass::DateOfBirth => assert!(is(field, DATE) || field.kind == Kind::Text, "{named}"),
            FieldClass::Unspecified => assert!(!is(field, STRUCT) && field.kind != Kind::Text, "{named}"),
            FieldClass::Impersonal => assert!(matches!(field.kind, Kind::Text | Kind::Bytes), "{named}"),
            FieldClass::Quoted => assert!(message.fields.iter().any(|beside| beside.name == "field_path"), "{named}"),
            // The others name a text, of which a part may stay.
            _ => assert_eq!(field.kind, Kind::Text, "{named}"),
        }
    }
}

#[test]
fn every_method_names_a_scope_that_the_contract_documents() {
    let said = include_str!("../../proto/sangam/v1/options.proto");
    assert!(CONTRACT.methods.len() > 9, "the descriptor is not what it was");
    for method in &CONTRACT.methods {
        let scope = &method.required_scope;
        let parts: Vec<&str> = scope.split('.').collect();
        assert!(matches!(parts[..], [of, what] if !of.is_empty() && !what.is_empty()), "{}: {scope:?}", method.path);
        assert!(said.contains(&format!("\"{scope}\"")), "{}: options.proto does not name {scope}", method.path);
    }
}
