//! Bodies that no provider should send, through every parser of a provider's body: none falls over, and what cannot be used is a typed
//! error. What one may add, members and words nobody knows, is tolerated.

use std::{fs, path::Path};

use sangam::{
    data::{ReadContext, view},
    journey::model::Customer,
    pb::View,
    providers::{error::ProviderError, finpass, finpro},
    sandbox::fuzzing::{self, Mutator},
    seal::KeyedHash,
};
use serde_json::{Value, json};

/// The targets that read what a provider answered.
const READERS: [&str; 7] =
    ["finpro_data", "finpass_report", "finpass_statement", "finpro_answers", "finpass_answers", "webhooks", "json_struct"];

/// Deeper than any recursion survives.
const DEEP: usize = 100_000;

/// Each by itself, as a member of `data`, and in place of `{{here}}` in a body that is well otherwise.
const VALUES: &[&str] = &[
    "",
    " ",
    "\u{feff}{}",
    "nul",
    "tru",
    "nan",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1e400",
    "-1e400",
    "1e-400",
    "0e0",
    "-0",
    "0x10",
    "1_000",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.1234567890123456789",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"a\\u0000b\"",
    "\"a\u{0}b\"",
    "\"\t\"",
    "\"\n\"",
    "'a'",
    "\"a\" \"b\"",
    "[",
    "]",
    "[,]",
    "[1,]",
    "[1 2]",
    "[\"\",",
    "{",
    "}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{a:1}",
    "{\"a\":1,}",
    "{\"a\":1 \"b\":2}",
    "{1:1}",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{\"a\":1},\"a\":[1]}",
    "/* c */ {}",
    "// c\n{}",
    "#",
    "<x/>",
    "\u{2028}",
    "true false",
    "[null]",
    "{}{}",
    "[]\u{0}",
    "{\"constructor\":{\"prototype\":1},\"__proto__\":{}}",
];

fn frames() -> Vec<String> {
    let names =
        ["data", "status", "consents", "accounts", "account_aggregator_json", "Profile", "Transactions", "link", "message"];
    let mut frames = vec!["{{here}}".to_owned(), "[{{here}}]".to_owned(), "{\"data\":[{\"data\":{{here}}}]}".to_owned()];
    frames.extend(names.iter().map(|name| format!("{{\"{name}\":{{{{here}}}}}}")));
    frames.extend(names.iter().map(|name| format!("{{\"status\":\"success\",\"data\":{{\"{name}\":{{{{here}}}}}}}}")));
    frames
}

fn documented() -> Vec<Vec<u8>> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/documented")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Every byte of a body cut, in steps; every scalar of another type; NUL, bad UTF-8, and half a gzip inside.
fn broken(body: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..body.len()).step_by(body.len() / 20 + 1).map(|end| body[..end].to_vec()).collect();
    let good: Value = serde_json::from_slice(body).unwrap();
    for other in [json!(null), json!(7), json!(-1.5), json!(true), json!("\u{0}"), json!({}), json!([]), json!([[{"x": 1}]])] {
        all.push(twisted(&good, &other).to_string().into_bytes());
    }
    for bytes in [&b"\0"[..], b"\xff\xfe", b"\xc3\x28", b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xab"] {
        all.push([bytes, body].concat());
        all.push([body, bytes].concat());
        let middle = body.len() / 2;
        all.push([&body[..middle], bytes, &body[middle..]].concat());
    }
    all
}

fn twisted(value: &Value, other: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| twisted(item, other)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), twisted(value, other))).collect(),
        _ => other.clone(),
    }
}

fn deep() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (open, close) in [("[", "]"), ("{\"data\":", "}"), ("{\"data\":[", "]}"), ("{\"Transactions\":", "}")] {
        let (opened, closed) = (open.repeat(DEEP), close.repeat(DEEP));
        all.push(opened.clone().into_bytes());
        all.push(format!("{opened}1{closed}").into_bytes());
        all.push(format!("{{\"status\":\"success\",\"data\":{opened}1{closed}}}").into_bytes());
        all.push(format!("{{\"data\":{{\"account_aggregator_json\":[{opened}1{closed}]}}}}").into_bytes());
    }
    all
}

