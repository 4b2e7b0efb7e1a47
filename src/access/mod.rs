//! Who calls, for which tenant, and what he may.

mod caller;
mod redirects;
mod scope;
mod tenant;

pub use caller::Caller;
pub use redirects::Redirects;
pub use scope::{Scope, Scopes};
pub use tenant::TenantId;
