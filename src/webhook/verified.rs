//! A message that passed its proof, or that comes where nothing can be proved. Only [`super::unverified`] makes one.

use bytes::Bytes;

use super::address::Address;

/// See the module.
pub struct Verified {
    pub(super) address: Address,
    pub(super) body: Bytes,
    /// Whether its signature was right; any other message is a hint.
    pub(super) proved: bool,
}

impl Verified {
    pub(super) fn proved(address: Address, body: Bytes) -> Self {
        Self { address, body, proved: true }
    }

    pub(super) fn hint(address: Address, body: Bytes) -> Self {
        Self { address, body, proved: false }
    }
}
