//! A body of each FI type against a reviewed dump of what it becomes. `SANGAM_BLESS=1 cargo test` writes the dumps anew: read the
//! difference before it is committed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::{collections::BTreeSet, env, fs, path::PathBuf};

use proptest::prelude::*;
use prost::Message;
use serde_json::Value;

use crate::{
    data::{EntryKind, ReadContext, Rows, view},
    journey::model::Customer,
    pb::{Account, FetchDataResponse, FiType, Transaction, View},
    providers::error::ProviderError,
    seal::KeyedHash,
};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/finpro")
}

fn read(body: &[u8]) -> Rows {
    try_read(body).unwrap()
}

fn try_read(body: &[u8]) -> Result<Rows, ProviderError> {
    let applicant = Customer { mobile: Some("9000000001".into()), ..Customer::default() };
    let context = ReadContext {
        asked: Default::default(),
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &applicant,
        received_at: "2027-01-01T00:00:00Z".parse().unwrap(),
    };
    super::read("consent", body, &context)
}

fn page(rows: &Rows) -> FetchDataResponse {
    FetchDataResponse::decode(rows.bytes.clone()).unwrap()
}

/// The debug form without what is unset, one line a value.
fn dump(rows: &Rows) -> String {
    let page = page(rows);
    let text = format!("{:#?}\n{:#?}\n", page.accounts, page.transactions);
    let unset = |line: &str| {
        let value = line.split_once(": ").map_or("", |(_, value)| value);
        matches!(value, "None," | "\"\"," | "0," | "[],")
    };
    text.lines().filter(|line| !unset(line)).flat_map(|line| [line, "\n"]).collect()
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn every_fixture_becomes_its_reviewed_dump() {
    let bless = env::var_os("SANGAM_BLESS").is_some();
    for (name, body) in fixtures() {
        let path = directory().join(format!("{name}.txt"));
        let found = dump(&read(&body));
        if bless {
            fs::write(&path, &found).unwrap();
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == reviewed, "{name} differs from its dump; run with SANGAM_BLESS=1 and review:\n{found}");
    }
}

#[test]
fn the_kind_of_a_fixture_is_typed_and_every_message_is_whole() {
    for (name, body) in fixtures() {
        let rows = read(&body);
        for entry in &rows.entries {
            let message = rows.message(*entry);
            match entry.kind {
                EntryKind::Account => assert_eq!(Account::decode(message).unwrap().encode_to_vec(), message, "{name}"),
                EntryKind::Transaction => assert_eq!(Transaction::decode(message).unwrap().encode_to_vec(), message, "{name}"),
            }
        }
        let typed = page(&rows).accounts.iter().all(|account| account.fi_type() == FiType::Other || account.details.is_some());
        assert!(typed, "{name}");
    }
}

#[test]
fn a_masked_view_shows_nothing_personal_of_any_kind() {
    for (name, body) in fixtures() {
        let rows = read(&body);
        for view in [View::Masked, View::Summary] {
            let text = format!("{:?}", page(&view::apply(&rows, view)));
            // What is personal in every fixture begins or ends like this.
            for personal in
                ["Sample", "900001", "90000000", "AAAPA", "example.com", "Test Road", "UCC00", "IN300000000", "1990", "Struct"]
            {
                assert!(!text.contains(personal), "{name}: {personal} in {text}");
            }
        }
    }
}

/// Writes the same over every value but the kind of an account.
fn write_over(value: &mut Value, with: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| write_over(item, with)),
        Value::Object(fields) => {
            fields.iter_mut().filter(|(key, _)| *key != "fiType").for_each(|(_, field)| write_over(field, with))
        }
        other => *other = Value::String(with.to_owned()),
    }
}

#[test]
fn what_a_flag_quotes_stays_in_every_view_since_its_path_names_a_field_that_does() {
    let deposits = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/documented/finpro_data.json");
    let mut quoted = BTreeSet::new();
    for (name, body) in fixtures().into_iter().chain([("deposits".to_owned(), fs::read(deposits).unwrap())]) {
        for with in ["ODD", "1.234", "0.1234567"] {
            let mut body: Value = serde_json::from_slice(&body).unwrap();
            write_over(&mut body["data"], with);
            let rows = read(body.to_string().as_bytes());
            let (full, masked) = (page(&rows), page(&view::apply(&rows, View::Masked)));
            for (full, masked) in full.accounts.iter().zip(&masked.accounts) {
                assert_eq!(full.quality_flags, masked.quality_flags, "{name}");
            }
            for (full, masked) in full.transactions.iter().zip(&masked.transactions) {
                assert_eq!(full.quality_flags, masked.quality_flags, "{name}");
            }
            let flags = full.accounts.into_iter().flat_map(|account| account.quality_flags);
            let flags = flags.chain(full.transactions.into_iter().flat_map(|row| row.quality_flags));
            quoted.extend(flags.filter(|flag| !flag.source_text.is_empty()).map(|flag| flag.field_path));
        }
    }
    assert!(quoted.len() > 150, "{}: {quoted:?}", quoted.len());
}

/// Adds a key that nobody foresaw to every object; answers how many.
fn add_everywhere(value: &mut Value) -> usize {
    match value {
        Value::Array(items) => items.iter_mut().map(add_everywhere).sum(),
        Value::Object(fields) => {
            let inside: usize = fields.values_mut().map(add_everywhere).sum();
            fields.insert("newField".to_owned(), Value::String("newValue".to_owned()));
            inside + 1
        }
        _ => 0,
    }
}

#[test]
fn a_key_that_nobody_foresaw_is_kept_wherever_it_stands() {
    for (name, body) in fixtures() {
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        let added = add_everywhere(&mut body["data"]);
        let found = dump(&read(body.to_string().as_bytes()));
        assert_eq!(found.matches("newValue").count(), added, "{name}: {found}");
    }
}

proptest! {
    #[test]
    fn any_damage_to_a_body_of_any_kind_is_read_or_refused_without_a_panic(
        which in 0_usize..1000, at in 0_usize..10_000, byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut fixtures = fixtures();
        let which = which % fixtures.len();
        let (_, mut body) = fixtures.swap_remove(which);
        let at = at % body.len();
        if cut { body.truncate(at); } else { body[at] = byte; }
        if let Ok(rows) = try_read(&body) {
            FetchDataResponse::decode(rows.bytes.clone()).unwrap();
        }
    }
}
