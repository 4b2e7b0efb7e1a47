//! A key that no document names is kept with its value, wherever in an answer it stands.

use prost::Message;
use sangam::{
    data::{
        Rows,
        changes::{Side, compare},
        view,
    },
    pb::{FetchDataResponse, View},
};
use serde_json::Value;

use super::BODIES;

/// Plants a key with a value of its own in every object; returns the values.
fn plant(value: &mut Value, planted: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, planted)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|inner| plant(inner, planted));
            let text = format!("planted-{:04}", planted.len());
            fields.insert("added_later".to_owned(), text.clone().into());
            let inner = format!("nested-{:04}", planted.len());
            fields.insert("addedObject".to_owned(), serde_json::json!({"a": [{"b": inner}]}));
            planted.extend([text, inner]);
        }
        _ => {}
    }
}

#[test]
fn an_unknown_key_at_any_level_of_an_account_is_kept() {
    for body in BODIES {
        let mut value = body.body();
        let mut planted = Vec::new();
        plant(value.pointer_mut(body.account).unwrap(), &mut planted);
        let page = body.page(value.to_string().as_bytes());
        let found = format!("{page:?}");
        for text in &planted {
            assert_eq!(found.matches(text.as_str()).count(), 1, "{}: {text} in {value:#}", body.file);
        }
        assert!(planted.len() >= 4, "{}", body.file);
    }
}

#[test]
fn an_unknown_key_of_a_row_stands_in_that_rows_extensions() {
    for body in BODIES {
        let mut value = body.body();
        value.pointer_mut(body.row).unwrap()["added_later"] = "SALARY".into();
        let page = body.page(value.to_string().as_bytes());
        let kept = page.transactions[0].extensions.as_ref().unwrap();
        assert!(kept.fields.contains_key("added_later"), "{}", body.file);
    }
}

#[test]
fn an_unknown_key_around_the_accounts_stands_on_the_first_one() {
    for body in BODIES {
        let mut value = body.body();
        let plain = body.rows(value.to_string().as_bytes()).unwrap();
        let mut planted = vec!["added_later".to_owned()];
        value["added_later"] = "planted-outside".into();
        value["message"] = serde_json::json!({"text": "planted-message"});
        if value["data"].is_object() {
            value["data"]["added_later"] = serde_json::json!(["planted-inside"]);
            planted.push("planted-inside".to_owned());
        }
        planted.extend(["planted-outside".to_owned(), "planted-message".to_owned()]);
        let page = body.page(value.to_string().as_bytes());
        let kept = format!("{:?}", page.accounts[0].answer_extensions);
        for text in &planted {
            assert!(kept.contains(text.as_str()), "{}: {text} in {kept}", body.file);
        }
        assert!(page.accounts.iter().skip(1).all(|account| account.answer_extensions.is_none()), "{}", body.file);
        // Nothing else moves: each row is where it was.
        let with = body.rows(value.to_string().as_bytes()).unwrap();
        assert_eq!(
            (with.accounts, with.transactions, with.entries.len()),
            (plain.accounts, plain.transactions, plain.entries.len())
        );
        let rows = |rows: &Rows| rows.entries.iter().skip(1).map(|entry| rows.message(*entry).to_vec()).collect::<Vec<_>>();
        assert_eq!(rows(&with), rows(&plain), "{}", body.file);
        for view in [View::Masked, View::Summary] {
            let shown: FetchDataResponse = Message::decode(view::apply(&with, view).bytes).unwrap();
            assert!(!format!("{shown:?}").contains("planted"), "{} {view:?}", body.file);
        }
        let side = |rows| Side { rows, asked: (None, None) };
        assert_eq!(compare(side(&plain), side(&with), View::Full).unwrap().rows.entries.len(), 0, "{}", body.file);
    }
}

#[test]
fn the_documented_keys_around_the_accounts_are_no_extension() {
    for body in BODIES {
        let page = body.page(body.body().to_string().as_bytes());
        assert_eq!(page.accounts[0].answer_extensions, None, "{}", body.file);
    }
}
