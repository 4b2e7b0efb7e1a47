//! Two gateways on one PostgreSQL: whichever a caller reaches, he is answered by the same store, and nothing is done twice.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sangam::{
    app::{App, Running},
    clock::SystemClock,
    config::Config,
    journey::model::ConsentState,
    pb::{self, JourneyState, Product, View, journey_service_client::JourneyServiceClient},
    sandbox::{SandboxConfig, customer},
};
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, transport::Channel};

use crate::{
    harness::{PATIENCE, World, breath, connect, data_request, metadata, reason, start_request, until},
    postgres::{Cluster, Database},
    stores::on_server,
    torture,
};

const DATA: [Product; 1] = [Product::Data];
const REQUEST_CONSENT: &str = "finpro:/v3/requestconsent";
const READ_DATA: &str = "finpro:received:/getallfidata";

/// Two gateways and the sandbox.
struct Replicas {
    one: World,
    other: Running,
    client: JourneyServiceClient<Channel>,
    database: Database,
    _directory: TempDir,
}

impl Replicas {
    async fn start(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let store = on_server(&database, &directory);
        let one = World::with(SandboxConfig::default(), |config| {
            config.store = store;
            change(config);
        })
        .await;
        let other = App::start(one.config.clone(), Arc::new(SystemClock)).await.unwrap();
        let client = connect(&other).await;
        Self { one, other, client, database, _directory: directory }
    }

    /// The status that the other one answers.
    async fn told(&self, journey_id: &str) -> pb::GetStatusResponse {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        self.client.clone().get_status(request).await.unwrap().into_inner()
    }

    /// A journey with its data, opened at the first one.
    async fn ready(&self) -> String {
        let id = self.one.approved(start_request("finpro", "consent", "01", &DATA)).await;
        self.one.until_picked_up(&id).await;
        id
    }

    async fn stop(self) {
        self.other.stop().await;
        self.one.stop().await;
    }
}

/// A store that does not answer is given up soon.
fn soon_without_a_store(config: &mut Config) {
    config.store.timeout_ms = if torture::full() { 800 } else { 2_000 };
}

/// Nothing is looked at by itself, and a status in memory lives for ever: whatever becomes known was told.
fn quiet(config: &mut Config) {
    config.poller.first_ms = 3_600_000;
    config.poller.max_ms = 3_600_000;
    config.cache.status_ttl_ms = 3_600_000;
}

#[tokio::test]
async fn a_journey_of_one_goes_on_at_the_other() {
    let replicas = Replicas::start(Database::new().await, |_| ()).await;
    let request = start_request("finpro", "consent", "01", &DATA);
    let opened = replicas.one.client.clone().start_journey(request.clone()).await.unwrap().into_inner();
    let again = replicas.client.clone().start_journey(request).await.unwrap().into_inner();
    assert_eq!((again.journey_id.as_str(), again.replayed), (opened.journey_id.as_str(), true));
    customer::approve(&opened.customer_url).await.unwrap();
    let ready = |journey: &pb::Journey| journey.state() == JourneyState::Ready;
    until(&replicas.other, &replicas.client, &opened.journey_id, ready).await;
    replicas.one.until_picked_up(&opened.journey_id).await;
    let request = data_request(&opened.journey_id, View::Masked);
    let here = replicas.one.client.clone().fetch_data(request.clone()).await.unwrap().into_inner();
    let there = replicas.client.clone().fetch_data(request).await.unwrap().into_inner();
    assert!(here.transactions.len() > 1_000);
    assert!(here.accounts == there.accounts && here.transactions == there.transactions, "other rows or ids");
    replicas.stop().await;
}

#[tokio::test]
async fn one_request_id_at_both_at_once_opens_one_journey() {
    let replicas = Replicas::start(Database::new().await, |_| ()).await;
    let request = start_request("finpro", "consent", "01", &DATA);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..40 {
        let mut client = if caller % 2 == 0 { replicas.one.client.clone() } else { replicas.client.clone() };
        let request = request.clone();
        callers.spawn(async move { client.start_journey(request).await.unwrap().into_inner() });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|answer| answer.journey_id == answers[0].journey_id));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(replicas.one.sandbox.calls().count(REQUEST_CONSENT), 1);
    replicas.stop().await;
}

