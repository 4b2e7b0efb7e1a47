//! The neutral financial model: a provider's body becomes framed protobuf rows, straight from borrowed JSON to the wire. A provider's
//! adapter says which of its keys fills which field ([`record`]); everything else is here and the same for all.

use jiff::Timestamp;

use crate::{journey::model::Customer, seal::KeyedHash};

pub mod absence;
pub mod account;
pub mod changes;
pub mod classes;
pub mod completeness;
pub mod convert;
pub mod deposit;
mod field_path;
pub mod fields;
pub mod filter;
pub mod hidden;
pub mod holder;
pub mod holder_match;
pub mod ids;
pub mod json;
mod json_text;
pub mod mask;
pub mod money;
pub mod personal;
mod provenance;
pub mod quality;
pub mod record;
pub mod repair;
mod repaired;
pub mod row;
mod rows;
pub mod scalar;
pub mod spelling;
pub mod summary;
pub mod term_deposit;
pub mod time;
pub mod typed;
pub mod unknown;
mod values;
pub mod view;
pub mod wire;
pub mod words;
pub mod words_markets;
pub mod words_other;

pub use ids::account_id;
pub use provenance::{NORMALISER_VERSION, Provenance, as_kept};
pub use rows::{Entry, EntryKind, KeptDamaged, RangePlace, Rows, RowsBuilder};

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
    /// Which days were asked for, for the completeness.
    pub asked: completeness::Asked,
}
