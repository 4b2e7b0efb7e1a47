//! What Finpass knows of a session, and how it moves on. Pure: the clock and the accounts come in.

use std::sync::Arc;

use jiff::Timestamp;

use super::script::{Outcome, Script};
use crate::sandbox::bank::BankAccount;

/// Which product opened a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Plain Account Aggregator.
    Plain,
    /// AA-BSA: the same journey with an analysis, and a poorer statement.
    Analyser,
}

/// What the data is wanted for; Finpass has no other purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentType {
    /// Once.
    Underwriting,
    /// Again and again, each time through refresh-data.
    Monitoring,
}

impl ConsentType {
    /// Reads the documented words.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "loan_underwriting" => Some(Self::Underwriting),
            "loan_monitoring" => Some(Self::Monitoring),
            _ => None,
        }
    }

    /// The documented word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Underwriting => "loan_underwriting",
            Self::Monitoring => "loan_monitoring",
        }
    }
}

/// How far the customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    /// The link was not opened.
    Initiated,
    /// Opened, undecided.
    Opened,
    /// Given.
    Active,
    /// Declined.
    Rejected,
    /// Withdrawn.
    Revoked,
}

/// One collection of data.
#[derive(Debug, Clone)]
pub struct DataRequest {
    /// Finpass' request id; none for the one that approval itself triggers.
    pub id: Option<String>,
    looks_until_ready: u32,
    /// What the banks delivered.
    pub accounts: Arc<Vec<BankAccount>>,
}

/// One session, opened by init.
#[derive(Debug, Clone)]
pub struct Session {
    /// Which credential opened it; others do not see it.
    pub owner: String,
    /// Product.
    pub product: Product,
    /// Purpose.
    pub consent_type: ConsentType,
    /// The customer's mobile number.
    pub mobile: String,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
    /// Where status changes are posted.
    pub webhook_url: Option<String>,
    /// How far the customer is.
    pub consent: ConsentState,
    /// Until when the customer may decide.
    pub expires_at: Timestamp,
    /// When something last changed.
    pub updated_at: Timestamp,
    /// The customer's story.
    pub script: Script,
    /// Collections, oldest first.
    pub requests: Vec<DataRequest>,
    looks_until_requested: u32,
}

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

/// Where an AA-BSA session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JourneyStatus {
    /// The link was not opened.
    Initiated,
    /// Opened, undecided.
    ConsentPending,
    /// Given, data is collected.
    ConsentGranted,
    /// Collected, being analysed.
    DataFetched,
    /// Results are there.
    AnalysisComplete,
    /// Declined or withdrawn.
    ConsentDenied,
    /// No data came.
    Failed,
    /// The customer did not decide in time.
    Expired,
}

impl JourneyStatus {
    /// The word on the wire. Those after `consent_granted`, apart from `analysis_complete`, are assumed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::ConsentPending => "consent_pending",
            Self::ConsentGranted => "consent_granted",
            Self::DataFetched => "data_fetched",
            Self::AnalysisComplete => "analysis_complete",
            Self::ConsentDenied => "consent_denied",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// What init says of a session.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Which credential.
    pub owner: String,
    /// Product.
    pub product: Product,
    /// Purpose.
    pub consent_type: ConsentType,
    /// Mobile number.
    pub mobile: String,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
    /// Where status changes are posted.
    pub webhook_url: Option<String>,
}

