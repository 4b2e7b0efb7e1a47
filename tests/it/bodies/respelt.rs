//! A whole answer written in another way (order of keys, blanks, escapes, numbers as texts) is the same answer: the same rows, and no change.

use proptest::prelude::*;
use prost::Message;
use sangam::{
    data::changes::{Side, compare},
    pb::{FetchDataResponse, View},
};
use serde_json::Value;

use super::{BODIES, Documented};

/// Numbers that decide how a value is written, one after another.
struct Choices(u64);

impl Choices {
    fn next(&mut self, below: usize) -> usize {
        // Knuth's generator: the same seed writes the same text.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn blanks(&mut self) -> &'static str {
        ["", "", " ", "\n", "\t ", "\r\n"][self.next(6)]
    }
}

/// Keys that hold an amount, in both providers' spellings.
fn is_amount(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("amount") || key.ends_with("balance") || key.ends_with("limit")
}

fn text(text: &str, choices: &mut Choices) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            _ if letter.is_ascii_alphanumeric() && choices.next(8) == 0 => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            '/' if choices.next(2) == 0 => out.push_str("\\/"),
            _ => out.push_str(Value::from(letter.to_string()).to_string().trim_matches('"')),
        }
    }
    // A quotation mark at either end is taken off above with those around it.
    if text.contains('"') { Value::from(text).to_string() } else { out + "\"" }
}

fn write(key: &str, value: &Value, choices: &mut Choices, out: &mut String) {
    out.push_str(choices.blanks());
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            for at in (1..fields.len()).rev() {
                fields.swap(at, choices.next(at + 1));
            }
            out.push('{');
            for (at, (key, inner)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&text(key, choices));
                out.push_str(choices.blanks());
                out.push(':');
                write(key, inner, choices, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(key, item, choices, out);
            }
            out.push(']');
        }
        Value::String(plain) => {
            let is_number = plain.parse::<f64>().is_ok() && !plain.starts_with(['.', '+']);
            let bare = plain.trim_start_matches('-');
            let json = is_number && (bare == "0" || bare.starts_with("0.") || !bare.starts_with('0')) && !plain.ends_with('.');
            match choices.next(3) {
                0 if is_amount(key) && json => out.push_str(plain),
                1 if !plain.is_empty() => out.push_str(&text(&format!(" {plain} "), choices)),
                _ => out.push_str(&text(plain, choices)),
            }
        }
        Value::Number(number) => match choices.next(2) {
            0 if is_amount(key) => out.push_str(&text(&number.to_string(), choices)),
            _ => out.push_str(&number.to_string()),
        },
        other => out.push_str(&other.to_string()),
    }
    out.push_str(choices.blanks());
}

fn assert_same(body: Documented, written: &str) {
    let (old, new) = (body.rows(body.body().to_string().as_bytes()).unwrap(), body.rows(written.as_bytes()).unwrap());
    // What stands in extensions stands there as it came.
    let page = |rows: &sangam::data::Rows| {
        let mut page = FetchDataResponse::decode(rows.bytes.clone()).unwrap();
        page.accounts.iter_mut().for_each(|account| account.extensions = None);
        page.transactions.iter_mut().for_each(|row| row.extensions = None);
        page
    };
    assert_eq!(page(&old), page(&new), "{}: {written}", body.file);
    let side = |rows| Side { rows, asked: (None, None) };
    assert_eq!(compare(side(&old), side(&new), View::Full).unwrap().rows.entries.len(), 0, "{}: {written}", body.file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn another_writing_of_an_answer_is_the_same_answer(seed in any::<u64>()) {
        for body in BODIES {
            let mut written = String::new();
            write("", &body.body(), &mut Choices(seed), &mut written);
            assert_same(body, &written);
        }
    }
}
