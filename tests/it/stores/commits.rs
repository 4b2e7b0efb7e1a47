//! What a failed write leaves behind, and a PostgreSQL that is lost in the middle of a commit.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use sangam::{
    config,
    journey::model::Journey,
    store::{self, Begun, Claim, Guard, Store, StoreError},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::{Kit, at, keys, on_every_store, on_server, testing};
use crate::postgres::Database;

on_every_store!(a_refused_write_leaves_nothing_open, a_check_of_health_writes_and_succeeds);

const CLAIM: Claim<'static> = Claim { request_id: "r1" };

async fn a_refused_write_leaves_nothing_open(kit: &Kit) {
    let journey = testing::journey();
    kit.store.insert_journey(&journey, None, at(5)).await.unwrap();
    for _ in 0..20 {
        kit.store.insert_journey(&journey, None, at(5)).await.unwrap_err();
    }
    let other = Journey { id: "jrn_2".to_owned(), ..journey };
    kit.store.insert_journey(&other, None, at(5)).await.unwrap();
    // By connections of its own: what is not committed is not there.
    let seen = kit.open(1).await.unwrap();
    assert!(seen.journey("default", "jrn_2").await.unwrap().is_some());
}

async fn a_check_of_health_writes_and_succeeds(kit: &Kit) {
    for _ in 0..25 {
        assert_eq!(kit.store.ping().await, Ok(()));
    }
    kit.execute("DROP TABLE write_proof".to_owned()).await;
    let mut failed = 0;
    for _ in 0..25 {
        failed += usize::from(kit.store.ping().await.is_err());
    }
    assert!(failed > 0, "a store that cannot write counts as healthy");
}

pub const PASS: u8 = 0;
const CUT_BEFORE: u8 = 1;
pub const CUT_AFTER: u8 = 2;
/// From now on nothing of what is sent arrives, and connections stay open.
pub const SWALLOW: u8 = 3;
/// The next commit does not arrive, and its connection stays open.
pub const SWALLOW_COMMIT: u8 = 4;

/// Stands before a server and ends the connection of the next commit: before the server has it, or when it has answered.
pub struct Relay {
    pub cut: Arc<AtomicU8>,
    address: SocketAddr,
}

impl Relay {
    /// A relay before the server of a database, and the database as it is reached through it.
    pub async fn before_database(database: &Database) -> (Self, Database) {
        let mut url = Url::parse(&database.url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap();
        let relay = Self::before(server).await;
        url.set_port(Some(relay.address.port())).unwrap();
        (relay, Database { url: url.to_string() })
    }

    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (cut, address) = (Arc::new(AtomicU8::new(PASS)), listener.local_addr().unwrap());
        let chosen = cut.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, chosen.clone()));
            }
        });
        Self { cut, address }
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, cut: Arc<AtomicU8>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(size @ 1..) = read else { return };
                if cut.load(Ordering::SeqCst) == SWALLOW {
                    continue;
                }
                let commits = asked[..size].windows(6).any(|window| window == b"COMMIT");
                match if commits { cut.swap(PASS, Ordering::SeqCst) } else { PASS } {
                    CUT_BEFORE => return,
                    SWALLOW_COMMIT => {}
                    CUT_AFTER => {
                        server.write_all(&asked[..size]).await.unwrap();
                        // It has answered, so it has done it.
                        let _ = server.read(&mut answered).await;
                        return;
                    }
                    _ => server.write_all(&asked[..size]).await.unwrap(),
                }
            }
            read = server.read(&mut answered) => {
                let Ok(size @ 1..) = read else { return };
                if client.write_all(&answered[..size]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A store behind a relay, with the database beside it.
pub async fn behind_relay(timeout_ms: u64) -> (Store, Relay, Database, TempDir) {
    let (database, directory) = (Database::new().await, TempDir::new().unwrap());
    let (relay, address) = Relay::before_database(&database).await;
    let config = on_server(&address, &directory);
    let config = config::Store { timeout_ms, ..config };
    let store = store::connect(&config, &keys(1)).await.unwrap();
    assert_eq!(store.begin_request("default", "r1", b"a", "jrn_1", at(5)).await, Ok(Begun::New));
    (store, relay, database, directory)
}

async fn in_transaction(database: &Database) -> i64 {
    let query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    sqlx::query_scalar(query).fetch_one(&mut database.connect().await).await.unwrap()
}

async fn commit_lost(cut: u8, written: bool) {
    let (store, relay, database, _directory) = behind_relay(20_000).await;
    relay.cut.store(cut, Ordering::SeqCst);
    let lost = store.insert_intent(Some(CLAIM), &testing::journey(), Guard::Off, None, at(5)).await;
    assert!(matches!(lost, Err(StoreError::Undecided(_))), "{lost:?}");
    let known = store.intent("default", CLAIM, "jrn_1").await.unwrap();
    assert_eq!(known.is_some(), written);
    assert_eq!(in_transaction(&database).await, 0);
    store.close().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_undecided_and_read_again() {
    commit_lost(CUT_AFTER, true).await;
}

#[tokio::test]
async fn a_commit_that_does_not_arrive_is_undecided_and_read_again() {
    commit_lost(CUT_BEFORE, false).await;
}

#[tokio::test]
async fn an_expected_database_without_a_store_is_refused() {
    let (database, directory) = (Database::new().await, TempDir::new().unwrap());
    let mut config = on_server(&database, &directory);
    config.expect_existing = true;
    let refused = store::connect(&config, &keys(1)).await.map(drop);
    assert!(matches!(refused, Err(StoreError::Lost { .. })), "{refused:?}");
    config.expect_existing = false;
    store::connect(&config, &keys(1)).await.unwrap().close().await;
    config.expect_existing = true;
    store::connect(&config, &keys(1)).await.unwrap().close().await;
}
