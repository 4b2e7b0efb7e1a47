//! Documents of an analysis, until their data's end.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::data::Provenance;

/// A document of an analysis, kept until its data's end.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The media type.
    pub media_type: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Without what it holds.
impl std::fmt::Debug for KeptDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptDocument").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// See the module.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Keeps a document; a newer one of the same fetch and format takes its place. Of a purged fetch nothing is kept.
    async fn put_document(
        &self,
        tenant: &str,
        fetch_id: &str,
        format: &str,
        purge_at: Timestamp,
        document: &KeptDocument,
    ) -> Result<(), StoreError>;
    /// A document, if it is kept.
    async fn document(&self, tenant: &str, fetch_id: &str, format: &str) -> Result<Option<KeptDocument>, StoreError>;
}
