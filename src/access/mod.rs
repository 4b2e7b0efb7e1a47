//! Who calls, for which tenant, what he may, and what is on record of it.
//!
//! [`gate`] judges a call by the one proof that it brings: a certificate ([`peer`]), a token ([`jwt`]) or an API key ([`api_key`]).
//! [`rules`] says which scope a method needs. Keys, key sets and certificates are read anew while the gateway runs ([`reload`]). [`audit`]
//! keeps who did and read what.

pub mod api_key;
pub mod audit;
mod build;
mod caller;
pub mod gate;
pub mod jwt;
pub mod peer;
mod redirects;
mod refused;
pub mod reload;
pub mod rules;
mod scope;
mod scope_names;
mod tenant;

pub use build::{api_key_table, build};
pub use caller::Caller;
pub use gate::Gate;
pub use redirects::Redirects;
pub use refused::Refused;
pub use scope::{Scope, Scopes};
pub use tenant::TenantId;
