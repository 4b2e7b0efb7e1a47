//! The neutral financial model: a provider's body becomes framed protobuf rows, straight from borrowed JSON to the wire.

use jiff::Timestamp;

use crate::{journey::model::Customer, seal::KeyedHash};

mod rows;

pub use rows::{Entry, EntryKind, Rows};

/// What reading a body needs to know beside its bytes.
#[derive(Clone, Copy)]
pub struct ReadContext<'a> {
    /// The fetch that brought it.
    pub fetch_id: &'a str,
    /// The consent under which it was shared.
    pub consent_id: &'a str,
    /// Keyed hash for account and transaction ids; its key belongs to the tenant, so ids of two tenants never meet.
    pub ids: &'a KeyedHash,
    /// Who was asked, for the holder match.
    pub applicant: &'a Customer,
    /// When the body came.
    pub received_at: Timestamp,
}
