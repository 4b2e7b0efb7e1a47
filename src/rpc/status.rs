//! The only maker of a gRPC status: one exhaustive conversion of what went wrong. Texts are fixed per reason; what helps a program is in
//! the details.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, QuotaViolation, StatusExt};

use crate::{
    access::Scope,
    journey::{
        error::{Failure, JourneyError, Lack, Violation},
        fair_use::Breach,
        frequency::Spent,
    },
    pb::{CompletenessCode, CompletenessFinding, ErrorReason},
    providers::error::{Effect, ErrorKind, ProviderError},
};

/// The domain of every ErrorInfo.
pub const DOMAIN: &str = "sangam";
/// Headers are small: the details of all violations must fit 4 KiB together.
const MAX_VIOLATIONS: usize = 14;
const MAX_TEXT: usize = 120;
/// A lack takes some eighty bytes.
const MAX_LACKS: usize = 36;
/// When to try again where nobody says so.
const SOON: Duration = Duration::from_secs(5);
/// When a stream that was cut may come back.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What becomes of a request id after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Kept: the same answer again.
    Keep,
    /// Freed: it may be tried again.
    Free,
    /// Open: it cannot be told yet.
    Open,
}

/// The status of an error without a journey.
pub fn of(error: JourneyError) -> Status {
    of_failure(Failure::from(error))
}

/// The status of a failure.
pub fn of_failure(failure: Failure) -> Status {
    let Verdict { code, reason, text } = verdict(&failure.error);
    let mut details = ErrorDetails::new();
    details.set_error_info(name(reason), DOMAIN, metadata(&failure));
    if let Some(after) = retry_after(&failure.error) {
        details.set_retry_info(Some(after));
    }
    let violations = violations(&failure.error);
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if let JourneyError::DataIncomplete(lacks) = &failure.error {
        details.set_precondition_failure(preconditions(lacks));
    }
    if let JourneyError::RateLimited(exceeded) = &failure.error {
        details.set_quota_failure(vec![QuotaViolation::new(exceeded.limit, "a limit of the tenant is reached")]);
    }
    if let JourneyError::FrequencySpent(spent) = &failure.error {
        details.set_precondition_failure(vec![frequency(spent)]);
    }
    if let JourneyError::FairUse(breaches) = &failure.error {
        let broken =
            |breach: &Breach| PreconditionViolation::new(breach.rule.name(), cut(&breach.field), cut(&breach.description));
        details.set_precondition_failure(breaches.iter().take(MAX_VIOLATIONS).map(broken).collect::<Vec<_>>());
    }
    let text = match &failure.error {
        JourneyError::UnknownProvider { known, .. } => format!("{text}; known: {}", known.join(", ")),
        _ => text.to_owned(),
    };
    if let JourneyError::Internal(what) = &failure.error {
        tracing::error!(cause = what, journey_id = failure.journey_id, "internal fault");
    }
    Status::with_error_details(code, text, details)
}

/// The reason's name as programs read it.
pub fn name(reason: ErrorReason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

/// What becomes of the request id.
pub(super) fn after(failure: &Failure) -> After {
    let effect = super::idempotent::effect_of(&failure.error);
    match (effect, verdict(&failure.error).code) {
        (Effect::Unknown, _) => After::Open,
        // It did something there: never again under this id. What can still be found out is told from the journey.
        (Effect::Applied, Code::Internal) => After::Open,
        (Effect::Applied, _) => After::Keep,
        (Effect::None, Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted | Code::Internal) => {
            After::Free
        }
        // It may be allowed later.
        _ if may_be_allowed_later(&failure.error) => After::Free,
        // The operator may list it.
        _ if failure.error == JourneyError::RedirectNotAllowed => After::Free,
        // An operator mends it, or the provider gets there; the caller then repeats the same request.
        _ if matches!(&failure.error, JourneyError::Provider(error) if may_pass(error.kind)) => After::Free,
        _ => After::Keep,
    }
}

fn may_be_allowed_later(error: &JourneyError) -> bool {
    matches!(
        error,
        JourneyError::FetchInProgress(_)
            | JourneyError::FrequencySpent(_)
            | JourneyError::ConsentPaused
            | JourneyError::DataNotReady(_)
    )
}

fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Credentials | ErrorKind::NotReady | ErrorKind::NotActive)
}

/// The reason alone.
pub(super) fn reason_of(error: &JourneyError) -> ErrorReason {
    verdict(error).reason
}

/// What a caller is told.
struct Verdict {
    code: Code,
    reason: ErrorReason,
    text: &'static str,
}

