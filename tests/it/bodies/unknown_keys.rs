//! A key that no document names is kept with its value, wherever below an account it stands.

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
