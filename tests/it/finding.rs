//! Looking for journeys, one open journey for each of the caller's references, and the customer's way back.

use std::collections::BTreeSet;

use sangam::{
    pb::{self, JourneyState, OpenJourneyRule, Product, Purpose, RedirectOutcome},
    sandbox::customer,
};
use tonic::{Code, Status};

use crate::harness::{World, metadata, reason, start_request};

fn referenced(credential: &str, digits: &str, reference: &str) -> pb::StartJourneyRequest {
    let provider = if credential == "main" { "finpass" } else { "finpro" };
    pb::StartJourneyRequest {
        client_reference: reference.to_owned(),
        ..start_request(provider, credential, digits, &[Product::Data])
    }
}

async fn start(world: &World, request: pb::StartJourneyRequest) -> Result<pb::StartJourneyResponse, Status> {
    world.client.clone().start_journey(request).await.map(tonic::Response::into_inner)
}

async fn list(world: &World, request: pb::ListJourneysRequest) -> pb::ListJourneysResponse {
    world.client.clone().list_journeys(request).await.unwrap().into_inner()
}

fn ids(answer: &pb::ListJourneysResponse) -> Vec<&str> {
    answer.journeys.iter().map(|journey| journey.journey_id.as_str()).collect()
}

/// The query of the address at which a customer comes back.
fn query(returned: Option<String>) -> String {
    let url = url::Url::parse(&returned.expect("a return")).unwrap();
    url.query().unwrap_or_default().to_owned()
}

async fn resolve(world: &World, query: &str, journey_id: &str) -> Result<pb::ResolveRedirectResponse, Status> {
    let request = pb::ResolveRedirectRequest { query: query.to_owned(), journey_id: journey_id.to_owned() };
    world.client.clone().resolve_redirect(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_second_open_journey_of_a_reference_is_refused_answered_or_opened_as_the_caller_says() {
    let world = World::start().await;
    let first = start(&world, referenced("consent", "01", "loan-1")).await.unwrap();
    let refused = start(&world, referenced("consent", "01", "loan-1")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OPEN_JOURNEY"));
    assert_eq!(metadata(&refused, "journey_id").as_ref(), Some(&first.journey_id));

    let with =
        |rule: OpenJourneyRule| pb::StartJourneyRequest { on_open_journey: rule.into(), ..referenced("consent", "01", "loan-1") };
    let reused = start(&world, with(OpenJourneyRule::Reuse)).await.unwrap();
    assert_eq!((reused.journey_id.as_str(), reused.reused), (first.journey_id.as_str(), true));
    assert_ne!(reused.customer_url, first.customer_url);
    let second = start(&world, with(OpenJourneyRule::New)).await.unwrap();
    assert!(second.journey_id != first.journey_id && !second.reused);

    // Another reference, another purpose and a journey that is over stand in nobody's way.
    start(&world, referenced("consent", "01", "loan-2")).await.unwrap();
    let mut monitoring = referenced("consent", "01", "loan-1");
    monitoring.consents = vec![pb::ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() }];
    start(&world, monitoring).await.unwrap();
    for url in [&reused.customer_url, &second.customer_url] {
        customer::reject(url).await.unwrap();
    }
    for journey in [&first.journey_id, &second.journey_id] {
        world.until_state(journey, JourneyState::Rejected).await;
    }
    start(&world, referenced("consent", "01", "loan-1")).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn of_many_starts_at_once_with_one_reference_one_opens_a_journey() {
    let world = World::start().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let mut client = world.client.clone();
            tokio::spawn(async move { client.start_journey(referenced("consent", "01", "loan-1")).await })
        })
        .collect();
    let (mut opened, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => opened += 1,
            Err(status) => {
                assert_eq!(reason(&status), "OPEN_JOURNEY");
                refused += 1;
            }
        }
    }
    assert_eq!((opened, refused), (1, 19));
    assert_eq!(world.sandbox.calls().count("finpro:received:/v3/requestconsent"), 1, "{:?}", world.sandbox.calls().all());
    world.stop().await;
}

#[tokio::test]
async fn a_lost_journey_is_superseded_and_given_up() {
    let world = World::start().await;
    // Its answer is lost behind a 504, and there is no look-up for it.
    let lost = start(&world, referenced("orchestration", "36", "loan-1")).await.unwrap_err();
    let lost_id = metadata(&lost, "journey_id").unwrap();
    let refused = start(&world, referenced("orchestration", "01", "loan-1")).await.unwrap_err();
    assert_eq!(reason(&refused), "OPEN_JOURNEY");
    let other = pb::StartJourneyRequest { supersedes: lost_id.clone(), ..referenced("orchestration", "01", "loan-2") };
    assert_eq!(reason(&start(&world, other).await.unwrap_err()), "INVALID_FIELDS");

    let anew = pb::StartJourneyRequest { supersedes: lost_id.clone(), ..referenced("orchestration", "01", "loan-1") };
    let opened = start(&world, anew).await.unwrap();
    let old = world.status(&lost_id).await;
    assert_eq!((old.state(), old.superseded_by.as_str()), (JourneyState::Cancelled, opened.journey_id.as_str()));
    let again = pb::StartJourneyRequest { supersedes: lost_id, ..referenced("orchestration", "01", "loan-1") };
    assert_eq!(reason(&start(&world, again).await.unwrap_err()), "JOURNEY_STATE");
    world.stop().await;
}

