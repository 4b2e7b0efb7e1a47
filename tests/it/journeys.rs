//! Whole journeys through every product, and what surrounds them.

use prost::Message;
use sangam::{
    pb::{self, JourneyState, Product, View},
    sandbox::customer,
};
use tonic::Code;

use crate::harness::{World, data_request, metadata, reason, start_request};

const BOTH: [Product; 2] = [Product::Data, Product::Analytics];

#[tokio::test]
async fn four_products_bring_the_same_customers_data() {
    let world = World::start().await;
    let plans = [
        ("finpro", "consent", &BOTH[..], "consent"),
        ("finpro", "orchestration", &BOTH[..], "orchestration"),
        ("finpass", "main", &BOTH[..1], "account_aggregator"),
        ("finpass", "main", &BOTH[..], "aa_bsa"),
    ];
    for (provider, credential, products, product) in plans {
        let journey_id = world.approved(start_request(provider, credential, "01", products)).await;
        let journey = world.until_state(&journey_id, JourneyState::Ready).await;
        assert_eq!(journey.provider_product, product);
        let (accounts, transactions) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
        assert!(accounts.len() >= 3, "{product}: {} accounts", accounts.len());
        assert!(transactions.len() >= 2_000, "{product}: {} transactions", transactions.len());
    }
    world.stop().await;
}

#[tokio::test]
async fn a_restart_between_start_and_data_loses_nothing() {
    let world = World::start().await;
    let mut journeys = Vec::new();
    for (provider, credential, products) in [
        ("finpro", "consent", &BOTH[..]),
        ("finpro", "orchestration", &BOTH[..]),
        ("finpass", "main", &BOTH[..1]),
        ("finpass", "main", &BOTH[..]),
    ] {
        let request = start_request(provider, credential, "01", products);
        journeys.push(world.client.clone().start_journey(request).await.unwrap().into_inner());
    }
    let world = world.restart().await;
    for opened in &journeys {
        customer::approve(&opened.customer_url).await.unwrap();
        world.until_state(&opened.journey_id, JourneyState::Ready).await;
        assert!(!world.data(data_request(&opened.journey_id, View::Summary)).await.unwrap().0.is_empty());
    }
    let world = world.restart().await;
    for opened in &journeys {
        assert_eq!(world.status(&opened.journey_id).await.state(), JourneyState::Ready);
        assert!(world.data(data_request(&opened.journey_id, View::Masked)).await.unwrap().1.len() >= 2_000);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_answered_and_never_sent_twice() {
    let world = World::start().await;
    let request = start_request("finpro", "consent", "01", &BOTH);
    let mut client = world.client.clone();
    let first = client.start_journey(request.clone()).await.unwrap().into_inner();
    let again = client.start_journey(request.clone()).await.unwrap().into_inner();
    assert_eq!((first.journey_id.as_str(), false), (again.journey_id.as_str(), first.replayed));
    assert!(again.replayed);
    assert_eq!(first.customer_url, again.customer_url);
    let mut other = request.clone();
    other.client_reference = "other".to_owned();
    let status = client.start_journey(other).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    world.stop().await;
}

#[tokio::test]
async fn many_callers_with_one_request_id_make_one_consent() {
    let world = World::start().await;
    let request = start_request("finpass", "main", "01", &BOTH[..1]);
    let calls = (0..50).map(|_| {
        let (mut client, request) = (world.client.clone(), request.clone());
        tokio::spawn(async move { client.start_journey(request).await.unwrap().into_inner().journey_id })
    });
    let mut ids = std::collections::HashSet::new();
    for call in calls.collect::<Vec<_>>() {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(world.sandbox.calls().count("finpass:/api/v1/services/account-aggregator/init"), 1);
    world.stop().await;
}

#[tokio::test]
async fn bad_input_and_early_reads_get_typed_errors() {
    let world = World::start().await;
    let mut client = world.client.clone();
    let empty = client.start_journey(pb::StartJourneyRequest::default()).await.unwrap_err();
    assert_eq!((empty.code(), reason(&empty).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let unknown = client.start_journey(start_request("nobody", "", "01", &BOTH)).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::InvalidArgument, "UNKNOWN_PROVIDER"));
    assert!(
        unknown.message().contains("finpass, finpro") || unknown.message().contains("finpro, finpass"),
        "{}",
        unknown.message()
    );
    let id = format!("jrn_{}", "0".repeat(26));
    for journey_id in [id.as_str(), "jrn_short", "x"] {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        let missing = client.get_status(request).await.unwrap_err();
        assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "JOURNEY_NOT_FOUND"));
    }
    let opened = client.start_journey(start_request("finpro", "consent", "01", &BOTH)).await.unwrap().into_inner();
    let early = client.fetch_data(data_request(&opened.journey_id, View::Masked)).await.unwrap_err();
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "DATA_NOT_READY"));
    assert!(tonic_types::StatusExt::get_details_retry_info(&early).is_some());
    assert_eq!(metadata(&early, "journey_id").as_deref(), Some(opened.journey_id.as_str()));
    customer::reject(&opened.customer_url).await.unwrap();
    world.until_state(&opened.journey_id, JourneyState::Rejected).await;
    let ended = client.fetch_data(data_request(&opened.journey_id, View::Masked)).await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::FailedPrecondition, "JOURNEY_ENDED"));
    world.stop().await;
}