fn verdict(error: &JourneyError) -> Verdict {
    use Code::{
        Aborted, AlreadyExists, DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument, NotFound, PermissionDenied,
        ResourceExhausted, Unavailable, Unimplemented,
    };
    use ErrorReason as R;
    let (code, reason, text) = match error {
        JourneyError::InvalidFields(_) => (InvalidArgument, R::InvalidFields, "fields are wrong"),
        JourneyError::UnknownProvider { .. } => (InvalidArgument, R::UnknownProvider, "no such provider"),
        JourneyError::InputNotSupported(_) => (InvalidArgument, R::InputNotSupported, "the provider cannot honour an input"),
        JourneyError::CapabilityMissing(_) => (Unimplemented, R::CapabilityMissing, "the provider has no such capability"),
        JourneyError::RequestIdReused => (InvalidArgument, R::RequestIdReused, "the request id came before with another body"),
        JourneyError::RequestInFlight => (Aborted, R::RequestInFlight, "a call with this request id is still in flight"),
        JourneyError::PageTokenMismatch => (InvalidArgument, R::PageTokenMismatch, "the page token is of another request"),
        JourneyError::JourneyNotFound => (NotFound, R::JourneyNotFound, "no such journey"),
        JourneyError::ConsentNotFound => (NotFound, R::ConsentNotFound, "no such consent in the journey"),
        JourneyError::FetchNotFound => (NotFound, R::FetchNotFound, "no such fetch in the journey"),
        JourneyError::ReportNotFound => (NotFound, R::ReportNotFound, "no such document"),
        JourneyError::EvidenceNotKept => (NotFound, R::EvidenceNotKept, "what the fetch was made from is not kept"),
        JourneyError::DataNotReady(_) => (FailedPrecondition, R::DataNotReady, "the data is not there yet"),
        JourneyError::JourneyEnded(_) => (FailedPrecondition, R::JourneyEnded, "the journey ended without data"),
        JourneyError::DataExpired => (FailedPrecondition, R::DataExpired, "the life of the data is over"),
        JourneyError::DataPurged => (FailedPrecondition, R::DataPurged, "what the fetch brought was removed"),
        JourneyError::ConsentPending => (FailedPrecondition, R::ConsentPending, "the customer has not decided on the consent"),
        JourneyError::ConsentEnded => (FailedPrecondition, R::ConsentEnded, "the consent has ended or was never given"),
        JourneyError::ConsentPaused => (FailedPrecondition, R::ConsentPaused, "the customer holds the consent"),
        JourneyError::ConsentUsed => (FailedPrecondition, R::ConsentUsed, "the consent allows one fetch, and that has come"),
        JourneyError::FetchInProgress(_) => (FailedPrecondition, R::FetchInProgress, "a fetch of the consent is open"),
        JourneyError::FrequencySpent(_) => (FailedPrecondition, R::FairUse, "the consent's frequency is used up"),
        JourneyError::ConsentRevoked => (FailedPrecondition, R::ConsentRevoked, "the consent is withdrawn"),
        JourneyError::ViewOnly => (FailedPrecondition, R::ViewOnly, "the consent allows looking only; nothing is kept"),
        JourneyError::NoAccounts => (FailedPrecondition, R::NoAccounts, "the fetch holds no account"),
        JourneyError::DataIncomplete(_) => (FailedPrecondition, R::DataIncomplete, "a part of the data is missing"),
        JourneyError::ProductNotRequested(_) => {
            (FailedPrecondition, R::ProductNotRequested, "the journey was not opened for this product")
        }
        JourneyError::JourneyState(_) => (FailedPrecondition, R::JourneyState, "the state of the journey does not allow this"),
        JourneyError::OpenJourney => (FailedPrecondition, R::OpenJourney, "another journey of this client reference is open"),
        JourneyError::ConsentKnown => (AlreadyExists, R::ConsentKnown, "the consent belongs to a journey already"),
        JourneyError::RedirectUnknown => (InvalidArgument, R::RedirectUnknown, "the query is of no return that is known"),
        JourneyError::RedirectNotAllowed => {
            (InvalidArgument, R::RedirectNotAllowed, "a customer may not be sent back to this address")
        }
        JourneyError::RateLimited(_) => (ResourceExhausted, R::RateLimited, "the callers of the tenant do more than they may"),
        JourneyError::Overloaded => {
            (Unavailable, R::Overloaded, "the gateway has reached a limit of calls, connections or memory")
        }
        JourneyError::FairUse(_) => (FailedPrecondition, R::FairUse, "the consent goes beyond the limits of fair use"),
        JourneyError::OutcomeUnknown => {
            (FailedPrecondition, R::OutcomeUnknown, "the outcome of an earlier call is not known yet")
        }
        JourneyError::ConsentNotPeriodic => (FailedPrecondition, R::ConsentNotPeriodic, "the consent allows one fetch only"),
        JourneyError::ViewNotAllowed => (PermissionDenied, R::ViewNotAllowed, "the view is not open to the caller"),
        JourneyError::ScopeMissing(_) => (PermissionDenied, R::ScopeMissing, "the caller may not make this call"),
        JourneyError::Provider(error) => return provider_verdict(error),
        JourneyError::ResumeTokenMismatch => {
            (InvalidArgument, R::PageTokenMismatch, "the resume token is of another tenant, or of none")
        }
        JourneyError::WatchTooSlow => (ResourceExhausted, R::WatchTooSlow, "the reader does not keep up"),
        JourneyError::WatchLimit => (ResourceExhausted, R::WatchLimit, "no further watch is served here"),
        JourneyError::ShuttingDown => (Unavailable, R::ShuttingDown, "the gateway stops"),
        JourneyError::Deadline => (DeadlineExceeded, R::DeadlineExceeded, "the caller's time is over"),
        JourneyError::Store | JourneyError::Unwritten => (Unavailable, R::StoreUnavailable, "the store cannot be used"),
        JourneyError::AuditUnavailable => {
            (Unavailable, R::AuditUnavailable, "the call cannot be put on record, so nothing was done")
        }
        JourneyError::Internal(_) => (Internal, R::Internal, "internal fault; the call id finds it in the log"),
    };
    Verdict { code, reason, text }
}

