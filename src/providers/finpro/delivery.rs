//! What became of one account of a data session.

use crate::{journey::model::FetchState, providers::lenient};

/// The state of one account; the words differ between calls and messages.
pub(super) fn account_state(text: &str) -> FetchState {
    match lenient::word(text).as_str() {
        "DELIVERED" | "READY" | "SUCCESS" | "SUCCESSFUL" => FetchState::Ready,
        "DENIED" => FetchState::Denied,
        "TIMEOUT" => FetchState::Timeout,
        "FAILED" | "FAILURE" => FetchState::Failed,
        _ => FetchState::Requested,
    }
}
