//! A PostgreSQL under stress: tables that another session locks, and a listener that is ended again and again. Calls end by the store's own
//! bounds and say so; none waits to its caller's deadline, and none depends on the listener.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sangam::{
    app::{App, Running},
    clock::SystemClock,
    config::Config,
    journey::model::{ConsentState, Journey},
    pb::{self, Product, View, journey_service_client::JourneyServiceClient},
    sandbox::SandboxConfig,
};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt;

use crate::{
    harness::{PATIENCE, World, connect, data_request, metadata, reason, start_request},
    postgres::Database,
    stores::{
        commits::{CUT_AFTER, Relay},
        on_server,
    },
    torture::{REQUEST_CONSENT, full, mobile, opening, size},
};

/// Much longer than the bounds of the store.
const DEADLINE: Duration = Duration::from_secs(9);

async fn world(database: &Database, directory: &TempDir, change: impl FnOnce(&mut Config)) -> World {
    let store = on_server(database, directory);
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    World::with(sandbox, |config| {
        config.store = store;
        change(config);
    })
    .await
}

/// A store that gives up soon.
fn impatient(config: &mut Config) {
    config.store.timeout_ms = if full() { 800 } else { 1_000 };
}

fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// What a refusal by the store must say; returns its reason.
fn by_the_store(status: &Status) -> String {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.get_error_details().retry_info().is_some(), "{status:?}");
    assert_eq!(metadata(status, "effect").as_deref(), Some("NONE"), "{status:?}");
    reason(status)
}

