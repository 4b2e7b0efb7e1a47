//! Who calls, for which tenant, and what he may.

mod caller;
mod scope;

pub use caller::Caller;
pub use scope::{Scope, Scopes};
