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

    /// As protobuf has it.
    #[inline]
    pub fn extensions(&self) -> Option<Struct> {
        self.0.as_ref().and_then(|object| Object::clone(object).into_extensions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_not_kept_and_nothing_takes_no_room() {
        let mut unknown = Unknown::default();
        for text in ["null", "\" \"", "{}", "[]"] {
            unknown.push(("a".to_owned(), text));
        }
        assert_eq!((unknown == Unknown::default(), unknown.extensions()), (true, None));
        unknown.push(("b".to_owned(), "[2]"));
        assert_eq!(unknown.extensions().map(|kept| kept.fields.len()), Some(1));
        assert_eq!(size_of::<Unknown<'_>>(), size_of::<usize>());
    }
}
