//! Every read call of every provider against answers that no document foresees. Whatever comes, the adapter returns a typed error or the right
//! answer: it ends nothing, and reports nothing as unknown or as not ready yet.
//!
//! A read call can be made from the adapter's `READS` only, and each of them must have a row in [`drive::TABLE`]; both are checked here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use super::{
    ALL,
    error::{Effect, ErrorKind},
    http::CallKind,
};

mod drive;
mod shapes;

use drive::{Op, Outcome, Row, TABLE};
use shapes::Odd;

/// Faults that say nothing of a customer: the answer, the provider's reach, or what an operator has set up.
const HARMLESS: [ErrorKind; 6] = [
    ErrorKind::ResponseInvalid,
    ErrorKind::Unavailable,
    ErrorKind::Configuration,
    ErrorKind::Credentials,
    ErrorKind::Refused,
    ErrorKind::Unsupported,
];

fn every_row(mut each: impl FnMut(&Row)) {
    for known in ALL {
        for read in known.reads {
            let rows: Vec<&Row> = TABLE.iter().filter(|row| (row.provider, row.stage) == (read.provider, read.stage)).collect();
            assert!(!rows.is_empty(), "{} {} has no row in the table", read.provider, read.stage);
            rows.into_iter().for_each(&mut each);
        }
    }
}

fn kind(row: &Row) -> CallKind {
    let read = ALL.iter().flat_map(|known| known.reads).find(|read| (read.provider, read.stage) == (row.provider, row.stage));
    read.unwrap().kind
}

/// Asserts the outcome of an answer of which nothing can be right.
fn assert_refused(row: &Row, odd: &Odd, allowed: &[ErrorKind]) {
    for op in row.ops {
        let label = format!("{} {} {op:?} {}: {}", row.provider, row.stage, row.setting, odd.name);
        match drive::run(row, *op, odd) {
            Outcome::Error(error) => {
                assert!(allowed.contains(&error.kind), "{label}: {error:?}");
                // Only a refusal shows that a call which is not sent again has brought nothing.
                let lost = kind(row) == CallKind::Write && !(400..500).contains(&odd.status);
                assert_eq!(error.effect != Effect::None, lost, "{label}");
            }
            // The call only adds to what others have said.
            Outcome::Facts { ended: None } if !row.decides => {}
            Outcome::Unknown if op.tells_terms() => {}
            other => panic!("{label}: {other:?}"),
        }
    }
}

#[test]
fn read_calls_are_made_from_the_table_only() {
    // Only the table can make such a call: what else makes requests is private to the executor, and a write is named so.
    for (path, source) in adapter_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers")) {
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        let of_executor = path.ends_with("http/read_call.rs") || path.ends_with("http/message.rs");
        let bypassed = !of_executor && ["ReadCall::listed(", "of_executor_test("].iter().any(|bypass| code.contains(bypass));
        assert!(!bypassed, "{}: list the call in `reads.rs`", path.display());
    }
    for row in TABLE {
        let known = ALL.iter().find(|known| known.id == row.provider).unwrap();
        assert!(known.reads.iter().any(|read| read.stage == row.stage), "{} is no read call", row.stage);
    }
}

fn adapter_sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(adapter_sources(&path));
        } else if !path.ends_with("odd_answers.rs") {
            all.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    all
}

#[test]
fn the_documented_answers_are_right_answers() {
    every_row(|row| {
        for op in row.ops {
            let outcome = drive::run(row, *op, &Odd::documented(row.good));
            let right = match &outcome {
                Outcome::Error(_) => false,
                Outcome::Facts { ended } => ended.is_none(),
                Outcome::Unknown => false,
                Outcome::Right => true,
            };
            assert!(right, "{} {} {op:?} {}: {outcome:?}", row.provider, row.stage, row.setting);
        }
    });
}

#[test]
fn nonsense_is_an_invalid_answer_in_every_call() {
    every_row(|row| {
        for odd in shapes::nonsense() {
            assert_refused(row, &odd, &[ErrorKind::ResponseInvalid]);
        }
        if row.provider == super::finpass::ID {
            for odd in shapes::finpass_nonsense() {
                assert_refused(row, &odd, &[ErrorKind::ResponseInvalid]);
            }
        }
    });
}

#[test]
fn a_gateways_page_is_never_an_unknown_consent() {
    every_row(|row| {
        for odd in shapes::gateways() {
            assert_refused(row, &odd, &HARMLESS);
        }
    });
}

#[test]
fn a_wrong_version_and_missing_headers_are_an_operators_matter() {
    every_row(|row| {
        if row.provider == super::finpro::ID && !row.file_host {
            for (odd, kind) in shapes::set_up_wrongly() {
                assert_refused(row, &odd, &[kind]);
            }
        }
    });
}

/// Asserts the outcome of an answer that is documented but for one place.
fn assert_harmless(row: &Row, odd: &Odd) {
    for op in row.ops {
        let label = || format!("{} {} {op:?} {}: {}", row.provider, row.stage, row.setting, odd.name);
        match drive::run(row, *op, odd) {
            Outcome::Error(error) => {
                let waits = odd.hollow && row.waits.contains(&error.kind);
                let worded = odd.worded && error.kind == ErrorKind::NotReady;
                assert!(waits || worded || HARMLESS.contains(&error.kind), "{}: {error:?}", label());
            }
            Outcome::Facts { ended: Some(end) } => panic!("{}: {end}", label()),
            // A number may stand for an id: the answer then names another one.
            // An empty list of rows is one way to say that there is nothing new.
            Outcome::Unknown if *op == Op::Latest && odd.name.ends_with("/data is []") => {}
            Outcome::Unknown if !op.tells_terms() && !odd.number => panic!("{}: reads as unknown", label()),
            Outcome::Facts { ended: None } | Outcome::Unknown | Outcome::Right => {}
        }
    }
}

#[test]
fn a_value_of_another_type_ends_nothing() {
    every_row(|row| shapes::other_types(row.good).iter().for_each(|odd| assert_harmless(row, odd)));
}

#[test]
fn odd_text_ends_nothing() {
    every_row(|row| shapes::odd_texts(row.good).iter().for_each(|odd| assert_harmless(row, odd)));
}
