//! Page tokens: where a page begins, in which fetch, authenticated together with everything the pages must agree on.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{journey::error::JourneyError, seal::KeyedHash};

pub(crate) const MAC: usize = 16;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The fetch: the first page's choice holds for all.
    pub fetch_id: String,
    /// Which normaliser made the rows: entries of other rows are other entries.
    pub normaliser_version: u32,
    /// The entry.
    pub entry: u32,
}

/// A token for `position` of the request that `request` stands for.
pub(crate) fn write(hash: &KeyedHash, request: &[&str], position: &Position) -> String {
    let mut bytes = [position.entry.to_be_bytes(), position.normaliser_version.to_be_bytes()].concat();
    bytes.extend_from_slice(position.fetch_id.as_bytes());
    let mac = mac(hash, request, &bytes);
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The token of the page that begins with entry `next` of a fetch; empty where there is none.
pub(super) fn next(
    hash: &KeyedHash,
    request: &[&str],
    fetch_id: &str,
    normaliser_version: u32,
    next: Option<usize>,
) -> Result<String, JourneyError> {
    let Some(entry) = next else { return Ok(String::new()) };
    let entry = u32::try_from(entry).map_err(|_| JourneyError::Internal("too many entries"))?;
    Ok(write(hash, request, &Position { fetch_id: fetch_id.to_owned(), normaliser_version, entry }))
}

/// The position that a token holds, if it was made for this request.
pub(crate) fn read(hash: &KeyedHash, request: &[&str], token: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(tag, &mac(hash, request, body)).ok()?;
    let (entry, rest) = body.split_first_chunk()?;
    let (version, fetch_id) = rest.split_first_chunk()?;
    Some(Position {
        fetch_id: String::from_utf8(fetch_id.to_vec()).ok()?,
        normaliser_version: u32::from_be_bytes(*version),
        entry: u32::from_be_bytes(*entry),
    })
}

/// The authentication of `body` for a request.
pub(crate) fn mac(hash: &KeyedHash, request: &[&str], body: &[u8]) -> [u8; MAC] {
    let parts = request.iter().map(|part| part.as_bytes()).chain([body]);
    let digest = hash.digest(parts);
    let mut mac = [0; MAC];
    mac.copy_from_slice(&digest[..MAC]);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_only_its_own_request() {
        let hash = KeyedHash::new(b"key");
        let position = Position { fetch_id: "fch_1".to_owned(), normaliser_version: 3, entry: 70_000 };
        let token = write(&hash, &["jrn_1", "1", "3145728"], &position);
        assert_eq!(read(&hash, &["jrn_1", "1", "3145728"], &token), Some(position));
        for other in [["jrn_2", "1", "3145728"], ["jrn_1", "2", "3145728"], ["jrn_1", "1", "16384"]] {
            assert_eq!(read(&hash, &other, &token), None);
        }
        assert_eq!(read(&KeyedHash::new(b"other"), &["jrn_1", "1", "3145728"], &token), None);
    }

    #[test]
    fn no_text_is_a_token_by_chance() {
        let hash = KeyedHash::new(b"key");
        for text in ["", "a", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\u{1f600}"] {
            assert_eq!(read(&hash, &["x"], text), None);
        }
    }
}
