//! Tells an answer that says nothing from an answer that cannot be understood. The readers of [`super::lenient`] read a value of a wrong type as
//! absent, which is right for a detail and wrong for what decides a state: an absent list would read as an empty one.

use serde_json::value::RawValue;

use super::lenient::{Members, elements};

/// The rows of a list: those that can be read, and how many cannot.
pub struct Rows<'a> {
    /// The objects, in order.
    pub read: Vec<Members<'a>>,
    /// Elements that are no object, or an empty one.
    pub odd: usize,
}

/// The rows of a list. One object stands for a list of one, as some calls answer. None for every other value and for an empty object.
pub fn rows(raw: &RawValue) -> Option<Rows<'_>> {
    let text = raw.get();
    if !text.starts_with('[') && !is_filled_object(raw) {
        return None;
    }
    let all = elements(Some(raw));
    let read: Vec<Members<'_>> =
        all.iter().copied().filter(|row| is_filled_object(row)).map(|row| Members::within(Some(row))).collect();
    let odd = all.len() - read.len();
    Some(Rows { read, odd })
}

/// Whether a value is an object with a member.
pub fn is_filled_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{') && !is_hollow(raw)
}

/// Whether a value is an empty object or an empty list.
pub fn is_hollow(raw: &RawValue) -> bool {
    let text = raw.get();
    let inside = text.strip_prefix(['{', '[']).and_then(|rest| rest.strip_suffix(['}', ']']));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn is_scalar(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| matches!(first, '"' | '-') || first.is_ascii_digit())
}

impl Members<'_> {
    /// Whether one of `names` holds something that is neither a text nor a number nor null.
    pub fn has_odd_text(&self, names: &[&str]) -> bool {
        names.iter().filter_map(|name| self.raw(&[name])).any(|raw| !is_scalar(raw))
    }

    /// Whether one of `names` holds something that is neither a text nor null.
    pub fn has_odd_word(&self, names: &[&str]) -> bool {
        names.iter().filter_map(|name| self.raw(&[name])).any(|raw| !raw.get().starts_with('"'))
    }

    /// Whether one of `names` holds something that is neither an object nor null.
    pub fn has_odd_object(&self, names: &[&str]) -> bool {
        names.iter().filter_map(|name| self.raw(&[name])).any(|raw| !raw.get().starts_with('{'))
    }

    /// Whether one of `names` holds something that is neither a list of objects, nor one object, nor null.
    pub fn has_odd_rows(&self, names: &[&str]) -> bool {
        names.iter().filter_map(|name| self.raw(&[name])).any(|raw| rows(raw).is_none_or(|rows| rows.odd > 0))
    }

    /// Whether one of `names` holds something that is neither a list of texts nor null.
    pub fn has_odd_texts(&self, names: &[&str]) -> bool {
        let texts = |raw: &RawValue| raw.get().starts_with('[') && elements(Some(raw)).into_iter().all(is_scalar);
        names.iter().filter_map(|name| self.raw(&[name])).any(|raw| !texts(raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn only_lists_and_filled_objects_are_rows() {
        for (text, expected) in [
            ("[]", Some((0, 0))),
            (r#"[{"a":1},{"b":2}]"#, Some((2, 0))),
            (r#"[{"a":1},{ },7,null,"x",[{}]]"#, Some((1, 5))),
            (r#"{"a":1}"#, Some((1, 0))),
            ("{ }", None),
            ("\"surprise\"", None),
            ("7", None),
            ("true", None),
        ] {
            assert_eq!(rows(&raw(text)).map(|rows| (rows.read.len(), rows.odd)), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_type_is_odd_and_absence_is_not() {
        let members =
            Members::of(br#"{"text":"x","number":7,"null":null,"flag":true,"list":["a"],"rows":[{"a":1}],"object":{}}"#).unwrap();
        assert!(!members.has_odd_text(&["text", "number", "null", "none"]));
        assert!(members.has_odd_text(&["flag"]) && members.has_odd_text(&["list"]) && members.has_odd_text(&["object"]));
        assert!(!members.has_odd_word(&["text", "null", "none"]) && members.has_odd_word(&["number"]));
        assert!(!members.has_odd_object(&["object", "null", "none"]) && members.has_odd_object(&["text"]));
        assert!(!members.has_odd_rows(&["rows", "null"]) && members.has_odd_rows(&["list"]) && members.has_odd_rows(&["object"]));
        assert!(
            !members.has_odd_texts(&["list", "null"]) && members.has_odd_texts(&["rows"]) && members.has_odd_texts(&["text"])
        );
    }
}
