//! A journey of Finpass has one consent, so no answer is divided.

use super::error;
use crate::providers::error::{ErrorKind, ProviderError};

/// What the part that Finpass does not need returns.
pub(super) fn unsupported() -> ProviderError {
    error(ErrorKind::Unsupported, "divide")
}
