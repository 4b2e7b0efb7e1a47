//! How large sealed values are, without reading them: room for a value is reserved before it is loaded.

use async_trait::async_trait;

use super::StoreError;

/// A value that can be large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeValue<'a> {
    /// The rows of a fetch, by its id.
    Snapshot(&'a str),
    /// What the rows of a fetch were made from, by the fetch's id.
    Evidence(&'a str),
    /// A document of a fetch: the fetch's id and the document's name.
    Document(&'a str, &'a str),
    /// What a provider called the latest data, by the request id.
    Increment(&'a str),
}

/// See the module.
#[async_trait]
pub trait SizeStore: Send + Sync {
    /// The bytes that a value takes in the store; `None` if it is not there.
    async fn stored_bytes(&self, tenant: &str, of: LargeValue<'_>) -> Result<Option<u64>, StoreError>;
}
