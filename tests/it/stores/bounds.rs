//! The bounds of what is asked of a PostgreSQL that holds locks, says nothing, or ends connections.

use std::{sync::atomic::Ordering, time::Duration};

use sangam::{
    journey::model::Journey,
    store::{Begun, Claim, Guard, Store, StoreError, Wanted},
};
use sqlx::{Connection, Executor};
use tokio::time::timeout;

use super::{
    Kit, at, commits,
    commits::{SWALLOW, behind_relay},
    testing,
};
use crate::harness::PATIENCE;

/// Milliseconds. Short: what is waited for here never comes.
const WAIT: u64 = 300;

async fn listed(store: &Store) -> Result<usize, StoreError> {
    let journeys = store.find_journeys("default", &Wanted::default(), None, 10).await?;
    Ok(journeys.len())
}

async fn insert(store: &Store, id: &str) -> Result<(), StoreError> {
    let journey = Journey { id: id.to_owned(), ..testing::journey() };
    store.insert_journey(&journey, None, at(5)).await
}

#[tokio::test]
async fn a_locked_table_ends_reads_and_writes_by_its_lock() {
    let kit = Kit::postgres().await;
    let store = kit.waiting(WAIT).await;
    insert(&store, "jrn_1").await.unwrap();
    let mut connection = kit.beside().await;
    for table in ["journeys", "events", "journey_refs"] {
        let mut holding = connection.begin().await.unwrap();
        holding.execute(sqlx::AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))).await.unwrap();
        let refused = insert(&store, &format!("jrn_{table}")).await.unwrap_err();
        assert!(refused.to_string().contains("55P03"), "{table}: {refused}");
        if table == "journeys" {
            let refused = listed(&store).await.unwrap_err();
            assert!(refused.to_string().contains("55P03"), "{refused}");
        }
        holding.rollback().await.unwrap();
        insert(&store, &format!("jrn_{table}")).await.unwrap();
    }
    assert_eq!(listed(&store).await, Ok(4), "what was refused is there, or what was written is not");
}

#[tokio::test]
async fn a_silent_server_ends_statements_and_gives_connections_back() {
    let (store, relay, _database, _directory) = behind_relay(WAIT).await;
    insert(&store, "jrn_1").await.unwrap();
    relay.cut.store(SWALLOW, Ordering::SeqCst);
    let asked = async {
        // More than there are connections.
        let reads = (0..40).map(|_| listed(&store));
        let reads = futures_util::future::join_all(reads).await;
        (reads, insert(&store, "jrn_2").await, store.finish_request("default", "r1", b"a").await)
    };
    let (reads, write, finished) = timeout(PATIENCE, asked).await.expect("a statement has no bound");
    assert!(reads.iter().all(|read| matches!(read, Err(StoreError::Unreachable(_)))), "{reads:?}");
    assert!(matches!(write, Err(StoreError::Unreachable(_))), "{write:?}");
    assert!(matches!(finished, Err(StoreError::Unreachable(_))), "{finished:?}");
    relay.cut.store(commits::PASS, Ordering::SeqCst);
    // Connections that were given up must not be missing now.
    let served = async { while listed(&store).await != Ok(1) {} };
    timeout(PATIENCE, served).await.expect("the store is not used again");
    store.close().await;
}

#[tokio::test]
async fn a_commit_that_is_not_answered_in_time_is_undecided() {
    let (store, relay, _database, _directory) = behind_relay(WAIT).await;
    let journey = testing::journey();
    relay.cut.store(commits::SWALLOW_COMMIT, Ordering::SeqCst);
    let claim = Claim { request_id: "r1" };
    let lost = timeout(PATIENCE, store.insert_intent(Some(claim), &journey, Guard::Off, None, at(5))).await;
    let lost = lost.expect("a commit has no bound");
    assert!(matches!(lost, Err(StoreError::Undecided(_))), "{lost:?}");
}

#[tokio::test]
async fn a_connection_lost_at_rest_fails_no_read_and_no_write() {
    let kit = Kit::postgres().await;
    insert(&kit.store, "jrn_1").await.unwrap();
    let (mut journey, mut killer) = (kit.store.journey("default", "jrn_1").await.unwrap().unwrap(), kit.beside().await);
    for round in 0..20 {
        let ended = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                     WHERE application_name = 'sangam' AND datname = current_database()";
        killer.execute(ended).await.unwrap();
        assert_eq!(listed(&kit.store).await, Ok(1));
        killer.execute(ended).await.unwrap();
        journey.journey.sequence += 1;
        assert_eq!(kit.store.save_journey(&journey.journey, journey.version, None, at(9)).await, Ok(true));
        journey.version += 1;
        killer.execute(ended).await.unwrap();
        // Once freed, the id goes on with its journey.
        let expected = if round == 0 { Begun::New } else { Begun::Again("jrn_1".to_owned()) };
        assert_eq!(kit.store.begin_request("default", "r1", b"a", "jrn_1", at(5)).await, Ok(expected));
        killer.execute(ended).await.unwrap();
        assert_eq!(kit.store.free_request("default", "r1").await, Ok(()));
    }
}

#[tokio::test]
async fn a_caller_who_leaves_takes_no_connection_along() {
    let kit = Kit::postgres().await;
    let store = kit.waiting(20_000).await;
    let mut connection = kit.beside().await;
    let mut holding = connection.begin().await.unwrap();
    holding.execute("LOCK TABLE journeys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reads = (0..40).map(|_| timeout(Duration::from_millis(50), listed(&store)));
    assert!(futures_util::future::join_all(reads).await.iter().all(Result::is_err));
    holding.rollback().await.unwrap();
    assert_eq!(listed(&store).await, Ok(0));
}

#[tokio::test]
async fn commits_are_synchronous_if_the_server_default_is_off() {
    let kit = Kit::postgres().await;
    let mut connection = kit.beside().await;
    for statement in [
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        "CREATE TABLE seen (mode text)",
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO seen VALUES (current_setting(''synchronous_commit'')); RETURN NEW; END'",
        "CREATE TRIGGER see BEFORE INSERT ON journeys FOR EACH ROW EXECUTE FUNCTION see()",
    ] {
        connection.execute(statement).await.unwrap();
    }
    let store = kit.waiting(20_000).await;
    insert(&store, "jrn_1").await.unwrap();
    let mode: String = sqlx::query_scalar("SELECT mode FROM seen").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mode, "on");
}
