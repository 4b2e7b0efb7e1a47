//! A provider's JSON as a `google.protobuf.Struct`. A number that a double does not hold exactly becomes a string, so no digit is lost.

use std::collections::BTreeMap;

use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::value::RawValue;

/// Struct nests; a document that nests deeper than this is left out rather than overflow a client's parser.
const MAX_DEPTH: u32 = 64;

/// The document as a Struct; `None` if it is larger than `max_bytes`, nests too deep, or is no JSON object.
pub(crate) fn to_struct(document: &[u8], max_bytes: usize) -> Option<Struct> {
    if document.len() > max_bytes {
        return None;
    }
    let raw: &RawValue = serde_json::from_slice(document).ok()?;
    match value(raw, MAX_DEPTH)?.kind? {
        Kind::StructValue(object) if prost::Message::encoded_len(&object) <= max_bytes => Some(object),
        _ => None,
    }
}

fn value(raw: &RawValue, depth: u32) -> Option<Value> {
    let text = raw.get();
    let depth = depth.checked_sub(1)?;
    let kind = match text.as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let fields: Option<_> = members.into_iter().map(|(name, raw)| Some((name, value(raw, depth)?))).collect();
            Kind::StructValue(Struct { fields: fields? })
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let values: Option<_> = items.into_iter().map(|raw| value(raw, depth)).collect();
            Kind::ListValue(ListValue { values: values? })
        }
        b'"' => Kind::StringValue(serde_json::from_str(text).ok()?),
        b't' => Kind::BoolValue(true),
        b'f' => Kind::BoolValue(false),
        b'n' => Kind::NullValue(0),
        _ => number(text),
    };
    Some(Value { kind: Some(kind) })
}

/// A number whose shortest writing is the text itself is exact; any other keeps its text.
fn number(text: &str) -> Kind {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && writes_as(number, text) => Kind::NumberValue(number),
        _ => Kind::StringValue(text.to_owned()),
    }
}

fn writes_as(number: f64, text: &str) -> bool {
    let plain = match text.split_once('.') {
        // 1.50 and 1.5 are one number.
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text.to_owned(),
    };
    number.to_string() == plain && number.abs() <= 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        let document = format!("{{\"x\":{text}}}");
        let fields = to_struct(document.as_bytes(), 1_000_000).unwrap().fields;
        fields["x"].kind.clone().unwrap()
    }

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(kind("1000.5"), Kind::NumberValue(1000.5));
        assert_eq!(kind("21000.50"), Kind::NumberValue(21000.5));
        assert_eq!(kind("0"), Kind::NumberValue(0.0));
        assert_eq!(kind("-3"), Kind::NumberValue(-3.0));
        for text in ["12345678901234567890", "0.1000000000000000055511151231257827", "1e400", "9007199254740993"] {
            assert_eq!(kind(text), Kind::StringValue(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_left_out() {
        assert!(to_struct(b"{\"a\":1}", 3).is_none());
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert!(to_struct(deep.as_bytes(), 1_000_000).is_none());
        let abyss = "{\"a\":[".repeat(200_000);
        assert!(to_struct(abyss.as_bytes(), 10_000_000).is_none());
        assert!(to_struct(b"[1]", 100).is_none());
        assert!(to_struct(b"nonsense", 100).is_none());
    }
}