#[tokio::test]
async fn the_background_of_both_picks_each_fetch_up_once() {
    let replicas = Replicas::start(Database::new().await, |_| ()).await;
    let mut journeys = Vec::new();
    for journey in 0..8 {
        let client = if journey % 2 == 0 { &replicas.one.client } else { &replicas.client };
        let request = start_request("finpro", "consent", "01", &DATA);
        let opened = client.clone().start_journey(request).await.unwrap().into_inner();
        customer::approve(&opened.customer_url).await.unwrap();
        journeys.push(opened.journey_id);
    }
    for journey_id in &journeys {
        replicas.one.until_picked_up(journey_id).await;
    }
    let calls = replicas.one.sandbox.calls();
    assert_eq!((calls.count(REQUEST_CONSENT), calls.count(READ_DATA)), (8, 8), "{:?}", calls.all());
    replicas.stop().await;
}

#[tokio::test]
async fn a_withdrawal_at_one_is_a_refusal_at_the_other() {
    let replicas = Replicas::start(Database::new().await, quiet_once_ready).await;
    let id = replicas.ready().await;
    let request = data_request(&id, View::Masked);
    assert!(replicas.client.clone().fetch_data(request.clone()).await.is_ok());
    let withdraw = |journey: &mut sangam::journey::model::Journey| journey.consents[0].state = ConsentState::Revoked;
    replicas.one.gateway.service().change("demo", &id, withdraw).await.unwrap();
    let refused = async {
        loop {
            match replicas.client.clone().fetch_data(request.clone()).await {
                Err(status) if reason(&status) == "CONSENT_REVOKED" => return,
                Err(status) => panic!("{status:?}"),
                Ok(_) => breath().await,
            }
        }
    };
    timeout(PATIENCE, refused).await.expect("it is still served");
    until(&replicas.other, &replicas.client, &id, |journey| journey.state() == JourneyState::Revoked).await;
    replicas.stop().await;
}

/// Looks bring the data; a status in memory lives for ever.
fn quiet_once_ready(config: &mut Config) {
    config.cache.status_ttl_ms = 3_600_000;
}

#[tokio::test]
async fn whatever_becomes_of_the_listener_the_last_state_is_told() {
    let replicas = Replicas::start(Database::new().await, quiet).await;
    let request = start_request("finpro", "consent", "01", &DATA);
    let id = replicas.one.client.clone().start_journey(request).await.unwrap().into_inner().journey_id;
    assert_eq!(replicas.told(&id).await.journey.unwrap().consents[0].state(), pb::ConsentState::Pending);
    let service = replicas.one.gateway.service().clone();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'sangam listener' AND datname = current_database()";
    let (rounds, kills) = (torture::size(10_000, 30), torture::size(100, 10));
    let began = replicas.told(&id).await.journey.unwrap().sequence;
    for round in 0..rounds {
        if round % (rounds / kills) == 0 {
            replicas.database.execute(kill).await;
        }
        let state = if round % 2 == 0 { ConsentState::Paused } else { ConsentState::Active };
        let change = |journey: &mut sangam::journey::model::Journey| journey.consents[0].state = state;
        service.change("demo", &id, change).await.unwrap();
        if round % 5 == 0 {
            // So that there is something in memory that must go.
            replicas.told(&id).await;
        }
    }
    let last = |journey: &pb::Journey| journey.consents[0].state() == pb::ConsentState::Active;
    let sequence = service.store().journey("demo", &id).await.unwrap().unwrap().journey.sequence;
    until(&replicas.other, &replicas.client, &id, |journey| last(journey) && journey.sequence == sequence).await;
    println!("the listener cut {kills} times in {} changes: the last is told", sequence - began);
    replicas.stop().await;
}

