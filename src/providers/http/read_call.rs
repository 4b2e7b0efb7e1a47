//! The table of a provider's read calls. A call that is in the table is fed odd answers by the tests of every provider, and an adapter has
//! no other way to make a request whose answer is read for facts or data.

use super::OutboundRequest;
use crate::providers::http::CallKind;

/// A call whose answer is read for facts or data.
#[expect(clippy::manual_non_exhaustive, reason = "only this module makes one, also within the crate")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCall {
    /// The provider's id.
    pub provider: &'static str,
    /// Whether it may be sent again: a provider may give data only once.
    pub kind: CallKind,
    /// The call's name for spans and errors.
    pub stage: &'static str,
    /// The path below the base URL; empty for a link that the provider gave.
    pub path: &'static str,
    listed: (),
}

impl ReadCall {
    /// A call of the table. For [`read_calls`] alone: a call that is made elsewhere is not in the table.
    pub(in crate::providers) const fn listed(
        provider: &'static str,
        kind: CallKind,
        stage: &'static str,
        path: &'static str,
    ) -> Self {
        Self { provider, kind, stage, path, listed: () }
    }

    /// The call as a POST with a JSON body.
    pub(in crate::providers) fn post(self, body: &impl serde::Serialize) -> OutboundRequest {
        OutboundRequest::post_json(self.provider, self.stage, self.kind, self.path, body)
    }

    /// The call as a GET, which changes nothing and may be sent again.
    pub(in crate::providers) fn get(self) -> OutboundRequest {
        OutboundRequest::get(self.provider, self.stage, self.path)
    }
}

/// Declares the read calls of a provider as constants, and lists all of them as `READS`.
macro_rules! read_calls {
    ($provider:expr; $($(#[$doc:meta])+ $name:ident = $kind:ident($stage:literal, $path:literal);)+) => {
        $($(#[$doc])+ pub(super) const $name: ReadCall =
            ReadCall::listed($provider, $crate::providers::http::CallKind::$kind, $stage, $path);)+
        /// Every read call of the provider.
        pub const READS: &[ReadCall] = &[$($name),+];
    };
}
pub(in crate::providers) use read_calls;