async fn lock(connection: &mut PgConnection, table: &str) {
    connection.execute("BEGIN").await.unwrap();
    connection.execute(AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_ends_calls_before_their_deadline() {
    let (database, directory) = (Database::new().await, TempDir::new().unwrap());
    let world = world(&database, &directory, impatient).await;
    let (calls, mut connection) = (size(40, 4), database.connect().await);
    let mut asked = 0;
    for (table, reads_end, expected) in [
        ("journeys", true, "STORE_UNAVAILABLE"),
        ("events", false, "STORE_UNAVAILABLE"),
        ("requests", false, "STORE_UNAVAILABLE"),
        ("journey_refs", true, "STORE_UNAVAILABLE"),
        ("audit_rows", false, "AUDIT_UNAVAILABLE"),
    ] {
        lock(&mut connection, table).await;
        let requests: Vec<_> = (asked..asked + calls).map(|number| opening(&mobile(number))).collect();
        asked += calls;
        let mut openings = JoinSet::new();
        for request in requests.clone() {
            let mut client = world.client.clone();
            openings.spawn(async move { client.start_journey(within(request)).await.map(drop).unwrap_err() });
        }
        let listed = world.client.clone().list_journeys(within(pb::ListJourneysRequest::default())).await;
        match listed {
            Ok(_) => assert!(!reads_end, "a locked table is read"),
            Err(status) => assert_eq!((reads_end, by_the_store(&status).as_str()), (true, "STORE_UNAVAILABLE")),
        }
        let reasons: Vec<_> = openings.join_all().await.iter().map(by_the_store).collect();
        println!("{table} locked: {} openings refused: {:?}", reasons.len(), reasons.first());
        // While the calls wait for the locked table, others wait for a connection.
        assert!(reasons.iter().all(|reason| reason == expected || reason == "STORE_UNAVAILABLE"), "{table}: {reasons:?}");
        let of = |request: &pb::StartJourneyRequest| request.customer.as_ref().unwrap().mobile.clone();
        let calls = world.sandbox.calls();
        assert!(requests.iter().all(|request| calls.count_for(REQUEST_CONSENT, &of(request)) == 0), "{table}: asked in vain");
        connection.execute("ROLLBACK").await.unwrap();
        for request in requests {
            let opened = async { while world.client.clone().start_journey(request.clone()).await.is_err() {} };
            timeout(PATIENCE, opened).await.expect("the store is not used again");
            assert_eq!(calls.count_for(REQUEST_CONSENT, &of(&request)), 1);
        }
    }
    world.stop().await;
}

/// Two gateways on one database.
struct Two {
    one: World,
    other: Running,
    clients: [JourneyServiceClient<Channel>; 2],
}

impl Two {
    async fn start(database: &Database, directory: &TempDir) -> Self {
        let change = |config: &mut Config| {
            // Every status is asked of the store or of what others tell.
            config.cache.status_ttl_ms = 3_600_000;
            // On a busy machine a gateway that is late with its signs of life is not gone.
            config.store.replica_timeout_ms = 600_000;
            if full() {
                config.store.timeout_ms = 800;
                // The polls of thousands of open journeys would use the connections up.
                (config.poller.first_ms, config.poller.max_ms) = (2_000, 300_000);
            }
        };
        let one = world(database, directory, change).await;
        let other = App::start(one.config.clone(), Arc::new(SystemClock)).await.unwrap();
        let clients = [one.client.clone(), connect(&other).await];
        Self { one, other, clients }
    }
}

/// Ends the listeners so many times, each time when new ones are there.
async fn end_listeners(database: Database, times: usize, of: usize) {
    let mut connection = database.connect().await;
    let listeners =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sangam listener' AND datname = current_database()";
    let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
               WHERE application_name = 'sangam listener' AND datname = current_database()";
    for _ in 0..times {
        let there = async {
            while sqlx::query_scalar::<_, i64>(listeners).fetch_one(&mut connection).await.unwrap() < i64::try_from(of).unwrap() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, there).await.expect("nothing listens any more");
        connection.execute(end).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_depends_on_the_listener() {
    let (database, directory) = (Database::new().await, TempDir::new().unwrap());
    let two = Two::start(&database, &directory).await;
    let id = two.one.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    two.one.until_picked_up(&id).await;
    let over = Arc::new(AtomicBool::new(false));
    let (done, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let (mut client, id) = (two.clients[caller % 2].clone(), id.clone());
        let (over, done, failed) = (over.clone(), done.clone(), failed.clone());
        callers.spawn(async move {
            for round in 0.. {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let answer = match round % 4 {
                    0 => client.start_journey(within(opening(&mobile(caller * 100_000 + round)))).await.map(drop),
                    1 => client.get_status(within(pb::GetStatusRequest { journey_id: id.clone() })).await.map(drop),
                    2 => client.list_journeys(within(pb::ListJourneysRequest::default())).await.map(drop),
                    _ => client.fetch_data(within(data_request(&id, View::Masked))).await.map(drop),
                };
                done.fetch_add(1, Ordering::SeqCst);
                if let Err(status) = answer {
                    failed.lock().unwrap().push(format!("{round}: {status:?}"));
                }
            }
        });
    }
    // Each reads the store again when a listener is back.
    let mut watches = JoinSet::new();
    let mut clients = two.clients.clone();
    for number in 0..size(2_000, 100) {
        // A connection carries so many streams only.
        if number % 40 == 0 {
            clients = [connect(&two.one.gateway).await, connect(&two.other).await];
        }
        let mut client = clients[number % 2].clone();
        let request = pb::WatchStatusRequest { journey_id: id.clone(), after_sequence: None, follow: true };
        let mut stream = client.watch_status(request).await.unwrap().into_inner();
        let failed = failed.clone();
        watches.spawn(async move {
            loop {
                match stream.message().await {
                    Ok(Some(_)) => {}
                    end => return failed.lock().unwrap().push(format!("a watch ended: {end:?}")),
                }
            }
        });
    }
    let times = size(300, 10);
    end_listeners(database, times, 2).await;
    over.store(true, Ordering::SeqCst);
    callers.join_all().await;
    watches.shutdown().await;
    let (done, failed) = (done.load(Ordering::SeqCst), failed.lock().unwrap().clone());
    println!("the listeners ended {times} times during {done} calls: {} failed", failed.len());
    assert!(done > times, "nothing was called");
    assert_eq!(failed, [""; 0]);
    two.other.stop().await;
    two.one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_outdates_what_is_in_memory() {
    let (database, directory) = (Database::new().await, TempDir::new().unwrap());
    let (relay, behind) = Relay::before_database(&database).await;
    let world = world(&behind, &directory, |config| {
        (config.poller.first_ms, config.poller.max_ms) = (3_600_000, 3_600_000);
        config.cache.status_ttl_ms = 3_600_000;
    })
    .await;
    let opened = world.client.clone().start_journey(opening(&mobile(1))).await.unwrap().into_inner();
    let mut states = [ConsentState::Paused, ConsentState::Active].into_iter().cycle();
    let lost = async {
        loop {
            // Now it is in memory.
            world.status(&opened.journey_id).await;
            let state = states.next().unwrap();
            relay.cut.store(CUT_AFTER, Ordering::SeqCst);
            let change = |journey: &mut Journey| journey.consents[0].state = state;
            // Another commit, such as the audit log's, may have been the one that was cut.
            if world.gateway.service().change("demo", &opened.journey_id, change).await.is_err() {
                return state;
            }
        }
    };
    let lost = timeout(PATIENCE, lost).await.expect("no commit was cut");
    let shown = world.status(&opened.journey_id).await.consents[0].state();
    assert_eq!(shown == pb::ConsentState::Paused, lost == ConsentState::Paused, "{shown:?}, and {lost:?} is stored");
    world.stop().await;
}
