//! Lists inside objects that only wrap them ("Riders.Rider"): what is left of a wrapper goes back where it was, so that nothing is lost.

use crate::data::{
    json::{Node, Object},
    typed::{Fields, read_object},
};

/// Reads inside the object at a key, or inside each of a list of objects.
pub(super) fn inside<'a>(fields: &mut Fields<'_, 'a, '_>, key: &str, mut read: impl FnMut(&mut Fields<'_, 'a, '_>)) {
    let mut wrappers = fields.object.take_objects(key);
    for wrapper in &mut wrappers {
        read_object(wrapper, "", &mut fields.reader, &mut read);
    }
    put_back(fields.object, key, wrappers);
}

/// Puts back what is left of the objects that stood at a key.
pub(super) fn put_back<'a>(object: &mut Object<'a>, key: &str, mut rest: Vec<Object<'a>>) {
    rest.retain(|wrapper| !wrapper.fields.is_empty());
    match rest.pop() {
        None => {}
        Some(only) if rest.is_empty() => object.put(key.to_owned(), Node::Object(only)),
        Some(last) => {
            rest.push(last);
            object.put(key.to_owned(), Node::List(rest.into_iter().map(Node::Object).collect()));
        }
    }
}
