//! A fetch of the plain product: what it finds, state by state.

use std::sync::Arc;

use super::{
    script::Outcome,
    world::{ConsentState, ConsentType, DataRequest, Session},
};
use crate::sandbox::bank::BankAccount;

/// What a fetch of the plain product finds: each is one line of the documented list of responses.
#[derive(Debug, Clone)]
pub enum Look {
    /// 200.
    Ready(Arc<Vec<BankAccount>>),
    /// 202.
    Collecting,
    /// 422.
    ConsentPending,
    /// 422.
    ConsentRejected,
    /// 422.
    ConsentRevoked,
    /// 422: the consent is well, no account delivered.
    AccountDataNotFound,
    /// 422: the data session ran out.
    AccountDataFetchExpired,
    /// 422: the bank failed.
    AccountDataFetchError,
    /// 422: nobody asked for data, or the request id is unknown.
    NoRequest,
    /// Monitoring without a request id.
    MissingRequestId,
}

impl Session {
    /// Why the consent forbids a call, if it does.
    pub fn refusal(&self) -> Option<Look> {
        match self.consent {
            ConsentState::Initiated | ConsentState::Opened => Some(Look::ConsentPending),
            ConsentState::Rejected => Some(Look::ConsentRejected),
            ConsentState::Revoked => Some(Look::ConsentRevoked),
            ConsentState::Active => None,
        }
    }

    /// A fetch of the plain product. Each look brings a collection one step nearer.
    pub fn look(&mut self, request_id: Option<&str>) -> Look {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        if request_id.is_none() && self.consent_type == ConsentType::Monitoring {
            return Look::MissingRequestId;
        }
        if request_id.is_none() && self.looks_until_requested > 0 {
            self.looks_until_requested -= 1;
            return Look::NoRequest;
        }
        let outcome = self.script.outcome;
        let wanted = |request: &&mut DataRequest| request_id.is_none() || request.id.as_deref() == request_id;
        let Some(request) = self.requests.iter_mut().rev().find(wanted) else { return Look::NoRequest };
        if request.looks_until_ready > 0 {
            request.looks_until_ready -= 1;
            return Look::Collecting;
        }
        match outcome {
            Outcome::Data => Look::Ready(Arc::clone(&request.accounts)),
            Outcome::NoData => Look::AccountDataNotFound,
            Outcome::Failed => Look::AccountDataFetchError,
            Outcome::Expired => Look::AccountDataFetchExpired,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sandbox::finpass::{
        samples::{ending_in, now, session},
        script::Script,
        world::Product,
    };

    fn approved(consent_type: ConsentType, script: Script) -> Session {
        let mut session = session(Product::Plain, consent_type, script);
        session.approve(Arc::default, now());
        session
    }

    fn name(look: Look) -> String {
        format!("{look:?}").split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn every_documented_answer_of_a_fetch_has_its_state() {
        use ConsentType::{Monitoring, Underwriting};
        let table: [(&str, Session, Option<&str>); 11] = [
            ("ConsentPending", session(Product::Plain, Underwriting, Script::default()), None),
            ("ConsentPending", session(Product::Plain, Monitoring, Script::default()), None),
            (
                "ConsentRejected",
                {
                    let mut s = approved(Underwriting, Script::default());
                    s.reject(now());
                    s
                },
                None,
            ),
            (
                "ConsentRevoked",
                {
                    let mut s = approved(Monitoring, Script::default());
                    s.revoke(now());
                    s
                },
                None,
            ),
            ("Ready", approved(Underwriting, Script::default()), None),
            ("Collecting", approved(Underwriting, Script { looks_until_ready: 1, ..Script::default() }), None),
            ("NoRequest", approved(Underwriting, Script { looks_until_requested: 1, ..Script::default() }), None),
            ("NoRequest", approved(Monitoring, Script::default()), Some("unknown")),
            ("MissingRequestId", approved(Monitoring, Script::default()), None),
            ("AccountDataNotFound", approved(Underwriting, ending_in(Outcome::NoData)), None),
            ("AccountDataFetchError", approved(Underwriting, ending_in(Outcome::Failed)), None),
        ];
        for (expected, mut session, request_id) in table {
            assert_eq!(name(session.look(request_id)), expected, "{session:?}");
        }
        assert_eq!(name(approved(Underwriting, ending_in(Outcome::Expired)).look(None)), "AccountDataFetchExpired");
    }

    #[test]
    fn a_refresh_is_collected_under_its_own_id() {
        let mut session = approved(ConsentType::Monitoring, Script { looks_until_ready: 2, ..Script::default() });
        session.add_request(Some("r1".to_owned()), Arc::default());
        session.add_request(Some("r2".to_owned()), Arc::default());
        let looks: Vec<_> = (0..3).map(|_| name(session.look(Some("r1")))).collect();
        assert_eq!(looks, ["Collecting", "Collecting", "Ready"]);
        assert_eq!(name(session.look(Some("r2"))), "Collecting");
    }
}