#[tokio::test]
async fn an_opening_that_cannot_be_written_down_is_looked_up_and_never_done_again() {
    let replicas = Replicas::start(Database::new().await, |_| ()).await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'";
    replicas.database.execute(refuse).await;
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE OF sealed ON journeys FOR EACH ROW EXECUTE FUNCTION refuse()";
    replicas.database.execute(trigger).await;
    let request = start_request("finpro", "consent", "01", &DATA);
    let lost = replicas.client.clone().start_journey(request.clone()).await.unwrap_err();
    assert_eq!((lost.code(), reason(&lost).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(metadata(&lost, "effect").as_deref(), Some("UNKNOWN"), "{lost:?}");
    replicas.database.execute("DROP TRIGGER refuse ON journeys").await;
    let again = async {
        loop {
            match replicas.one.client.clone().start_journey(request.clone()).await {
                Ok(opened) => return opened.into_inner(),
                Err(status) => assert_eq!(reason(&status), "OUTCOME_UNKNOWN", "{status:?}"),
            }
        }
    };
    let opened = timeout(PATIENCE, again).await.expect("nobody looks it up");
    assert_eq!(Some(&opened.journey_id), metadata(&lost, "journey_id").as_ref());
    assert!(opened.customer_url.starts_with("http"));
    assert_eq!(replicas.one.sandbox.calls().count(REQUEST_CONSENT), 1);
    replicas.stop().await;
}

#[tokio::test]
async fn a_store_that_never_answers_is_as_one_that_is_gone() {
    let replicas = Replicas::start(Database::new().await, soon_without_a_store).await;
    let id = replicas.ready().await;
    // What is to be answered later must be in memory.
    assert!(!replicas.told(&id).await.stale);
    let request = start_request("finpro", "consent", "01", &DATA);
    let mut connection = replicas.database.connect().await;
    let mut holding = connection.begin().await.unwrap();
    holding.execute("LOCK TABLE journeys, requests IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let status = replicas.client.clone().start_journey(request.clone()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    timeout(PATIENCE, async { while !replicas.told(&id).await.stale {} }).await.expect("nobody notices");
    holding.rollback().await.unwrap();
    let served = async {
        while replicas.told(&id).await.stale {}
        while replicas.client.clone().start_journey(request.clone()).await.is_err() {}
    };
    timeout(PATIENCE, served).await.expect("the store is not used again");
    replicas.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_is_bridged_where_it_can_be_and_leaves_nothing_behind() {
    let mut cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap();
    let replicas = Replicas::start(cluster.database().await, soon_without_a_store).await;
    let id = replicas.ready().await;
    assert!(!replicas.told(&id).await.stale);
    let (request, data) = (start_request("finpro", "consent", "01", &DATA), data_request(&id, View::Masked));
    assert!(replicas.client.clone().fetch_data(data.clone()).await.is_ok());

    cluster.stop();
    let bridged = async {
        while !replicas.told(&id).await.stale {}
        while let Ok(page) = replicas.client.clone().fetch_data(data.clone()).await {
            drop(page);
        }
    };
    timeout(PATIENCE, bridged).await.expect("nobody notices the outage");
    let known = replicas.told(&id).await;
    assert!(known.stale && known.journey.unwrap().state() == JourneyState::Ready);
    // A usual run asks each of it once more.
    let (gone, mut slowest, mut asked) = (Instant::now(), Duration::ZERO, 0);
    while asked < 1 || (torture::full() && gone.elapsed() < Duration::from_secs(60)) {
        assert!(replicas.told(&id).await.stale);
        let began = Instant::now();
        let status = replicas.client.clone().start_journey(request.clone()).await.map(drop).unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
        (slowest, asked) = (slowest.max(began.elapsed()), asked + 1);
    }
    // Within its lease a gateway still knows what it may serve, and cannot put it on record.
    let status = replicas.client.clone().fetch_data(data.clone()).await.map(drop).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(["AUDIT_UNAVAILABLE", "STORE_UNAVAILABLE"].contains(&reason(&status).as_str()), "{status:?}");

    cluster.start_again();
    let back = Instant::now();
    let served = async {
        while replicas.told(&id).await.stale {}
        loop {
            match replicas.client.clone().start_journey(request.clone()).await {
                Ok(opened) => return opened.into_inner(),
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        }
    };
    let opened = timeout(PATIENCE, served).await.expect("the store is not used again");
    assert!(replicas.client.clone().fetch_data(data).await.is_ok());
    println!(
        "a database gone for {:?}: {asked} times the status was told as stale and a write refused, within {slowest:?} at most; all served \
         again {:?} after it was back",
        back.duration_since(gone),
        back.elapsed()
    );
    // The background is at work again too, at one of the two, and the other one hears of it.
    customer::approve(&opened.customer_url).await.unwrap();
    let patient = Duration::from_secs(40);
    let ready = until(&replicas.other, &replicas.client, &opened.journey_id, |journey| journey.state() == JourneyState::Ready);
    timeout(patient, ready).await.expect("the background does not go on");
    replicas.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_knows_of_consents_is_not_served_beyond_its_lease() {
    let change = |config: &mut Config| {
        soon_without_a_store(config);
        quiet_once_ready(config);
        config.store.max_consent_lease_ms = 1_000;
    };
    let replicas = Replicas::start(Database::new().await, change).await;
    let id = replicas.ready().await;
    let data = data_request(&id, View::Masked);
    replicas.client.clone().fetch_data(data.clone()).await.unwrap();
    // The log can be written, and everything that is to be served is in memory; only the consents cannot be asked for.
    let mut connection = replicas.database.connect().await;
    let mut holding = connection.begin().await.unwrap();
    holding.execute("LOCK TABLE journeys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let refused = async {
        loop {
            // Within the lease what was known is served.
            if let Err(status) = replicas.client.clone().fetch_data(data.clone()).await {
                return status;
            }
        }
    };
    let status = timeout(PATIENCE, refused).await.expect("nobody notices");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    holding.rollback().await.unwrap();
    let served = async { while replicas.client.clone().fetch_data(data.clone()).await.is_err() {} };
    timeout(PATIENCE, served).await.expect("it is not served again");
    replicas.stop().await;
}

#[tokio::test]
async fn a_watch_of_one_tells_what_both_do_and_goes_on_at_the_other() {
    // Both look after the journey: each change is told once and in order, wherever it was made.
    let replicas = Replicas::start(Database::new().await, |_| ()).await;
    let begin = pb::WatchJourneysRequest::default();
    let mut here = replicas.one.client.clone().watch_journeys(begin.clone()).await.unwrap().into_inner();
    let mut there = replicas.client.clone().watch_journeys(begin).await.unwrap().into_inner();
    let token = timeout(PATIENCE, here.message()).await.unwrap().unwrap().unwrap().resume_token;
    timeout(PATIENCE, there.message()).await.unwrap().unwrap().unwrap();
    let id = replicas.ready().await;
    let last = replicas.one.status(&id).await.sequence;
    for feed in [&mut here, &mut there] {
        assert_eq!(told_until(feed, last).await, (1..=last).collect::<Vec<_>>());
    }
    let resumed = pb::WatchJourneysRequest { resume_token: token, ..Default::default() };
    let mut again = replicas.client.clone().watch_journeys(resumed).await.unwrap().into_inner();
    assert_eq!(told_until(&mut again, last).await, (1..=last).collect::<Vec<_>>());
    let history = pb::WatchStatusRequest { journey_id: id.clone(), after_sequence: Some(0), follow: true };
    let mut changes = replicas.client.clone().watch_status(history).await.unwrap().into_inner();
    let mut expected = 1;
    while expected <= last {
        let message = timeout(PATIENCE, changes.message()).await.unwrap().unwrap().unwrap();
        if let Some(pb::watch_status_response::Event::Change(change)) = message.event {
            assert_eq!(change.sequence, expected);
            expected += 1;
        }
    }
    replicas.stop().await;
}

/// The sequences that a feed tells up to one; there is one journey.
async fn told_until(feed: &mut tonic::Streaming<pb::WatchJourneysResponse>, last: i64) -> Vec<i64> {
    let mut sequences = Vec::new();
    while sequences.last() != Some(&last) {
        let message = timeout(PATIENCE, feed.message()).await.unwrap().unwrap().unwrap();
        match message.event.unwrap() {
            pb::watch_journeys_response::Event::Change(change) => sequences.push(change.sequence),
            pb::watch_journeys_response::Event::Heartbeat(_) => {}
            pb::watch_journeys_response::Event::Reset(_) => panic!("reset"),
        }
    }
    sequences
}
