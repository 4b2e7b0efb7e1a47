//! What can go wrong with a journey, free of any transport. The one conversion to a gRPC status is in `rpc/status.rs`.

use std::time::Duration;

use super::{
    fair_use::Breach,
    frequency::Spent,
    model::{JourneyState, Product},
};
use crate::{access::Scope, pb::CompletenessFinding, providers::error::ProviderError, store::StoreError};

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request, such as `consents[0].purpose`.
    pub field: String,
    /// What would be right. Never the value.
    pub description: String,
}

impl Violation {
    /// A violation.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// One thing that a demanded complete fetch lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The account, or the consent whose data is missing; empty for the fetch as a whole.
    pub account_id: String,
    /// What.
    pub finding: CompletenessFinding,
}

/// A limit of a tenant that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The setting, such as `calls_per_second`.
    pub limit: &'static str,
    /// When to try again.
    pub after: Duration,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub error: JourneyError,
    /// The journey, where one exists.
    pub journey_id: Option<String>,
}

impl Failure {
    /// With the journey that it is about.
    #[must_use]
    pub fn of(mut self, journey_id: &str) -> Self {
        self.journey_id = Some(journey_id.to_owned());
        self
    }
}

impl<E: Into<JourneyError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), journey_id: None }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JourneyError {
    /// Wrong fields, all of them.
    InvalidFields(Vec<Violation>),
    /// No such provider; the known ones.
    UnknownProvider {
        /// The field that named it.
        field: &'static str,
        /// The known ids.
        known: Vec<String>,
    },
    /// Inputs that the provider cannot honour.
    InputNotSupported(Vec<Violation>),
    /// The provider has no such product or purpose.
    CapabilityMissing(Vec<Violation>),
    /// The request id came before with another body.
    RequestIdReused,
    /// A call with the request id is still in flight.
    RequestInFlight,
    /// A page token of another request.
    PageTokenMismatch,
    /// No such journey for the tenant.
    JourneyNotFound,
    /// No such consent in the journey.
    ConsentNotFound,
    /// No such fetch in the journey.
    FetchNotFound,
    /// No such document.
    ReportNotFound,
    /// What the fetch was made from is not kept.
    EvidenceNotKept,
    /// Not there yet; ask again after a while.
    DataNotReady(Duration),
    /// Ended without data.
    JourneyEnded(JourneyState),
    /// The data's life is over.
    DataExpired,
    /// What the fetch brought was removed before its time.
    DataPurged,
    /// The consent is withdrawn.
    ConsentRevoked,
    /// The customer has not decided on the consent.
    ConsentPending,
    /// The consent has ended, or was never given.
    ConsentEnded,
    /// The customer holds the consent.
    ConsentPaused,
    /// The consent allows one fetch, and that has come.
    ConsentUsed,
    /// A fetch of the consent is open: its id.
    FetchInProgress(String),
    /// The consent's frequency is used up.
    FrequencySpent(Spent),
    /// The consent allows looking only.
    ViewOnly,
    /// There was no account.
    NoAccounts,
    /// A complete fetch was demanded; what is missing, all of it.
    DataIncomplete(Vec<Lack>),
    /// The journey was not opened for this product.
    ProductNotRequested(Product),
    /// The journey's state does not allow the call.
    JourneyState(JourneyState),
    /// What is asked goes beyond the framework's limits.
    FairUse(Vec<Breach>),
    /// Another journey of the same client reference is open.
    OpenJourney,
    /// The consent belongs to a journey already.
    ConsentKnown,
    /// The query of a customer's return is of nobody's.
    RedirectUnknown,
    /// A customer may not be sent back there.
    RedirectNotAllowed,
    /// The callers of the tenant do more than they may.
    RateLimited(Exceeded),
    /// The process does all that it can.
    Overloaded,
    /// The outcome of an attempt is not known.
    OutcomeUnknown,
    /// The consent allows one fetch only.
    ConsentNotPeriodic,
    /// The view is not open to the caller.
    ViewNotAllowed,
    /// The caller lacks a scope that the method needs in this form.
    ScopeMissing(Scope),
    /// A provider call failed.
    Provider(Box<ProviderError>),
    /// A resume token of another tenant, or none at all.
    ResumeTokenMismatch,
    /// The reader of a watch does not keep up.
    WatchTooSlow,
    /// No further watch is served.
    WatchLimit,
    /// The process stops.
    ShuttingDown,
    /// The caller's time is over.
    Deadline,
    /// A provider has acted, or may have, and what came of it could not be written down.
    Unwritten,
    /// The store cannot be used.
    Store,
    /// The call cannot be put on record.
    AuditUnavailable,
    /// A fault of the gateway; the text is for the log.
    Internal(&'static str),
}

impl From<ProviderError> for JourneyError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(Box::new(error))
    }
}

impl From<StoreError> for JourneyError {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Disowned {
            tracing::warn!(%error, "nothing is sent");
            return Self::RequestInFlight;
        }
        tracing::error!(%error, "the store cannot be used");
        // The change may be there: a repeat has to read it before it begins anything.
        if matches!(error, StoreError::Undecided(_)) { Self::Unwritten } else { Self::Store }
    }
}
