//! The customer's way back. Which parameters Finpass appends to the address of the return is not documented, so no query is known as its
//! own: the journey's status tells.

use crate::providers::provider::Redirected;

/// Reads the query of a return; none, whatever it holds.
pub(super) fn read_query(_query: &str) -> Option<Redirected> {
    None
}