impl Session {
    /// A fresh session.
    pub fn open(opening: Opening, script: Script, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            owner: opening.owner,
            product: opening.product,
            consent_type: opening.consent_type,
            mobile: opening.mobile,
            return_url: opening.return_url,
            webhook_url: opening.webhook_url,
            consent: ConsentState::Initiated,
            expires_at,
            updated_at: now,
            looks_until_requested: script.looks_until_requested,
            script,
            requests: Vec::new(),
        }
    }

    /// Whether the customer can still decide.
    pub fn is_undecided(&self, now: Timestamp) -> bool {
        matches!(self.consent, ConsentState::Initiated | ConsentState::Opened) && now < self.expires_at
    }

    /// The customer opens the page.
    pub fn opened(&mut self, now: Timestamp) {
        if self.consent == ConsentState::Initiated {
            self.consent = ConsentState::Opened;
            self.updated_at = now;
        }
    }

    /// The customer agrees. Underwriting collects by itself; monitoring waits for refresh-data, except in AA-BSA, which has none.
    pub fn approve(&mut self, accounts: impl FnOnce() -> Arc<Vec<BankAccount>>, now: Timestamp) {
        self.opened(now);
        if self.script.approval_is_lost {
            return;
        }
        self.consent = ConsentState::Active;
        self.updated_at = now;
        if self.product == Product::Analyser || self.consent_type == ConsentType::Underwriting {
            self.add_request(None, accounts());
        }
    }

    /// The customer declines.
    pub fn reject(&mut self, now: Timestamp) {
        self.consent = ConsentState::Rejected;
        self.updated_at = now;
    }

    /// The customer withdraws a consent that was given.
    pub fn revoke(&mut self, now: Timestamp) {
        if self.consent == ConsentState::Active {
            self.consent = ConsentState::Revoked;
            self.updated_at = now;
        }
    }

    /// Begins a collection.
    pub fn add_request(&mut self, id: Option<String>, accounts: Arc<Vec<BankAccount>>) {
        let looks_until_ready = self.script.looks_until_ready;
        self.requests.push(DataRequest { id, looks_until_ready, accounts });
    }

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

    /// Where an AA-BSA session stands now.
    pub fn journey_status(&self, now: Timestamp) -> JourneyStatus {
        match self.consent {
            ConsentState::Initiated | ConsentState::Opened if now >= self.expires_at => JourneyStatus::Expired,
            ConsentState::Initiated => JourneyStatus::Initiated,
            ConsentState::Opened => JourneyStatus::ConsentPending,
            ConsentState::Rejected | ConsentState::Revoked => JourneyStatus::ConsentDenied,
            ConsentState::Active => match self.requests.last() {
                Some(request) if request.looks_until_ready > 1 => JourneyStatus::ConsentGranted,
                _ if self.script.outcome == Outcome::Expired => JourneyStatus::Expired,
                _ if self.script.outcome != Outcome::Data => JourneyStatus::Failed,
                Some(request) if request.looks_until_ready == 1 => JourneyStatus::DataFetched,
                _ => JourneyStatus::AnalysisComplete,
            },
        }
    }

    /// A look at the status of AA-BSA: says where it stands and brings it one step nearer.
    pub fn look_at_journey(&mut self, now: Timestamp) -> JourneyStatus {
        let status = self.journey_status(now);
        if let Some(request) = self.requests.last_mut()
            && self.consent == ConsentState::Active
            && request.looks_until_ready > 0
        {
            request.looks_until_ready -= 1;
            self.updated_at = now;
        }
        status
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn session(product: Product, consent_type: ConsentType, script: Script) -> Session {
        let opening = Opening {
            owner: "key".to_owned(),
            product,
            consent_type,
            mobile: "9000000001".to_owned(),
            return_url: None,
            webhook_url: None,
        };
        Session::open(opening, script, now(), now() + 24.hours())
    }

    fn approved(consent_type: ConsentType, script: Script) -> Session {
        let mut session = session(Product::Plain, consent_type, script);
        session.approve(Arc::default, now());
        session
    }

    fn name(look: Look) -> String {
        format!("{look:?}").split('(').next().unwrap_or_default().to_owned()
    }

    fn with(outcome: Outcome) -> Script {
        Script { outcome, ..Script::default() }
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
            ("AccountDataNotFound", approved(Underwriting, with(Outcome::NoData)), None),
            ("AccountDataFetchError", approved(Underwriting, with(Outcome::Failed)), None),
        ];
        for (expected, mut session, request_id) in table {
            assert_eq!(name(session.look(request_id)), expected, "{session:?}");
        }
        assert_eq!(name(approved(Underwriting, with(Outcome::Expired)).look(None)), "AccountDataFetchExpired");
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

    #[test]
    fn an_analysis_passes_through_every_status() {
        let script = Script { looks_until_ready: 2, ..Script::default() };
        let mut session = session(Product::Analyser, ConsentType::Underwriting, script);
        let mut seen = vec![session.look_at_journey(now()).word()];
        session.opened(now());
        seen.push(session.look_at_journey(now()).word());
        session.approve(Arc::default, now());
        seen.extend((0..3).map(|_| session.look_at_journey(now()).word()));
        assert_eq!(seen, ["initiated", "consent_pending", "consent_granted", "data_fetched", "analysis_complete"]);
    }

    #[test]
    fn an_analysis_that_is_not_to_be_ends_in_its_own_word() {
        let opened = |script| session(Product::Analyser, ConsentType::Underwriting, script);
        assert_eq!(opened(Script::default()).journey_status(now() + 25.hours()).word(), "expired");
        let mut declined = opened(Script::default());
        declined.reject(now());
        assert_eq!(declined.journey_status(now()).word(), "consent_denied");
        let mut failed = opened(with(Outcome::NoData));
        failed.approve(Arc::default, now());
        assert_eq!(failed.journey_status(now()).word(), "failed");
    }
}
