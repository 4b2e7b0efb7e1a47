//! Lists inside objects that only wrap them ("Riders.Rider"): what is left of a wrapper goes back where it was, so that nothing is lost.

use super::typed::put_back;
use crate::data::typed::{Fields, read_object};

/// Reads inside the object at a key, or inside each of a list of objects.
pub(super) fn inside<'a>(fields: &mut Fields<'_, 'a, '_>, key: &str, mut read: impl FnMut(&mut Fields<'_, 'a, '_>)) {
    let mut wrappers = fields.object.take_objects(key);
    wrappers.retain(|wrapper| !wrapper.fields.is_empty());
    for wrapper in &mut wrappers {
        read_object(wrapper, "", &mut fields.reader, &mut read);
    }
    put_back(fields.object, key, wrappers);
}
