//! Words by which banks say that there is nothing are no amounts, no identifiers, no names and no answers, wherever they stand.

use std::collections::BTreeSet;

use sangam::pb::{FetchDataResponse, QualityCode};
use serde_json::Value;

use super::{BODIES, file, flagged};

const WORDS: [&str; 8] = ["-", "NIL", "nil", " - ", "N/A", "NONE", "Not Available", "n.a."];

#[test]
fn a_word_for_nothing_is_no_amount_and_no_noise() {
    for body in BODIES {
        for word in WORDS {
            for key in [0, 1] {
                let page = body.page(&body.with(key, &Value::from(word).to_string()));
                let row = &page.transactions[0];
                let read = if key == 0 { &row.amount } else { &row.balance };
                assert_eq!((read, flagged(&row.quality_flags, QualityCode::Unparsable)), (&None, vec![]), "{} {word}", body.file);
            }
        }
    }
}

#[test]
fn rows_that_share_a_word_for_no_id_share_no_id() {
    for body in BODIES {
        for word in WORDS.into_iter().chain(["0", "000"]) {
            let mut value = body.body();
            let list = body.row.strip_suffix("/0").unwrap();
            let rows = value.pointer_mut(list).unwrap().as_array_mut().unwrap();
            rows[0][body.keys[3]] = word.into();
            let mut second = rows[0].clone();
            second[body.keys[2]] = "another".into();
            rows.push(second);
            let page = body.page(value.to_string().as_bytes());
            for row in &page.transactions {
                assert_eq!(flagged(&row.quality_flags, QualityCode::DuplicateId), [""; 0], "{} {word}", body.file);
            }
            assert_eq!(page.transactions[0].bank_transaction_id, "", "{} {word}", body.file);
            assert_eq!(page.accounts[0].completeness.as_ref().unwrap().duplicate_ids, 0, "{} {word}", body.file);
        }
    }
}

#[test]
fn a_word_for_no_link_reference_names_no_account() {
    for (body, link, number) in [
        (BODIES[0], "linkReferenceNumber", "maskedAccountNumber"),
        (BODIES[2], "account_id", "masked_account_number"),
        (BODIES[3], "account_id", "account_number"),
    ] {
        let ids = |change: fn(&mut Value, &str)| {
            let mut value = body.body();
            let list = body.account.strip_suffix("/0").unwrap();
            let accounts = value.pointer_mut(list).unwrap().as_array_mut().unwrap();
            accounts.truncate(1);
            accounts[0][number] = "XXXXXX1111".into();
            accounts.push(accounts[0].clone());
            accounts[1][number] = "XXXXXX2222".into();
            accounts.iter_mut().for_each(|account| change(account, link));
            let page = body.page(value.to_string().as_bytes());
            page.accounts.into_iter().map(|account| account.account_id).collect::<Vec<_>>()
        };
        let without = ids(|account, link| drop(account.as_object_mut().unwrap().remove(link)));
        assert_ne!(without[0], without[1]);
        assert_eq!(ids(|account, link| account[link] = "-".into()), without, "{}", body.file);
        assert_eq!(ids(|account, link| account[link] = 0.into()), without, "{}", body.file);
        assert_eq!(ids(|account, link| account[link] = "Not Available".into()), without, "{}", body.file);
    }
}

#[test]
fn a_word_for_nothing_is_nothing_of_a_person() {
    for (body, holder) in
        [(BODIES[0], "/data/0/Profile/Holders/Holder/0"), (BODIES[2], "/data/account_aggregator_json/0/profile_details")]
    {
        for word in WORDS.into_iter().chain(["UNREGISTERED", "0"]) {
            let mut value = body.body();
            for (key, field) in value.pointer_mut(holder).unwrap().as_object_mut().unwrap() {
                if !matches!(key.as_str(), "type") {
                    *field = word.into();
                }
            }
            let page = body.page(value.to_string().as_bytes());
            let found = &page.accounts[0].holders[0];
            let texts = [&found.name, &found.mobile, &found.landline, &found.email, &found.address, &found.pan];
            assert_eq!(texts, [""; 6], "{} {word}", body.file);
            assert_eq!((found.date_of_birth, found.date_of_birth_text.as_str(), found.nominee_name.as_str()), (None, "", ""));
            let flags = page.accounts[0].quality_flags.iter().filter(|flag| flag.field_path.starts_with("holders"));
            assert_eq!(flags.count(), 0, "{} {word}", body.file);
        }
    }
}

