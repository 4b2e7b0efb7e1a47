//! Keys of a row that are not known, with their values. Nearly no row has one: then there is nothing on the heap and nothing to write.

use prost_types::Struct;

use super::{
    json::{Node, Object},
    record::{Left, ODD},
    scalar::Scalar,
};

/// What no field of a row holds.
#[derive(Debug, Default, PartialEq)]
pub struct Unknown<'a>(Option<Box<Object<'a>>>);

impl<'a> Unknown<'a> {
    /// As protobuf has it.
    #[inline]
    pub fn extensions(&self) -> Option<Struct> {
        self.0.as_ref().and_then(|object| Object::clone(object).into_extensions())
    }
}

impl<'a> Left<'a> for Unknown<'a> {
    /// A value that says nothing is not kept.
    #[cold]
    fn keep(&mut self, key: String, json: &'a str) {
        if let Some(node) = Node::parse(json).filter(|node| !node.says_nothing()) {
            self.0.get_or_insert_default().put(key, node);
        }
    }

    #[cold]
    fn keep_odd(&mut self, odd: Scalar<'a>) {
        if let Some(text) = odd.text() {
            self.0.get_or_insert_default().put(ODD, Node::Text(text.into_owned().into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_not_kept_and_nothing_takes_no_room() {
        let mut unknown = Unknown::default();
        for text in ["null", "\" \"", "{}", "[]"] {
            unknown.keep("a".to_owned(), text);
        }
        assert_eq!((unknown == Unknown::default(), unknown.extensions()), (true, None));
        unknown.keep("b".to_owned(), "[2]");
        assert_eq!(unknown.extensions().map(|kept| kept.fields.len()), Some(1));
        assert_eq!(size_of::<Unknown<'_>>(), size_of::<usize>());
    }
}
