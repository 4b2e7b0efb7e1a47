//! Whoever calls.

use std::sync::Arc;

use super::{Scope, Scopes};

/// Whoever calls, as far as it was proven. A layer puts it beside each call before an rpc sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the call is for.
    pub tenant: Arc<str>,
    /// Who it is, as the audit writes it: the way of the proof and the name that it proved, such as `jwt:underwriting`. Never a secret.
    pub name: Arc<str>,
    /// What the caller may.
    pub scopes: Scopes,
}

impl Caller {
    /// Anybody, where nobody is asked who he is. Personal data are shown to him only if the operator says so.
    pub fn anybody(tenant: &str, personal: bool) -> Self {
        let scopes = Scopes::all();
        let scopes = if personal { scopes } else { scopes.without(Scope::PiiRead).without(Scope::EvidenceRead) };
        Self { tenant: tenant.into(), name: "anybody".into(), scopes }
    }

    /// Whether the caller may.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }
}