/// How many bodies: some by default, as many as `SANGAM_CASES` says otherwise.
fn wanted() -> usize {
    std::env::var("SANGAM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000)
}

#[test]
fn r23_malformed_bodies_are_typed_errors_or_tolerated() {
    let documented = documented();
    let mut bodies: Vec<Vec<u8>> = deep();
    bodies.extend(documented.iter().flat_map(|body| broken(body)));
    let frames = frames();
    bodies.extend(VALUES.iter().flat_map(|value| frames.iter().map(move |frame| frame.replace("{{here}}", value).into_bytes())));
    // Fewer than all: an even choice of them. More: mutations of what there is.
    let (count, step) = (bodies.len(), bodies.len().div_ceil(wanted()).max(1));
    let chosen: Vec<&[u8]> = bodies.iter().step_by(step).map(Vec::as_slice).collect();
    let mut tried = 0;
    for body in chosen {
        tried += tried_with(body);
    }
    for number in 0..wanted().saturating_sub(count) as u64 {
        let mut mutator = Mutator::new(number);
        let (body, other) = (&documented[mutator.below(documented.len())], &documented[mutator.below(documented.len())]);
        tried += tried_with(&mutator.mutate(body, other));
    }
    assert!(tried >= wanted().min(500), "only {tried} bodies");
}

fn tried_with(body: &[u8]) -> usize {
    for reader in READERS {
        let outcome = std::panic::catch_unwind(|| fuzzing::run(reader, body));
        assert!(outcome.is_ok(), "{reader} fell over {}", body[..body.len().min(2048)].escape_ascii());
    }
    1
}

type Read = fn(&[u8], &ReadContext<'_>) -> Result<sangam::data::Rows, ProviderError>;

const DATA: [(&str, Read); 4] = [
    ("finpro_data.json", |body, context| finpro::data::read("consent", body, context)),
    ("finpro_pdf_data.json", |body, context| finpro::data::read("orchestration", body, context)),
    ("finpass_report.json", |body, context| finpass::data::read("account_aggregator", body, context)),
    ("finpass_bsa_result.json", |body, context| finpass::data::read("aa_bsa", body, context)),
];

fn with_unknown_members(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(with_unknown_members).collect(),
        Value::Object(members) => {
            let unknown = [("addedLater", json!({"a": [1, {"b": null}]})), ("x-added_later", json!("1e400")), ("", json!([[]]))];
            let known = members.iter().map(|(name, value)| (name.clone(), with_unknown_members(value)));
            known.chain(unknown.map(|(name, value)| (name.to_owned(), value))).collect()
        }
        scalar => scalar.clone(),
    }
}

#[test]
fn r23_unknown_members_and_words_are_tolerated() {
    let (ids, applicant) = (KeyedHash::new(b"test"), Customer::default());
    let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
    let context = ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &ids,
        applicant: &applicant,
        received_at,
        asked: Default::default(),
    };
    for (file, read) in DATA {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/documented").join(file)).unwrap();
        let plain = read(text.as_bytes(), &context).unwrap();
        let more = with_unknown_members(&serde_json::from_str(&text).unwrap()).to_string();
        // What nobody foresaw is kept beside the fields, in the extensions that the masked view leaves out.
        let masked = |rows| view::apply(rows, View::Masked);
        let read_more = read(more.as_bytes(), &context).unwrap();
        assert_eq!(masked(&read_more), masked(&plain), "{file}: unknown members change what is read");
        let mut words = text.clone();
        for word in ["CREDIT", "DEBIT", "UPI", "SAVINGS", "SINGLE", "ACTIVE", "CASH", "credit", "saving", "savings"] {
            words = words.replace(&format!("\"{word}\""), "\"ADDED_LATER\"");
        }
        assert_ne!(words, text, "{file} has none of the words");
        let rows = read(words.as_bytes(), &context).unwrap();
        assert_eq!((rows.accounts, rows.transactions), (plain.accounts, plain.transactions), "{file}: unknown words lose rows");
    }
}
