//! What the gateway itself wrote once, and reads back from a caller or from a disk.

use crate::{
    data::{Rows, view},
    journey::service::page_token,
    pb::View,
    seal::KeyedHash,
};

/// A token that is read was made here, letter for letter. The first half of the bytes is a token as it came; the rest is also put into a
/// true token, so that what comes behind the check of authenticity is reached.
pub(super) fn page_token(bytes: &[u8]) {
    let hash = KeyedHash::new(b"fuzzing");
    let request = ["jrn_1", "1", "3145728"];
    let text = String::from_utf8_lossy(bytes);
    if let Some(position) = page_token::read(&hash, &request, &text) {
        assert_eq!(page_token::write(&hash, &request, &position), text, "a token has two writings");
    }
    let entry = bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte));
    let position = page_token::Position { fetch_id: text.into_owned(), normaliser_version: entry ^ 1, entry };
    let token = page_token::write(&hash, &request, &position);
    assert_eq!(page_token::read(&hash, &request, &token), Some(position));
    assert_eq!(page_token::read(&hash, &["jrn_2", "1", "3145728"], &token), None);
}

/// Kept bytes that are read are written the same, every entry lies inside them, and a view of them is no longer than they are.
pub(super) fn rows(bytes: &[u8]) {
    let Ok(rows) = Rows::from_kept_bytes(bytes.to_vec()) else { return };
    assert_eq!(rows.to_kept_bytes(), bytes, "kept rows have two writings");
    let inside: usize = rows.entries.iter().map(|entry| entry.len as usize).sum();
    assert_eq!(inside, rows.bytes.len(), "entries do not fill the rows");
    assert!(rows.entries.iter().all(|entry| rows.message(*entry).len() < entry.len as usize));
    for shown in [View::Masked, View::Summary] {
        let shown = view::apply(&rows, shown);
        assert!(shown.bytes.len() <= rows.bytes.len() && shown.entries.len() <= rows.entries.len(), "a view adds something");
    }
}
