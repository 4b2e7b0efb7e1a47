//! Who calls, for which tenant, what he may, and what is on record of it.

pub mod audit;
mod caller;
mod scope;

pub use caller::Caller;
pub use scope::{Scope, Scopes};
