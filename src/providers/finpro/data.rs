//! Reads a body of financial data into neutral rows.

use crate::{
    data::{ReadContext, Rows},
    providers::error::{ErrorKind, ProviderError},
};

/// Reads the body of `/getallfidata`.
pub fn read(_provider_product: &str, _body: &[u8], _context: &ReadContext<'_>) -> Result<Rows, ProviderError> {
    Err(ProviderError::new(ErrorKind::ResponseInvalid, super::ID, "getallfidata"))
}
