//! What fetches bring, each sealed under a key of its own. The key is kept wrapped, apart from the item.

use super::StoreError;
use crate::seal::Sealer;

/// The kinds, as they stand in a column.
const SNAPSHOT: &str = "snapshot";
const EVIDENCE: &str = "evidence";
const DOCUMENT: &str = "document";
/// Stands under its consent instead of a fetch; its part is the hash of its request.
const INCREMENT: &str = "increment";

/// Which item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) kind: &'static str,
    pub(super) tenant: &'a str,
    pub(super) fetch_id: &'a str,
    /// The document's format; empty for snapshots and evidence.
    pub(super) part: &'a str,
}

/// An item as it is written.
#[derive(Debug)]
pub(super) struct SealedItem {
    pub(super) sealed: Vec<u8>,
    pub(super) wrapped: Vec<u8>,
}

/// An item as it is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) sealed: &'a [u8],
    /// Its key, if that is not destroyed.
    pub(super) wrapped: Option<&'a [u8]>,
}

impl<'a> Item<'a> {
    pub(super) fn snapshot(tenant: &'a str, fetch_id: &'a str) -> Self {
        Self { kind: SNAPSHOT, tenant, fetch_id, part: "" }
    }

    pub(super) fn evidence(tenant: &'a str, fetch_id: &'a str) -> Self {
        Self { kind: EVIDENCE, tenant, fetch_id, part: "" }
    }

    pub(super) fn document(tenant: &'a str, fetch_id: &'a str, format: &'a str) -> Self {
        Self { kind: DOCUMENT, tenant, fetch_id, part: format }
    }

    /// `hash` is that of its request, in hexadecimal.
    pub(super) fn increment(tenant: &'a str, consent_id: &'a str, hash: &'a str) -> Self {
        Self { kind: INCREMENT, tenant, fetch_id: consent_id, part: hash }
    }
}

impl Item<'_> {
    fn key_place(&self) -> [&str; 5] {
        ["item key", self.kind, self.tenant, self.fetch_id, self.part]
    }

    /// Seals under a new key. `place` is authenticated with it.
    pub(super) fn seal(&self, sealer: &Sealer, place: &[&str], plain: &[u8]) -> Result<SealedItem, StoreError> {
        let (own, wrapped) = sealer.new_item(&self.key_place())?;
        Ok(SealedItem { sealed: own.seal(place, plain)?, wrapped })
    }

    /// Opens; `None` if the key is destroyed, and the item with it. What was written before items had keys is under the store's own.
    pub(super) fn open(
        &self,
        sealer: &Sealer,
        place: &[&str],
        Found { sealed, wrapped }: Found<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !Sealer::is_of_item(sealed) {
            return Ok(Some(sealer.open(place, sealed)?));
        }
        let Some(wrapped) = wrapped else { return Ok(None) };
        Ok(Some(sealer.item(&self.key_place(), wrapped)?.open(place, sealed)?))
    }
}
