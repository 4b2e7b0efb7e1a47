//! Where rows come from: which answer of a provider, read by which normaliser.

use jiff::Timestamp;

/// The version of the normaliser: everything in this module tree and in the providers' `data` that decides which rows come out of a
/// body. Raised by one with every change after which the same body gives other rows, so that `sangam renormalise` finds the snapshots that
/// an older one made. 0 is older than all.
pub const NORMALISER_VERSION: u32 = 4;

/// Where the rows of a fetch, or an analysis, come from. What else is to be said of it stands in the journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The provider call that brought it, by the adapter's name for it.
    pub endpoint: String,
    /// When the provider's answer came.
    pub received_at: Timestamp,
    /// The [`NORMALISER_VERSION`] that read it.
    pub normaliser_version: u32,
}

impl Provenance {
    /// Of what is read now, by the current normaliser.
    pub fn read_now(endpoint: &str, received_at: Timestamp) -> Self {
        Self { endpoint: endpoint.to_owned(), received_at: as_kept(received_at), normaliser_version: NORMALISER_VERSION }
    }
}

/// An instant as the store keeps it, in whole milliseconds: the first answer says the same as every later one.
pub fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
