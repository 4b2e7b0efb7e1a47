//! Answers that are lost, and writes that must not happen twice.

use sangam::{
    pb::{self, JourneyState, Product, Purpose, View},
    sandbox::customer,
};
use tonic::Code;

use super::{ask, opened, roomy, roomy_with};
use crate::harness::{World, data_request, metadata, reason, start_request};

const REQUEST_CONSENT: &str = "finpro:/v3/requestconsent";
const FI_REQUEST: &str = "finpro:/fi/request";

async fn resumed(world: &World, journey_id: &str) -> pb::ResumeJourneyResponse {
    let request = pb::ResumeJourneyRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        journey_id: journey_id.to_owned(),
        ..Default::default()
    };
    world.client.clone().resume_journey(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_lost_answer_to_a_consent_request_is_looked_up_and_never_sent_again() {
    let world = roomy().await;
    let request = start_request("finpro", "consent", "36", &[Product::Data]);
    let journey_id = match world.client.clone().start_journey(request.clone()).await {
        Ok(opened) => opened.into_inner().journey_id,
        Err(status) => {
            assert_eq!(metadata(&status, "effect").as_deref(), Some("UNKNOWN"), "{status:?}");
            metadata(&status, "journey_id").unwrap()
        }
    };
    world.until_state(&journey_id, JourneyState::AwaitingCustomer).await;
    let link = resumed(&world, &journey_id).await;
    customer::approve(&link.customer_url).await.unwrap();
    assert_eq!(world.until_settled(&journey_id).await.state(), JourneyState::Ready);
    assert_eq!(world.sandbox.calls().count(REQUEST_CONSENT), 1);
    assert!(world.data(data_request(&journey_id, View::Summary)).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn where_nothing_can_be_looked_up_the_outcome_stays_unknown() {
    let world = roomy().await;
    for (credential, provider, call) in
        [("orchestration", "finpro", REQUEST_CONSENT), ("main", "finpass", "finpass:/api/v1/services/account-aggregator/init")]
    {
        let request = start_request(provider, credential, "36", &[Product::Data]);
        let lost = world.client.clone().start_journey(request.clone()).await.unwrap_err();
        assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{provider}: {lost:?}");
        let journey_id = metadata(&lost, "journey_id").unwrap();
        assert_eq!(world.status(&journey_id).await.state(), JourneyState::OutcomeUnknown, "{provider}");
        // The same request again is the same journey, and a fresh link could ask the customer twice.
        let again = world.client.clone().start_journey(request).await;
        let again =
            again.map(|answer| answer.into_inner().journey_id).unwrap_or_else(|status| metadata(&status, "journey_id").unwrap());
        assert_eq!(again, journey_id, "{provider}");
        let resume = pb::ResumeJourneyRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            journey_id: journey_id.clone(),
            ..Default::default()
        };
        let refused = world.client.clone().resume_journey(resume).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OUTCOME_UNKNOWN"), "{provider}");
        assert_eq!(world.sandbox.calls().count_for(call, "9000000036"), 1, "{provider}");
    }
    world.stop().await;
}

/// One journey with a named template, approved and settled.
async fn by_template(world: &World, digits: &str, purpose: Purpose, template: &str) -> pb::Journey {
    let mut request = start_request("finpro", "consent", digits, &[Product::Data]);
    request.consents = vec![ask(purpose, template)];
    let journey_id = world.approved(request).await;
    world.until_settled(&journey_id).await
}

#[tokio::test]
async fn data_is_asked_for_once_where_the_template_leaves_it_to_us_and_never_elsewhere() {
    let world = roomy_with(|config| {
        let consent = config.tenant.providers.finpro.get_mut("consent").unwrap();
        consent.templates.insert("UW-MANUAL".to_owned(), Default::default());
    })
    .await;
    let calls = world.sandbox.calls();
    let automatic = by_template(&world, "01", Purpose::Underwriting, "UW-ONETIME").await;
    assert_eq!((automatic.state(), calls.count(FI_REQUEST)), (JourneyState::Ready, 0));
    let manual = by_template(&world, "40", Purpose::Underwriting, "UW-MANUAL").await;
    assert_eq!((manual.state(), calls.count_for(FI_REQUEST, "9000000040")), (JourneyState::Ready, 1), "{manual:?}");
    let periodic = by_template(&world, "41", Purpose::Monitoring, "MON-PERIODIC").await;
    assert_eq!((periodic.state(), calls.count_for(FI_REQUEST, "9000000041")), (JourneyState::Ready, 1));
    assert!(periodic.consents[0].periodic && !manual.consents[0].periodic);
    // Its answer is lost behind a 504: the session is read back instead.
    let lost = by_template(&world, "37", Purpose::Underwriting, "UW-MANUAL").await;
    assert_eq!((lost.state(), calls.count_for(FI_REQUEST, "9000000037")), (JourneyState::Ready, 1), "{lost:?}");
    for journey in [&automatic, &manual, &periodic, &lost] {
        assert_eq!(journey.consents[0].fetches.len(), 1, "{journey:?}");
        assert!(world.data(data_request(&journey.journey_id, View::Masked)).await.unwrap().1.len() >= 1_000);
    }
    world.stop().await;
}

#[tokio::test]
async fn what_may_only_be_looked_at_is_neither_served_in_pages_nor_kept() {
    let world = roomy_with(|config| {
        let consent = config.tenant.providers.finpro.get_mut("consent").unwrap();
        consent.templates.insert("VIEW-ONCE".to_owned(), Default::default());
    })
    .await;
    let journey = by_template(&world, "01", Purpose::OneTime, "VIEW-ONCE").await;
    let fetch = &journey.consents[0].fetches[0];
    assert_eq!((journey.state(), journey.consents[0].mode()), (JourneyState::Ready, pb::ConsentMode::View));
    let refused = world.data(data_request(&journey.journey_id, View::Masked)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "VIEW_ONLY"));
    assert_eq!(world.gateway.service().store().snapshot("demo", &fetch.fetch_id).await.unwrap(), None);
    assert_eq!(
        world.sandbox.calls().count("finpro:received:/getallfidata"),
        0,
        "data that cannot be kept was fetched all the same"
    );
    world.stop().await;
}

#[tokio::test]
async fn fifty_callers_at_once_make_one_call_at_the_provider() {
    let world = roomy().await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    world.until_state(&journey_id, JourneyState::Ready).await;
    let reads = (0..50).map(|_| {
        let (mut client, request) = (world.client.clone(), data_request(&journey_id, View::Masked));
        tokio::spawn(async move { client.fetch_data(request).await.unwrap().into_inner() })
    });
    let mut pages = Vec::new();
    for read in reads.collect::<Vec<_>>() {
        pages.push(read.await.unwrap());
    }
    assert!(pages.iter().all(|page| page.accounts == pages[0].accounts && page.transactions == pages[0].transactions));
    assert!(!pages[0].transactions.is_empty());
    assert_eq!(world.sandbox.calls().count("finpro:received:/getallfidata"), 1);
    world.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_the_operators_fault() {
    let world = roomy_with(|config| {
        let wrong = config.store.path.with_file_name("wrong.secret");
        std::fs::write(&wrong, "not-the-secret").unwrap();
        let wrong = || sangam::config::SecretSource::from_file(&wrong);
        for finpro in config.tenant.providers.finpro.values_mut() {
            finpro.client_secret = wrong();
        }
        for finpass in config.tenant.providers.finpass.values_mut() {
            finpass.api_secret = wrong();
        }
    })
    .await;
    for offer in crate::offers::offers(&world).await {
        let refused = world.client.clone().start_journey(offer.request("01")).await.unwrap_err();
        let seen = (refused.code(), reason(&refused));
        assert_eq!(seen, (Code::FailedPrecondition, "PROVIDER_CREDENTIALS".to_owned()), "{}: {refused:?}", offer.name());
        assert_eq!(metadata(&refused, "provider"), Some(offer.provider.clone()));
        assert_eq!(metadata(&refused, "effect").as_deref(), Some("NONE"));
    }
    world.stop().await;
}

#[tokio::test]
async fn inputs_that_cannot_be_honoured_are_each_named_before_anything_is_sent() {
    let world = roomy().await;
    for offer in crate::offers::offers(&world).await {
        let mut request = offer.request("01");
        let customer = request.customer.as_mut().unwrap();
        (customer.email, customer.vua) = ("someone@example.com".to_owned(), "9000000001@onemoney".to_owned());
        request.institutions = vec!["fip-sandbox".to_owned()];
        request.client_reference = "ref-1".to_owned();
        request.allow_ignored = false;
        let given = [("customer.pan", true), ("customer.email", true), ("customer.vua", true), ("institutions", true)];
        let unstated: Vec<_> = given
            .iter()
            .filter(|(input, _)| !offer.product.inputs.iter().any(|known| known == input))
            .map(|(input, _)| *input)
            .collect();
        let answer = world.client.clone().start_journey(request.clone()).await;
        if unstated.is_empty() {
            assert!(answer.is_ok(), "{}: {answer:?}", offer.name());
            continue;
        }
        let refused = answer.unwrap_err();
        let seen = (refused.code(), reason(&refused));
        assert_eq!(seen, (Code::InvalidArgument, "INPUT_NOT_SUPPORTED".to_owned()), "{}: {refused:?}", offer.name());
        let details = tonic_types::StatusExt::get_error_details(&refused);
        let mut named: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|one| one.field.clone()).collect();
        named.sort();
        let mut expected = unstated.clone();
        expected.sort_unstable();
        assert_eq!(named, expected, "{}", offer.name());
        request.allow_ignored = true;
        request.request_id = uuid::Uuid::new_v4().to_string();
        let mut ignored = opened(&world, request).await.ignored_inputs;
        ignored.sort();
        assert_eq!(ignored, expected, "{}", offer.name());
    }
    world.stop().await;
}
