//! Resume tokens: a place in the feed, authenticated for its tenant.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{journey::service::page_token, seal::KeyedHash, store::FeedPosition};

/// Keeps these tokens apart from those of pages, which are made under the same key.
const USE: &[&str] = &["watch journeys"];

/// The token of a place. The key is the tenant's own.
pub(super) fn write(hash: &KeyedHash, place: FeedPosition) -> String {
    let mut bytes = [place.transaction.to_be_bytes(), place.row.to_be_bytes()].concat();
    let mac = page_token::mac(hash, USE, &bytes);
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place of a token that was made for the tenant.
pub(super) fn read(hash: &KeyedHash, token: &str) -> Option<FeedPosition> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (transaction, rest) = bytes.split_first_chunk()?;
    let (row, tag) = rest.split_first_chunk()?;
    let body = bytes.get(..16)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(tag, &page_token::mac(hash, USE, body)).ok()?;
    Some(FeedPosition { transaction: i64::from_be_bytes(*transaction), row: i64::from_be_bytes(*row) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_tenant_and_cannot_be_made_up() {
        let hash = KeyedHash::new(b"key");
        let place = FeedPosition { transaction: 7, row: 70_000 };
        let token = write(&hash, place);
        assert_eq!(read(&hash, &token), Some(place));
        assert_eq!(read(&KeyedHash::new(b"other"), &token), None);
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(read(&hash, &URL_SAFE_NO_PAD.encode(&bytes)), None, "byte {at}");
            bytes[at] ^= 1;
        }
        for text in ["", "a", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\u{1f600}"] {
            assert_eq!(read(&hash, text), None);
        }
    }
}
