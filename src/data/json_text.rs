//! A value that stands where another one belongs, written back as JSON text: what cannot be read is quoted, so that it is not lost.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::repair::MARK;

/// Appends a value as JSON text.
pub(super) struct JsonText<'o>(&'o mut String);

impl JsonText<'_> {
    /// A list, from its items.
    pub(super) fn of_list<'de, A: SeqAccess<'de>>(items: A) -> Result<String, A::Error> {
        let mut out = String::new();
        JsonText(&mut out).visit_seq(items)?;
        Ok(out)
    }

    /// An object, from its members.
    pub(super) fn of_object<'de, A: MapAccess<'de>>(members: A) -> Result<String, A::Error> {
        let mut out = String::new();
        JsonText(&mut out).visit_map(members)?;
        Ok(out)
    }

    fn push(self, text: impl fmt::Display) {
        self.0.push_str(&text.to_string());
    }
}

impl<'de> DeserializeSeed<'de> for JsonText<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonText<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push("null");
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.push(truth);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.push(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.push(number);
        Ok(())
    }

    /// As in [`super::scalar`]: the digits are gone, and the body is read again with such numbers in quotes.
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Err(E::custom("a number that is not whole"))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match text.strip_prefix(MARK) {
            Some(digits) => self.push(digits),
            None => self.push(serde_json::Value::from(text)),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        let begin = self.0.len();
        loop {
            let end = self.0.len();
            if end > begin {
                self.0.push(',');
            }
            if items.next_element_seed(JsonText(&mut *self.0))?.is_none() {
                self.0.truncate(end);
                self.0.push(']');
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push('{');
        let begin = self.0.len();
        loop {
            let end = self.0.len();
            if end > begin {
                self.0.push(',');
            }
            if members.next_key_seed(JsonText(&mut *self.0))?.is_none() {
                self.0.truncate(end);
                self.0.push('}');
                return Ok(());
            }
            self.0.push(':');
            members.next_value_seed(JsonText(&mut *self.0))?;
        }
    }
}
