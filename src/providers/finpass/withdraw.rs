//! Taking back: Finpass has neither a call that withdraws a consent nor one that deletes data.

use super::error;
use crate::providers::error::{ErrorKind, ProviderError};

/// What such a call would come to.
pub(super) fn unsupported(stage: &'static str) -> ProviderError {
    error(ErrorKind::Unsupported, stage)
}