fn provider_verdict(error: &ProviderError) -> Verdict {
    use Code::{DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument, ResourceExhausted, Unavailable, Unimplemented};
    let (code, text) = match error.kind {
        ErrorKind::Credentials => (FailedPrecondition, "the provider refuses the tenant's credentials"),
        ErrorKind::Configuration => (FailedPrecondition, "the tenant's configuration does not fit the provider"),
        ErrorKind::Refused | ErrorKind::UnknownReference => (FailedPrecondition, "the provider refuses the request"),
        ErrorKind::InvalidInput(_) => (InvalidArgument, "the provider refuses a value of the request"),
        ErrorKind::RateLimited => (ResourceExhausted, "too many calls at the provider"),
        ErrorKind::Unavailable => (Unavailable, "the provider could not be reached, or failed"),
        ErrorKind::Timeout => (DeadlineExceeded, "the provider did not answer in time"),
        ErrorKind::ResponseInvalid => (Internal, "the provider's answer cannot be understood"),
        ErrorKind::ResponseTooLarge => (Internal, "the provider's answer is too large"),
        ErrorKind::NoRoom => (Unavailable, "the gateway has no memory for the provider's answer within the call's time"),
        ErrorKind::NotReady => (FailedPrecondition, "the data is not there yet"),
        ErrorKind::DataExpired => (FailedPrecondition, "the life of the data is over"),
        ErrorKind::Revoked => (FailedPrecondition, "the consent is withdrawn"),
        ErrorKind::NotActive => (FailedPrecondition, "the provider says that the consent is not active"),
        ErrorKind::Rejected => (FailedPrecondition, "the journey ended without data"),
        ErrorKind::NoAccounts => (FailedPrecondition, "the fetch holds no account"),
        ErrorKind::Unsupported => (Unimplemented, "the provider has no such capability"),
    };
    Verdict { code, reason: error.kind.reason(), text }
}

fn metadata(failure: &Failure) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            metadata.insert(key.to_owned(), value.to_owned());
        }
    };
    if let Some(journey_id) = &failure.journey_id {
        put("journey_id", journey_id);
    }
    match &failure.error {
        JourneyError::Provider(error) => {
            put("provider", error.provider);
            put("stage", error.stage);
            put("provider_code", error.code.as_deref().unwrap_or_default());
            put("host", error.refused_host.as_ref().map_or("", |host| host.0.as_str()));
            put("effect", error.effect.name());
        }
        JourneyError::JourneyEnded(state) | JourneyError::JourneyState(state) => {
            put("state", state.as_str_name().trim_start_matches("JOURNEY_STATE_"));
            put("effect", Effect::None.name());
        }
        JourneyError::ViewNotAllowed => {
            put("scope", Scope::PiiRead.name());
            put("effect", Effect::None.name());
        }
        JourneyError::ScopeMissing(scope) => {
            put("scope", scope.name());
            put("effect", Effect::None.name());
        }
        JourneyError::FetchInProgress(fetch_id) => {
            put("fetch_id", fetch_id);
            put("effect", Effect::None.name());
        }
        // This call did nothing, but the earlier one under the same request id may have reached the provider.
        JourneyError::OutcomeUnknown | JourneyError::RequestInFlight => put("effect", Effect::Unknown.name()),
        error => put("effect", super::idempotent::effect_of(error).name()),
    }
    metadata
}

