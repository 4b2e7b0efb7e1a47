//! One JSON value where a provider writes a string, a number or a boolean for the same thing, borrowed from the body where possible.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::{json_text::JsonText, repair::MARK};

/// A scalar as it came.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Scalar<'a> {
    /// No key, or null.
    #[default]
    Missing,
    /// A string without escapes, inside the body; or the digits of a number that a double may not hold.
    Text(&'a str),
    /// A string with escapes.
    Owned(Box<str>),
    /// A whole number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A list or an object where a scalar belongs, as JSON text, so that a flag can quote it.
    Wrong(Box<str>),
}

impl<'a> Scalar<'a> {
    /// Whether nothing was told: no key, null, or one of the words that providers write for nothing.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => meaning(text).is_none(),
            Self::Owned(text) => meaning(text).is_none(),
            _ => false,
        }
    }

    /// The text without blanks at its ends; `None` if missing. Numbers and booleans are written out.
    #[inline]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => meaning(text).map(Cow::Borrowed),
            Self::Owned(text) => meaning(text).map(Cow::Borrowed),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
            Self::Missing | Self::Wrong(_) => None,
        }
    }

    /// The text, or an empty string.
    pub fn string(&self) -> String {
        self.text().map(Cow::into_owned).unwrap_or_default()
    }

    /// Takes a value unless one with a meaning is there already: the first of several names for one thing wins.
    #[inline]
    pub fn take(&mut self, value: Self) {
        // Almost always the field is free; said apart, so that nothing has to be dropped there.
        if matches!(self, Self::Missing) {
            *self = value;
        } else if self.is_missing() {
            self.replace(value);
        }
    }

    #[cold]
    fn replace(&mut self, value: Self) {
        *self = value;
    }
}

/// The text without blanks at its ends, unless it is one of the words for nothing.
#[inline]
fn meaning(text: &str) -> Option<&str> {
    let text = match text.as_bytes() {
        // Plain ends need no search for blanks.
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        // A blank behind is common, and narrations end in one.
        [b'!'..=b'~', .., b'!'..=b'~', b' '] => text.strip_suffix(' ').unwrap_or(text),
        _ => text.trim(),
    };
    let nothing = text.is_empty() || (text.len() <= 6 && matches!(text, "NA" | "N/A" | "<NULL>" | "NULL" | "null"));
    (!nothing).then_some(text)
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text.strip_prefix(MARK).unwrap_or(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Owned(text.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map(Scalar::Int).unwrap_or_else(|_| Scalar::Owned(number.to_string().into())))
    }

    /// The parser has put the number through a double, and its digits are gone: [`super::repair::reading`] reads the body again with such
    /// numbers in quotes.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(E::custom("a number that is not whole"))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(truth))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        JsonText::of_list(items).map(|text| Scalar::Wrong(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        JsonText::of_object(map).map(|text| Scalar::Wrong(text.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn read(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_number_in_quotes_of_ours_is_its_digits() {
        let json = format!("\"{MARK}1.50E3\"");
        assert_eq!(read(&json), Scalar::Text("1.50E3"));
        assert!(serde_json::from_str::<Scalar<'_>>("1.5").is_err());
    }

    #[test]
    fn words_for_nothing_are_missing() {
        for json in ["null", "\"\"", "\" \"", "\"NA\"", "\"<NULL>\"", "\"null\""] {
            assert!(read(json).is_missing(), "{json}");
            assert_eq!(read(json).text(), None, "{json}");
        }
    }

    #[test]
    fn every_scalar_becomes_the_text_a_string_would_have_held() {
        for (json, text) in [
            ("\" a b \"", "a b"),
            ("\"a\\u0041\"", "aA"),
            ("15", "15"),
            ("18446744073709551615", "18446744073709551615"),
            ("true", "true"),
        ] {
            assert_eq!(read(json).text().as_deref(), Some(text), "{json}");
        }
    }

    #[test]
    fn a_list_or_an_object_is_wrong_but_does_not_end_the_reading() {
        for json in ["[1,{\"a\":[2]}]", "{\"a\":{}}", "[]", "{\"b\":null,\"c\":[\"\\\"\",true,18446744073709551615,-1]}"] {
            assert_eq!(read(json), Scalar::Wrong(json.into()));
        }
        assert!(serde_json::from_str::<Scalar<'_>>("[1.5]").is_err(), "its digits are read in the second way");
        assert_eq!(read(&format!("[\"{MARK}1.50\"]")), Scalar::Wrong("[1.50]".into()));
    }

    #[test]
    fn the_first_name_with_a_meaning_wins() {
        let mut value = Scalar::Missing;
        value.take(Scalar::Text(" "));
        value.take(Scalar::Text("a"));
        value.take(Scalar::Text("b"));
        assert_eq!(value, Scalar::Text("a"));
    }
}
