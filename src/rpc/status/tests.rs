use super::*;
use crate::journey::{
    error::Exceeded,
    fair_use::{Frequency, Unit},
    model::{JourneyState, Product},
};

fn all() -> Vec<JourneyError> {
    let kinds = [
        ErrorKind::Credentials,
        ErrorKind::Configuration,
        ErrorKind::Refused,
        ErrorKind::RateLimited,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::ResponseInvalid,
        ErrorKind::ResponseTooLarge,
        ErrorKind::NoRoom,
        ErrorKind::NotActive,
    ];
    let mut all: Vec<JourneyError> = kinds.into_iter().map(|kind| ProviderError::new(kind, "test", "call").into()).collect();
    all.extend([
        JourneyError::InvalidFields(vec![Violation::new("a", "b")]),
        JourneyError::UnknownProvider { field: "provider", known: vec!["x".to_owned()] },
        JourneyError::InputNotSupported(Vec::new()),
        JourneyError::CapabilityMissing(Vec::new()),
        JourneyError::RequestIdReused,
        JourneyError::RequestInFlight,
        JourneyError::PageTokenMismatch,
        JourneyError::JourneyNotFound,
        JourneyError::ConsentNotFound,
        JourneyError::FetchNotFound,
        JourneyError::ReportNotFound,
        JourneyError::EvidenceNotKept,
        JourneyError::DataNotReady(Duration::ZERO),
        JourneyError::JourneyEnded(JourneyState::Rejected),
        JourneyError::DataExpired,
        JourneyError::DataPurged,
        JourneyError::ConsentRevoked,
        JourneyError::ConsentPending,
        JourneyError::ConsentEnded,
        JourneyError::ConsentPaused,
        JourneyError::ConsentUsed,
        JourneyError::FetchInProgress("fch_1".to_owned()),
        JourneyError::FrequencySpent(Spent {
            consent_id: "cns_1".to_owned(),
            frequency: Frequency { count: 1, per: Unit::Day },
            renews_at: jiff::Timestamp::UNIX_EPOCH,
        }),
        JourneyError::ViewOnly,
        JourneyError::NoAccounts,
        JourneyError::DataIncomplete(vec![lack(1)]),
        JourneyError::ProductNotRequested(Product::Analytics),
        JourneyError::JourneyState(JourneyState::Ready),
        JourneyError::FairUse(Vec::new()),
        JourneyError::OpenJourney,
        JourneyError::ConsentKnown,
        JourneyError::RedirectUnknown,
        JourneyError::RedirectNotAllowed,
        JourneyError::RateLimited(Exceeded { limit: "calls_per_second", after: AT_ONCE }),
        JourneyError::Overloaded,
        JourneyError::OutcomeUnknown,
        JourneyError::ConsentNotPeriodic,
        JourneyError::ViewNotAllowed,
        JourneyError::ScopeMissing(Scope::JourneysWrite),
        JourneyError::ResumeTokenMismatch,
        JourneyError::WatchTooSlow,
        JourneyError::WatchLimit,
        JourneyError::ShuttingDown,
        JourneyError::Deadline,
        JourneyError::Store,
        JourneyError::Unwritten,
        JourneyError::AuditUnavailable,
        JourneyError::Internal("x"),
    ]);
    all
}

#[test]
fn every_reason_of_the_contract_is_made_here() {
    // These are answered before a call gets as far as here.
    let outside = [
        ErrorReason::Unauthenticated,
        ErrorReason::MethodUnknown,
        ErrorReason::IssuerUnavailable,
        ErrorReason::NotGrpc,
        ErrorReason::RequestUnreadable,
        ErrorReason::RequestTooLarge,
        ErrorReason::CompressionUnknown,
        ErrorReason::CallAbandoned,
        ErrorReason::HealthNameUnknown,
        ErrorReason::ReflectionNameUnknown,
    ];
    let here = all().into_iter().map(|error| verdict(&error).reason);
    let made: std::collections::BTreeSet<i32> = here.chain(outside).map(|reason| reason as i32).collect();
    let known: std::collections::BTreeSet<i32> = (1..100).filter(|number| ErrorReason::try_from(*number).is_ok()).collect();
    assert_eq!(made, known);
}