#[tokio::test]
async fn journeys_are_found_by_reference_state_provider_and_expiry() {
    let world = World::start().await;
    let waiting = start(&world, referenced("consent", "01", "loan-1")).await.unwrap().journey_id;
    let ready = world.approved(referenced("consent", "01", "loan-2")).await;
    world.until_settled(&ready).await;
    let elsewhere = start(&world, referenced("main", "03", "loan-3")).await.unwrap().journey_id;

    let all = list(&world, pb::ListJourneysRequest::default()).await;
    assert_eq!(ids(&all), [elsewhere.as_str(), &ready, &waiting]);
    let by = |request| list(&world, request);
    let reference = |text: &str| pb::ListJourneysRequest { client_reference: text.to_owned(), ..Default::default() };
    assert_eq!(ids(&by(reference("loan-1")).await), [waiting.as_str()]);
    assert!(by(reference("loan-9")).await.journeys.is_empty());
    let states = pb::ListJourneysRequest { states: vec![JourneyState::Ready.into()], ..Default::default() };
    assert_eq!(ids(&by(states).await), [ready.as_str()]);
    let provider = pb::ListJourneysRequest { provider: "finpass".to_owned(), ..Default::default() };
    assert_eq!(ids(&by(provider).await), [elsewhere.as_str()]);
    let before = |seconds| pb::ListJourneysRequest {
        expires_before: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..Default::default()
    };
    assert!(by(before(1_000)).await.journeys.is_empty());
    let expiring = by(before(8_000_000_000)).await;
    assert_eq!(ids(&expiring), [ready.as_str()]);
    assert!(expiring.journeys[0].expire_time.is_some());

    let wrong = pb::ListJourneysRequest { states: vec![99, 0], page_size: 201, ..Default::default() };
    let status = world.client.clone().list_journeys(wrong).await.unwrap_err();
    assert_eq!(tonic_types::StatusExt::get_error_details(&status).bad_request().unwrap().field_violations.len(), 3);
    world.stop().await;
}

#[tokio::test]
async fn pages_of_journeys_hold_each_once_whatever_is_opened_meanwhile() {
    let world = World::start().await;
    let mut opened = BTreeSet::new();
    for at in 0..7 {
        opened.insert(start(&world, referenced("consent", "01", &format!("loan-{at}"))).await.unwrap().journey_id);
    }
    let mut request = pb::ListJourneysRequest { page_size: 3, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = list(&world, request.clone()).await;
        seen.extend(page.journeys.iter().map(|journey| journey.journey_id.clone()));
        start(&world, referenced("consent", "01", &format!("later-{}", seen.len()))).await.unwrap();
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (7, opened));
    let other = pb::ListJourneysRequest { page_size: 4, ..request };
    let status = world.client.clone().list_journeys(other).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH"));
    world.stop().await;
}

#[tokio::test]
async fn a_return_names_its_journey_and_changes_no_state() {
    let world = World::start().await;
    let approved = start(&world, referenced("consent", "01", "loan-1")).await.unwrap();
    let rejected = start(&world, referenced("consent", "02", "loan-2")).await.unwrap();
    let transaction = start(&world, referenced("orchestration", "03", "loan-3")).await.unwrap();
    let yes = query(customer::approve(&approved.customer_url).await.unwrap());
    let no = query(customer::reject(&rejected.customer_url).await.unwrap());
    let done = query(customer::approve(&transaction.customer_url).await.unwrap());

    let said = resolve(&world, &yes, "").await.unwrap();
    assert_eq!(
        (said.journey_id.as_str(), said.outcome(), said.confirmed),
        (approved.journey_id.as_str(), RedirectOutcome::Approved, true)
    );
    assert_eq!(said.provider_code, "0");
    let said = resolve(&world, &no, &rejected.journey_id).await.unwrap();
    assert_eq!((said.outcome(), said.provider_code.as_str()), (RedirectOutcome::Rejected, "1"));
    let said = resolve(&world, &done, "").await.unwrap();
    assert_eq!((said.journey_id.as_str(), said.confirmed), (transaction.journey_id.as_str(), false));
    assert_eq!(said.outcome(), RedirectOutcome::Approved);

    for (query, journey) in [(yes.as_str(), rejected.journey_id.as_str()), ("a=b", ""), ("ecres=x&resdate=1&fi=y", "")] {
        let status = resolve(&world, query, journey).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "REDIRECT_UNKNOWN"), "{query}");
    }
    let status = resolve(&world, "", "").await.unwrap_err();
    assert_eq!(reason(&status), "INVALID_FIELDS");
    // A forged word of success moves nothing.
    let open = start(&world, referenced("orchestration", "04", "loan-4")).await.unwrap();
    let before = world.status(&open.journey_id).await;
    let forged = done.split('&').find(|pair| pair.starts_with("txnid=")).unwrap();
    let said = resolve(&world, &format!("{forged}&status=true"), &transaction.journey_id).await.unwrap();
    assert!(!said.confirmed);
    assert_eq!(world.status(&open.journey_id).await.state(), before.state());
    world.stop().await;
}
