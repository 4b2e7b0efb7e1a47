//! How values stand in columns, alike in every database.

use jiff::Timestamp;

use super::StoreError;
use crate::data::Provenance;

/// Instants are kept as milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn instant(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::Unreadable("an instant out of range"))
}

/// A version of the normaliser.
pub(super) fn version(kept: i64) -> Result<u32, StoreError> {
    u32::try_from(kept).map_err(|_| StoreError::Unreadable("a version out of range"))
}

/// The columns `endpoint`, `received_at` and `normaliser_version` of a row.
pub(super) fn provenance(endpoint: String, received_at: i64, normaliser_version: i64) -> Result<Provenance, StoreError> {
    Ok(Provenance { endpoint, received_at: instant(received_at)?, normaliser_version: version(normaliser_version)? })
}