fn retry_after(error: &JourneyError) -> Option<Duration> {
    match error {
        JourneyError::DataNotReady(after) => Some((*after).max(Duration::from_secs(1))),
        // Another replica may serve it at once; and whoever was slow comes back for what is kept.
        JourneyError::WatchTooSlow | JourneyError::WatchLimit | JourneyError::ShuttingDown | JourneyError::Overloaded => {
            Some(AT_ONCE)
        }
        JourneyError::RateLimited(exceeded) => Some(exceeded.after),
        JourneyError::OutcomeUnknown
        | JourneyError::RequestInFlight
        | JourneyError::Store
        | JourneyError::Unwritten
        | JourneyError::AuditUnavailable => Some(SOON),
        JourneyError::Provider(error) => match error.kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::NotReady | ErrorKind::NoRoom => {
                Some(error.retry_after.unwrap_or(SOON))
            }
            _ => error.retry_after,
        },
        _ => None,
    }
}

fn violations(error: &JourneyError) -> Vec<FieldViolation> {
    let violation = |field: &str, text: &str| FieldViolation::new(cut(field), cut(text));
    match error {
        JourneyError::InvalidFields(list) | JourneyError::InputNotSupported(list) | JourneyError::CapabilityMissing(list) => {
            let mut fields: Vec<_> =
                list.iter().take(MAX_VIOLATIONS).map(|Violation { field, description }| violation(field, description)).collect();
            if list.len() > MAX_VIOLATIONS {
                fields.push(violation("", &format!("{} violations in all; the first are listed", list.len())));
            }
            fields
        }
        JourneyError::UnknownProvider { field, known } => {
            vec![violation(field, &format!("known providers: {}", known.join(", ")))]
        }
        JourneyError::Provider(error) => match error.kind {
            ErrorKind::InvalidInput(field) => vec![violation(field.path(), "the provider does not accept this value")],
            _ => Vec::new(),
        },
        JourneyError::RequestIdReused => vec![violation("request_id", "came before with another body")],
        JourneyError::RedirectNotAllowed => {
            vec![violation("redirect_url", "must be one of the tenant's `redirects`, to the letter")]
        }
        JourneyError::RedirectUnknown => vec![violation("query", "is of no return that is known, or of another journey")],
        JourneyError::PageTokenMismatch => vec![violation("page_token", "was made for another request")],
        JourneyError::ResumeTokenMismatch => vec![violation("resume_token", "was made for another tenant, or not here")],
        _ => Vec::new(),
    }
}

/// The first lacks, and how many there are: the type is the finding, the subject the account (or `fetch`), the description the
/// finding's parameters.
fn preconditions(lacks: &[Lack]) -> Vec<PreconditionViolation> {
    let mut out: Vec<_> = lacks
        .iter()
        .take(MAX_LACKS)
        .map(|Lack { account_id, finding }| {
            let code = finding.code().as_str_name().trim_start_matches("COMPLETENESS_CODE_");
            let subject = if account_id.is_empty() { "fetch" } else { account_id };
            PreconditionViolation::new(code, cut(subject), parameters(finding))
        })
        .collect();
    if lacks.len() > MAX_LACKS {
        let total = format!("{} findings in all; the first are listed, ALLOW_PARTIAL has all of them", lacks.len());
        out.push(PreconditionViolation::new("TOTAL", "fetch", total));
    }
    out
}

/// What a consent allows, and when it allows the next fetch.
fn frequency(spent: &Spent) -> PreconditionViolation {
    let Spent { consent_id, frequency, renews_at } = spent;
    let text = format!("at most {frequency}, of the Indian calendar; again from {renews_at}");
    PreconditionViolation::new("FREQUENCY", cut(consent_id), cut(&text))
}

/// `2025-07` for a month, `count=2 ordinal=17` for the rest.
fn parameters(finding: &CompletenessFinding) -> String {
    match finding.code() {
        CompletenessCode::MonthGap => format!("{:04}-{:02}", finding.year, finding.month),
        CompletenessCode::BalanceBreak => format!("count={} ordinal={}", finding.count, finding.ordinal),
        _ if finding.count > 0 => format!("count={}", finding.count),
        _ => String::new(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests;
