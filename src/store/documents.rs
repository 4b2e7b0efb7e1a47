//! Documents of an analysis, until their data's end.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::data::Provenance;

/// A document of an analysis, kept until its data's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The media type.
    pub media_type: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// See the module.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Keeps a document; a newer one of the same fetch and format takes its place.
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
