//! A known key whose value has another shape than it should have: what stands there is found again in FULL.

use serde_json::{Value, json};

use super::{BODIES, Documented};

/// Paths to all values below one.
fn places(value: &Value, path: &str, scalars: &mut Vec<String>, containers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            containers.push(path.to_owned());
            fields.iter().for_each(|(key, inner)| places(inner, &format!("{path}/{key}"), scalars, containers));
        }
        Value::Array(items) => {
            containers.push(path.to_owned());
            items.iter().enumerate().for_each(|(at, inner)| places(inner, &format!("{path}/{at}"), scalars, containers));
        }
        _ => scalars.push(path.to_owned()),
    }
}

/// Keys whose value may be the whole account number, so that no view quotes it.
fn is_account_number(place: &str) -> bool {
    ["maskedAccountNumber", "linkReferenceNumber", "account_id", "masked_account_number", "account_number"]
        .iter()
        .any(|key| place.ends_with(&format!("/{key}")))
}

fn found(body: Documented, place: &str, value: Value) -> String {
    let mut changed = body.body();
    *changed.pointer_mut(place).unwrap() = value;
    format!("{:?}", body.page(changed.to_string().as_bytes()))
}

#[test]
fn a_list_or_an_object_in_place_of_a_scalar_is_kept() {
    let mut tried = 0;
    for body in BODIES {
        let whole = body.body();
        let (mut scalars, mut containers) = (Vec::new(), Vec::new());
        places(whole.pointer(body.account).unwrap(), body.account, &mut scalars, &mut containers);
        for place in scalars.iter().filter(|place| !is_account_number(place)) {
            for value in [json!({"a": "planted-1"}), json!([2, "planted-1"]), json!([{"b": 1.5, "c": "planted-1"}])] {
                let text = found(body, place, value.clone());
                assert!(text.contains("planted-1"), "{} {place} {value}", body.file);
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn a_scalar_in_place_of_a_section_is_kept() {
    for body in BODIES {
        let whole = body.body();
        let (mut scalars, mut containers) = (Vec::new(), Vec::new());
        places(whole.pointer(body.account).unwrap(), body.account, &mut scalars, &mut containers);
        // An account that is no object is none.
        for place in containers.iter().filter(|place| *place != body.account) {
            for (value, shown) in [(json!("planted-1"), "planted-1"), (json!(771.25), "771.25"), (json!(77125), "77125")] {
                assert!(found(body, place, value.clone()).contains(shown), "{} {place} {value}", body.file);
            }
        }
    }
}

#[test]
fn an_account_number_of_the_wrong_shape_is_quoted_in_no_view() {
    for (body, place) in [
        (BODIES[0], "/data/0/maskedAccountNumber"),
        (BODIES[2], "/data/account_aggregator_json/0/masked_account_number"),
        (BODIES[3], "/data/accounts/0/account_number"),
    ] {
        let text = found(body, place, json!({"number": "00000090001234"}));
        assert!(text.contains("masked_number") && !text.contains("9000123"), "{}: {text}", body.file);
    }
}
