//! The framework's limits: refused before anybody is asked, or noted; and explained without asking anybody.

use sangam::{
    config::FairUseMode,
    pb::{self, FiType, Purpose},
    sandbox::SandboxConfig,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{World, reason, start_request};

fn date(year: i32, month: i32, day: i32) -> Option<pb::Date> {
    Some(pb::Date { year, month, day })
}

/// A request for days that reach further back than a consent of the purpose may.
fn greedy(credential: &str) -> pb::StartJourneyRequest {
    let mut request = start_request("finpro", credential, "01", &[pb::Product::Data]);
    request.consents[0].data_range = Some(pb::DateRange { from: date(2024, 1, 1), to: date(2026, 3, 1) });
    request
}

fn broken(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let failure = details.precondition_failure().expect("a PreconditionFailure");
    failure.violations.iter().map(|violation| (violation.r#type.clone(), violation.subject.clone())).collect()
}

fn explain(request: pb::StartJourneyRequest) -> pb::ExplainConsentRequest {
    pb::ExplainConsentRequest {
        provider: request.provider,
        credential: request.credential,
        customer: request.customer,
        consents: request.consents,
        products: request.products,
        institutions: request.institutions,
        redirect_url: request.redirect_url,
    }
}

#[tokio::test]
async fn what_goes_beyond_the_limits_is_refused_before_a_customer_is_asked() {
    let world = World::start().await;
    let request = greedy("consent");
    for _ in 0..2 {
        let status = world.client.clone().start_journey(request.clone()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "FAIR_USE"));
        let field = "consents[0].data_range".to_owned();
        assert!(broken(&status).contains(&("FAIR_USE_RANGE".to_owned(), field)), "{:?}", broken(&status));
    }
    assert_eq!(world.sandbox.calls().all().keys().collect::<Vec<_>>(), ["finpro:received:/productslist"]);
    world.stop().await;
}

#[tokio::test]
async fn a_tenant_that_only_reports_gets_the_breach_as_a_note() {
    let world = World::with(SandboxConfig::default(), |config| config.tenant.fair_use.mode = FairUseMode::Report).await;
    let answer = world.client.clone().start_journey(greedy("consent")).await.unwrap().into_inner();
    assert!(answer.notes.iter().any(|note| note.contains("FAIR_USE_RANGE")), "{:?}", answer.notes);
    world.stop().await;
}

#[tokio::test]
async fn an_explanation_tells_what_would_be_asked_and_asks_nobody() {
    let world = World::start().await;
    let mut request = start_request("finpro", "consent", "01", &[pb::Product::Data]);
    request.consents.push(pb::ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() });
    let answer = world.client.clone().explain_consent(explain(request)).await.unwrap().into_inner();
    assert!(!answer.refused && answer.breaches.is_empty(), "{answer:?}");
    let [underwriting, monitoring] = answer.consents.as_slice() else { panic!("{:?}", answer.consents) };
    assert_eq!((underwriting.purpose_code.as_str(), underwriting.template.as_str()), ("103", "UW-ONETIME"));
    assert_eq!(underwriting.periodic(), pb::Answer::No);
    assert_eq!(underwriting.mode(), pb::ConsentMode::Store);
    assert_eq!(underwriting.data_range_certainty(), pb::Certainty::Template);
    assert!(underwriting.fi_types().any(|kind| kind == FiType::Deposit));
    assert_eq!(underwriting.data_life, Some(pb::CalendarPeriod { value: 1, unit: pb::CalendarUnit::Month.into() }));
    assert_eq!((monitoring.purpose_code.as_str(), monitoring.periodic()), ("104", pb::Answer::Yes));
    let customer = answer.customer.unwrap();
    assert_eq!(customer.masked_mobile, "XXXXXX0001");
    assert!(customer.masked_pan.starts_with("XXXXXX"));
    let calls = world.sandbox.calls().all();
    assert_eq!(calls.keys().collect::<Vec<_>>(), ["finpro:received:/productslist"], "{calls:?}");
    world.stop().await;
}

#[tokio::test]
async fn an_explanation_says_what_a_start_refuses() {
    let world = World::start().await;
    let answer = world.client.clone().explain_consent(explain(greedy("consent"))).await.unwrap().into_inner();
    assert!(answer.refused);
    assert!(answer.breaches.iter().any(|breach| breach.rule == "FAIR_USE_RANGE"), "{:?}", answer.breaches);
    assert!(!answer.rules_version.is_empty());
    let status = world.client.clone().explain_consent(pb::ExplainConsentRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    world.stop().await;
}
