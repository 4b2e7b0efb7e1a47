//! A provider's JSON as a `google.protobuf.Struct`. A number that a double does not hold exactly becomes a string, so no digit is lost.

use prost_types::Struct;
use serde_json::value::RawValue;

use crate::data::json::Node;

/// The document as a Struct; `None` if it is larger than `max_bytes`, nests too deep, or is no JSON object.
pub(super) fn to_struct(document: &[u8], max_bytes: usize) -> Option<Struct> {
    if document.len() > max_bytes {
        return None;
    }
    let raw: &RawValue = serde_json::from_slice(document).ok()?;
    match Node::parse(raw.get())? {
        Node::Object(object) => Some(object.into_struct()).filter(|object| prost::Message::encoded_len(object) <= max_bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_too_deep_is_left_out() {
        assert!(to_struct(b"{\"a\":1}", 30).is_some());
        assert!(to_struct(b"{\"a\":1}", 3).is_none());
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert!(to_struct(deep.as_bytes(), 1_000_000).is_none());
        let abyss = "{\"a\":[".repeat(200_000);
        assert!(to_struct(abyss.as_bytes(), 10_000_000).is_none());
        assert!(to_struct(b"[1]", 100).is_none());
        assert!(to_struct(b"nonsense", 100).is_none());
    }
}
