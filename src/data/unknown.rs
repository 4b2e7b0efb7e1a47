//! Keys of a row that are not known, with their values. Nearly no row has one: then there is nothing on the heap and nothing to write.

use prost_types::Struct;

use super::json::{Node, Object};

/// What no field of a row holds.
#[derive(Debug, Default, PartialEq)]
pub struct Unknown<'a>(Option<Box<Object<'a>>>);

impl<'a> Unknown<'a> {
    /// Keeps a key and its value, a text that a JSON parser has accepted, unless the value says nothing.
    #[cold]
    pub fn push(&mut self, (key, text): (String, &'a str)) {
        if let Some(node) = Node::parse(text).filter(|node| !node.says_nothing()) {
            self.0.get_or_insert_default().put(key, node);
        }
    }

    /// Appends all of it, the same for the same whatever the order of keys; nothing if there is nothing.
    #[inline]
    pub fn write_content(&self, out: &mut Vec<u8>) {
        if let Some(object) = &self.0 {
            let mut text = String::new();
            Node::Object(Object::clone(object)).write_canonical(&mut text);
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// As protobuf has it.
    #[inline]
    pub fn extensions(&self) -> Option<Struct> {
        self.0.as_ref().and_then(|object| Object::clone(object).into_extensions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(keys: &[(&str, &'static str)]) -> Vec<u8> {
        let mut unknown = Unknown::default();
        keys.iter().for_each(|(key, text)| unknown.push(((*key).to_owned(), text)));
        let mut out = Vec::new();
        unknown.write_content(&mut out);
        out
    }

    #[test]
    fn the_order_of_keys_does_not_count_and_nothing_writes_nothing() {
        assert_eq!(content(&[("a", "1"), ("b", "[2]")]), content(&[("b", "[2]"), ("a", "1")]));
        assert_ne!(content(&[("a", "1")]), content(&[("a", "2")]));
        assert!(content(&[("a", "null"), ("b", "\" \""), ("c", "{}")]).is_empty());
        assert_eq!(Unknown::default().extensions(), None);
    }
}
