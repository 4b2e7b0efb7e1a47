//! The table of a provider's read calls. A call that is in the table is fed odd answers by the tests of every provider.

use super::OutboundRequest;
use crate::providers::http::CallKind;

/// A read call of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCall {
    /// The provider's id.
    pub provider: &'static str,
    /// The call's name for spans and errors.
    pub stage: &'static str,
    /// The path below the base URL.
    pub path: &'static str,
}

impl ReadCall {
    /// The call as a POST with a JSON body. It changes nothing and may be sent again.
    pub(in crate::providers) fn post(self, body: &impl serde::Serialize) -> OutboundRequest {
        OutboundRequest::post_json(self.provider, self.stage, CallKind::Read, self.path, body)
    }

    /// The call as a GET.
    pub(in crate::providers) fn get(self) -> OutboundRequest {
        OutboundRequest::get(self.provider, self.stage, self.path)
    }
}

/// Declares the read calls of a provider as constants, and lists all of them as `READS`.
macro_rules! read_calls {
    ($provider:expr; $($(#[$doc:meta])+ $name:ident = ($stage:literal, $path:literal);)+) => {
        $($(#[$doc])+ pub(super) const $name: ReadCall = ReadCall { provider: $provider, stage: $stage, path: $path };)+
        /// Every read call of the provider.
        pub const READS: &[ReadCall] = &[$($name),+];
    };
}
pub(in crate::providers) use read_calls;
