//! A body of each FI type against a reviewed dump of what it becomes. `SANGAM_BLESS=1 cargo test` writes the dumps anew: read the
//! difference before it is committed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::{env, fs, path::PathBuf};

use jiff::Timestamp;
use prost::Message;

use crate::{
    data::{EntryKind, ReadContext, Rows, view},
    journey::model::Customer,
    pb::{Account, FetchDataResponse, FiType, Transaction, View},
    seal::KeyedHash,
};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/finpro")
}

fn read(body: &[u8]) -> Rows {
    let applicant = Customer { mobile: Some("9000000001".to_owned()), ..Customer::default() };
    let context = ReadContext {
        asked: Default::default(),
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &applicant,
        received_at: Timestamp::UNIX_EPOCH,
    };
    super::read("consent", body, &context).unwrap()
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
            for personal in ["Sample", "90000", "AAAPA", "example.com", "Test Road", "UCC00", "IN3000", "1990", "Struct"] {
                assert!(!text.contains(personal), "{name}: {personal} in {text}");
            }
        }
    }
}