#[test]
fn every_status_has_a_reason_and_an_effect_and_fits_the_headers() {
    for error in all() {
        let status = of_failure(Failure::from(error.clone()).of("jrn_1"));
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        assert_eq!(info.domain, "sangam");
        assert!(info.metadata.contains_key("effect"), "{error:?}");
        assert_eq!(info.metadata["journey_id"], "jrn_1");
        assert!(status.details().len() <= 4_096);
    }
}

#[test]
fn a_repeat_never_claims_that_its_first_call_had_no_effect() {
    for error in [JourneyError::OutcomeUnknown, JourneyError::RequestInFlight] {
        let details = of_failure(Failure::from(error.clone())).get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["effect"], "UNKNOWN", "{error:?}");
    }
}

#[test]
fn many_violations_fit_the_headers_and_are_counted() {
    let many = (0..500).map(|n| Violation::new(format!("consents[{n}].{}", "x".repeat(300)), "y".repeat(300))).collect();
    let status = of(JourneyError::InvalidFields(many));
    assert!(status.details().len() <= 4_096, "{}", status.details().len());
    let listed = status.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(listed.len(), MAX_VIOLATIONS + 1);
    assert!(listed[MAX_VIOLATIONS].description.starts_with("500 violations"));
}

fn lack(month: i32) -> Lack {
    let finding =
        CompletenessFinding { code: CompletenessCode::MonthGap.into(), year: 2025, month, ..CompletenessFinding::default() };
    Lack { account_id: format!("acc_{}", "0".repeat(26)), finding }
}

#[test]
fn what_is_missing_is_named_by_account_and_month_and_fits_the_headers() {
    let all = |count: usize| JourneyError::DataIncomplete((0..count).map(|at| lack(at as i32 % 12 + 1)).collect());
    let status = of_failure(Failure::from(all(2)).of("jrn_1"));
    let listed = status.get_error_details().precondition_failure().unwrap().violations.clone();
    assert_eq!(listed.len(), 2);
    let second = &listed[1];
    assert_eq!((second.r#type.as_str(), second.subject.len(), second.description.as_str()), ("MONTH_GAP", 30, "2025-02"));
    let status = of_failure(Failure::from(all(500)).of(&format!("jrn_{}", "0".repeat(26))));
    assert!(status.details().len() <= 4_096, "{}", status.details().len());
    let listed = status.get_error_details().precondition_failure().unwrap().violations.clone();
    assert_eq!(listed.len(), MAX_LACKS + 1);
    assert!(listed[MAX_LACKS].description.starts_with("500 findings"));
}

#[test]
fn whether_a_request_id_is_kept_freed_or_open() {
    let provider = |kind, effect| Failure::from(ProviderError::new(kind, "t", "c").with_effect(effect));
    assert_eq!(after(&provider(ErrorKind::Timeout, Effect::Unknown)), After::Open);
    assert_eq!(after(&provider(ErrorKind::ResponseInvalid, Effect::Applied)), After::Open);
    assert_eq!(after(&provider(ErrorKind::Configuration, Effect::Applied)), After::Keep);
    assert_eq!(after(&provider(ErrorKind::Unavailable, Effect::Applied)), After::Keep);
    assert_eq!(after(&provider(ErrorKind::Unavailable, Effect::None)), After::Free);
    assert_eq!(after(&provider(ErrorKind::Refused, Effect::None)), After::Keep);
    assert_eq!(after(&provider(ErrorKind::Credentials, Effect::None)), After::Free);
    assert_eq!(after(&provider(ErrorKind::NotReady, Effect::None)), After::Free);
    assert_eq!(after(&Failure::from(JourneyError::OutcomeUnknown)), After::Keep);
    // What the provider may have done is never done again under the same id.
    assert_eq!(after(&Failure::from(JourneyError::Unwritten)), After::Open);
    assert_eq!(after(&Failure::from(JourneyError::Store)), After::Free);
    assert_eq!(after(&Failure::from(JourneyError::AuditUnavailable)), After::Free);
}