#[tokio::test]
async fn chosen_accounts_are_analysed_apart() {
    let world = World::start().await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", &BOTH)).await;
    world.until_picked_up(&journey_id).await;
    let (accounts, _) = world.data(data_request(&journey_id, View::Summary)).await.unwrap();
    let ask = |account_ids: Vec<String>| {
        let mut client = world.client.clone();
        let request = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), account_ids, ..Default::default() };
        async move { client.fetch_analytics(request).await.map(|answer| answer.into_inner().core.unwrap()) }
    };
    let credits = |core: &pb::AnalyticsCore| core.total_credits.as_ref().unwrap().minor_units;
    let deposits = accounts.iter().filter(|account| account.fi_type() == pb::FiType::Deposit);
    let mut sum = 0;
    for account in deposits {
        sum += credits(&ask(vec![account.account_id.clone()]).await.unwrap());
    }
    assert_eq!(sum, credits(&ask(Vec::new()).await.unwrap()));
    let stranger = ask(vec![format!("acc_{}", "0".repeat(26))]).await.unwrap_err();
    assert_eq!((stranger.code(), reason(&stranger).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let other = world.approved(start_request("finpro", "orchestration", "01", &BOTH)).await;
    world.until_picked_up(&other).await;
    let request =
        pb::FetchAnalyticsRequest { journey_id: other, account_ids: vec![accounts[0].account_id.clone()], ..Default::default() };
    let whole = world.client.clone().fetch_analytics(request).await.unwrap_err();
    assert_eq!(reason(&whole), "INPUT_NOT_SUPPORTED");
    world.stop().await;
}

#[tokio::test]
async fn a_failed_attempt_names_the_reason_that_its_caller_was_told() {
    let world = World::start().await;
    let refused = world.client.clone().start_journey(start_request("finpro", "consent", "30", &BOTH[..1])).await.unwrap_err();
    let journey = world.status(&metadata(&refused, "journey_id").unwrap()).await;
    assert_eq!(journey.state(), JourneyState::Failed);
    assert_eq!(journey.attempts[0].failure_reason, reason(&refused));
    world.stop().await;
}

#[tokio::test]
async fn a_request_whose_process_died_before_the_intent_begins_anew() {
    let world = World::start().await;
    let request = start_request("finpro", "consent", "01", &BOTH);
    let canonical = pb::StartJourneyRequest { request_id: "start".to_owned(), ..request.clone() }.encode_to_vec();
    let service = world.gateway.service();
    let (tenant, now) = (&service.tenant().id, service.clock().now());
    let begun = service.store().begin_request(tenant, &request.request_id, &canonical, "jrn_never_written", now).await;
    assert_eq!(begun.unwrap(), sangam::store::Begun::New);
    let opened = world.client.clone().start_journey(request.clone()).await.unwrap().into_inner();
    assert!(!opened.replayed && !opened.customer_url.is_empty());
    assert!(world.client.clone().start_journey(request).await.unwrap().into_inner().replayed);
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    world.stop().await;
}