#[test]
fn a_hidden_part_is_flagged_in_every_field_of_a_person() {
    for (body, holder, keys) in [
        (BODIES[0], "/data/0/Profile/Holders/Holder/0", ["dob", "pan", "email", "mobile"]),
        (BODIES[2], "/data/account_aggregator_json/0/profile_details", ["dob", "pan", "email", "mobile"]),
    ] {
        for (key, path, text) in [
            (keys[0], "date_of_birth", "XXXX-01-19"),
            (keys[0], "date_of_birth", "19-01-XXXX"),
            (keys[1], "pan", "XXXXX1234X"),
            (keys[1], "pan", "AAAPA****A"),
            (keys[2], "email", "a***@example.com"),
            (keys[2], "email", "XXXX@example.com"),
            (keys[3], "mobile", "90000XXXXX"),
            (keys[3], "mobile", "XXXXXX0001"),
        ] {
            let mut value = body.body();
            value.pointer_mut(holder).unwrap()[key] = text.into();
            let page = body.page(value.to_string().as_bytes());
            let wanted = format!("holders[0].{path}");
            assert_eq!(flagged(&page.accounts[0].quality_flags, QualityCode::Masked), [wanted], "{} {text}", body.file);
            assert!(format!("{:?}", page.accounts[0].holders[0]).contains(&format!("\"{text}\"")), "{} {text}", body.file);
        }
    }
}

/// Replaces each scalar below a value.
fn replace_all(value: &mut Value, with: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace_all(item, with)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace_all(field, with)),
        other => *other = with.into(),
    }
}

/// The fields of a debug text that hold `word`, by name.
fn holding(text: &str, word: &str) -> BTreeSet<String> {
    let quoted = format!(": \"{word}\"");
    let ends = text.match_indices(&quoted).map(|(at, _)| &text[..at]);
    ends.map(|before| before.rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap().to_owned())
        .collect()
}

/// Free texts may say such a word and mean it.
const FREE: [&str; 14] = [
    "narration",
    "description",
    "isin_description",
    "policy_description",
    "product_description",
    "transaction_description",
    "fixed_income_portfolio",
    "valuation_methodology",
    "holding_period",
    "maturity_benefit",
    "title",
    "sub_limit",
    "conditions",
    "exclusions",
];

#[test]
fn a_word_for_nothing_fills_no_field_of_any_kind_of_account() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/finpro");
    let (mut kinds, mut faults) = (0, Vec::new());
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // An account of an unknown kind is kept as it came.
        if !name.ends_with(".json") || name == "other.json" {
            continue;
        }
        kinds += 1;
        for word in ["NOT AVAILABLE", "NIL", "none"] {
            let mut value: Value = serde_json::from_str(&file(&format!("fixtures/finpro/{name}"))).unwrap();
            for account in value["data"].as_array_mut().unwrap() {
                for section in ["Profile", "Summary", "Transactions", "responses"] {
                    if let Some(section) = account.get_mut(section) {
                        replace_all(section, word);
                    }
                }
            }
            let mut page: FetchDataResponse = BODIES[0].page(value.to_string().as_bytes());
            page.accounts.iter_mut().for_each(|account| account.completeness = None);
            let flags = page.accounts.iter().flat_map(|account| &account.quality_flags);
            for flag in flags.chain(page.transactions.iter().flat_map(|row| &row.quality_flags)) {
                let expected =
                    matches!(flag.code(), QualityCode::Assumed | QualityCode::SectionMissing | QualityCode::DuplicateRow)
                        || matches!(flag.field_path.as_str(), "" | "masked_number");
                assert!(expected, "{name} {word}: {flag:?}");
            }
            let text = format!("{page:?}");
            assert!(!text.contains("minor_units") && !text.contains("year:"), "{name} {word}: {text}");
            let filled: Vec<String> = holding(&text, word).into_iter().filter(|field| !FREE.contains(&field.as_str())).collect();
            faults.extend(filled.into_iter().map(|field| format!("{name} {word}: {field}")));
        }
    }
    assert!(kinds > 25, "{kinds}");
    assert_eq!(faults, [""; 0]);
}
