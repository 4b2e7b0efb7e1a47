use std::{collections::BTreeMap, path::Path};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    access::{TenantId, audit::AuditRow},
    data::Provenance,
    journey::{model::Journey, testing::journey},
    pb::PurgeReason,
    seal::Keys,
    store::{
        AuditStore, Begun, Claim, DocumentStore, EventStore, Guard, InboxStore, IncrementStore, IntentStore, JourneyStore,
        KeptCheckpoint, KeptDocument, KeptEvidence, KeptIncrement, KeptSnapshot, KeyStore, Lane, LaneStore, Look, MessageState,
        NewMessage, Outdated, PurgeStore, Purging, Replay, RequestStore, ResealCursor, Serving, Settled, Share, SnapshotStore,
        Storage, StoreError, Trim, sqlite::SqliteStore,
    },
};

type Outcome<'a> = BoxFuture<'a, Result<(), StoreError>>;
type WritePath = (&'static str, for<'a> fn(&'a SqliteStore) -> Outcome<'a>);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn tenants() -> Vec<TenantId> {
    vec!["default".into()]
}

fn named(id: &str) -> Journey {
    Journey { id: id.to_owned(), ..journey() }
}

fn changed() -> Journey {
    Journey { sequence: 9, ..journey() }
}

fn claim() -> Claim<'static> {
    Claim { request_id: "r1" }
}

fn message(id: &str) -> NewMessage {
    NewMessage {
        id: id.to_owned(),
        tenant: "default".to_owned(),
        provider: "p".to_owned(),
        credential: "c".to_owned(),
        attempt: None,
        verified: true,
        token: "token".to_owned(),
        body: bytes::Bytes::copy_from_slice(id.as_bytes()),
        received_at: at(5),
        purge_at: at(900),
    }
}

fn snapshot() -> KeptSnapshot {
    KeptSnapshot { rows: vec![7; 9_000], provenance: Provenance::read_now("call", at(7)) }
}

fn evidence() -> KeptEvidence {
    KeptEvidence {
        bytes: bytes::Bytes::from_static(b"{}"),
        media_type: "application/json".to_owned(),
        endpoint: "call".to_owned(),
        received_at: at(7),
    }
}

fn document() -> KeptDocument {
    let provenance = Provenance::read_now("call", at(7));
    KeptDocument { bytes: b"document".to_vec(), media_type: "application/json".to_owned(), provenance }
}

fn increment() -> KeptIncrement {
    KeptIncrement {
        journey_id: "jrn_1".to_owned(),
        consent_id: "cns_1".to_owned(),
        body: None,
        endpoint: "call".to_owned(),
        received_at: at(7),
        purge_at: at(900),
    }
}

fn row(seq: i64) -> AuditRow {
    AuditRow { tenant: "default".to_owned(), writer: "w".to_owned(), seq, at: 1, ..AuditRow::default() }
}

fn checkpoint(number: i64) -> KeptCheckpoint {
    KeptCheckpoint { number, at: 1, line: "{}".to_owned() }
}

fn purging() -> Purging {
    Purging { reason: PurgeReason::Caller, at: at(9), receipt_until: at(10_000) }
}

/// Every way to write, on a store that [`Place::new`] has filled.
const PATHS: &[WritePath] = &[
    ("insert_journey", |store| Box::pin(async { store.insert_journey(&named("jrn_2"), Some(at(6)), at(5)).await })),
    ("save_journey", |store| {
        Box::pin(async { store.save_journey(&changed(), 1, None, at(6)).await.map(|saved| assert!(saved)) })
    }),
    ("claim_due", |store| {
        Box::pin(async {
            let look = Look { now: at(50), until: at(60) };
            let lane = Lane { tenant: "default".to_owned(), name: journey().routing.lane() };
            store.claim_due(&[Share { lane, limit: 5 }], look).await.map(|due| assert_eq!(due.len(), 1))
        })
    }),
    ("end_look", |store| Box::pin(async { store.end_look("default", "jrn_1").await })),
    ("bring_forward", |store| Box::pin(async { store.bring_forward(at(1), SignedDuration::from_secs(2)).await })),
    ("wake_journey", |store| Box::pin(async { store.wake_journey("default", "jrn_1", at(8)).await })),
    ("begin_request", |store| {
        Box::pin(async {
            store.begin_request("default", "r2", b"b", "jrn_2", at(5)).await.map(|begun| assert_eq!(begun, Begun::New))
        })
    }),
    ("take_request_again", |store| {
        Box::pin(async { store.begin_request("default", "r1", b"a", "jrn_1", at(5)).await.map(drop) })
    }),
    ("finish_request", |store| Box::pin(async { store.finish_request("default", "r1", b"answer").await })),
    ("leave_request", |store| Box::pin(async { store.leave_request("default", "r1").await })),
    ("free_request", |store| Box::pin(async { store.free_request("default", "r1").await })),
    ("insert_intent", |store| {
        Box::pin(async {
            let guard = Guard::UnlessOpen { except: None };
            store.insert_intent(Some(claim()), &named("jrn_2"), guard, None, at(5)).await.map(drop)
        })
    }),
    ("save_intent", |store| Box::pin(async { store.save_intent(claim(), &changed(), 1, None, at(6)).await.map(drop) })),
    ("intent", |store| Box::pin(async { store.intent("default", claim(), "jrn_1").await.map(|known| assert!(known.is_some())) })),
    ("keep_message", |store| Box::pin(async { store.keep_message(message("msg_2")).await.map(|new| assert!(new)) })),
    ("settle_messages", |store| {
        Box::pin(async {
            let due = store.due_messages(&tenants(), at(50), 9).await?;
            let parked = Settled {
                wakes: vec!["jrn_1".to_owned()],
                waits_for: vec![("kind".to_owned(), "value".to_owned())],
                data_of: Some("jrn_1".to_owned()),
                ..Settled::new(&due[0], MessageState::Parked)
            };
            store.settle_messages(&[parked], at(6)).await
        })
    }),
    ("replay_messages", |store| {
        Box::pin(async { store.replay_messages("default", Replay::One("msg_1"), at(8)).await.map(drop) })
    }),
    ("drop_pushed_data", |store| Box::pin(async { store.drop_pushed_data("default", "jrn_1").await })),
    ("put_snapshot", |store| {
        Box::pin(async {
            store.put_snapshot("default", "fch_2", "jrn_1", at(900), &snapshot(), Some(&evidence())).await.map(drop)
        })
    }),
    ("replace_rows", |store| {
        Box::pin(async {
            let version = snapshot().provenance.normaliser_version;
            let outdated = Outdated { journey_id: "jrn_1".to_owned(), fetch_id: "fch_1".to_owned(), normaliser_version: version };
            store.replace_rows("default", &outdated, version + 1, b"new").await.map(|done| assert!(done))
        })
    }),
    ("put_document", |store| Box::pin(async { store.put_document("default", "fch_1", "PDF", at(900), &document()).await })),
    ("put_increment", |store| Box::pin(async { store.put_increment("default", "r9", &increment()).await })),
    ("drop_increments", |store| Box::pin(async { store.drop_increments("default", "cns_1").await })),
    ("append_audit", |store| Box::pin(async { store.append_audit(&[row(2), row(3)]).await })),
    ("append_checkpoint", |store| {
        Box::pin(async {
            let trim = Trim { rows: Vec::new(), checkpoint: 1 };
            store.append_checkpoint(&checkpoint(2), &trim).await.map(|done| assert!(done))
        })
    }),
    ("trim_events", |store| Box::pin(async { store.trim_events(1, at(1)).await.map(drop) })),
    ("drop_fetch", |store| Box::pin(async { store.drop_fetch("default", "jrn_1", "fch_1", purging()).await.map(drop) })),
    ("purge", |store| {
        Box::pin(async { store.purge_with(at(1_000), &|_| at(9_000), &mut Vec::new()).await.map(|gone| assert!(gone > 0)) })
    }),
    ("begin_serving", |store| Box::pin(async { store.begin_serving().await })),
    ("reseal", |store| {
        Box::pin(async {
            store.take_keys(crate::seal::Ring::new(&[2; 32], [&[1; 32]])).await?;
            let mut from = ResealCursor::default();
            while let (_, Some(next)) = store.reseal(from).await? {
                from = next;
            }
            store.retire_keys().await.map(drop)
        })
    }),
];

struct Place {
    directory: TempDir,
    store: SqliteStore,
}

impl Place {
    /// A store with something of everything in it.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sangam.db");
        let store = SqliteStore::open(&path, Serving::Alone, false, &Keys::new(&[1; 32])).await.unwrap();
        store.insert_journey(&journey(), Some(at(6)), at(5)).await.unwrap();
        store.begin_request("default", "r1", b"a", "jrn_1", at(5)).await.unwrap();
        store.keep_message(message("msg_1")).await.unwrap();
        store.put_snapshot("default", "fch_1", "jrn_1", at(900), &snapshot(), Some(&evidence())).await.unwrap();
        store.put_document("default", "fch_1", "JSON", at(900), &document()).await.unwrap();
        store.put_increment("default", "r8", &increment()).await.unwrap();
        store.append_audit(&[row(1)]).await.unwrap();
        store.append_checkpoint(&checkpoint(1), &Trim::default()).await.unwrap();
        Self { directory, store }
    }

    /// What a start would find if the process were killed now: the file and its log, copied, without what the process holds in memory.
    async fn after_kill(&self) -> BTreeMap<String, Vec<String>> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["sangam.db", "sangam.db-wal"] {
            let from = self.directory.path().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        contents(&copy.path().join("sangam.db")).await
    }
}

/// Every row of every table, as text. What is written to prove that a write commits is left out.
async fn contents(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut file = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'write_proof' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut file)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(&mut file).await.unwrap();
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let select = format!("SELECT {} FROM \"{table}\" ORDER BY 1", quoted.join(" || ',' || "));
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut file).await.unwrap();
        found.insert(table, rows.iter().map(|row| row.get::<String, _>(0)).collect());
    }
    file.close().await.unwrap();
    found
}

/// Fills the disk at each statement of a path in turn; returns at how many of them it failed.
async fn full_at_each_statement((name, path): WritePath) -> u32 {
    let mut failed = 0;
    for statement in 1.. {
        let place = Place::new().await;
        let before = place.after_kill().await;
        place.store.writer.full.at(statement);
        let outcome = path(&place.store).await;
        if place.store.writer.full.end() {
            outcome.unwrap_or_else(|error| panic!("{name} fails although there is room: {error}"));
            break;
        }
        // Some paths are several transactions, and some errors are only logged.
        if let Err(error) = outcome {
            assert!(matches!(error, StoreError::Full(_) | StoreError::Disowned), "{name}, statement {statement}: {error}");
            failed += 1;
            if !matches!(name, "reseal" | "purge" | "trim_events") {
                assert_eq!(place.after_kill().await, before, "{name}, statement {statement}: a part of it is written");
            }
        }
        // There is room again: whatever is acknowledged now outlives a kill.
        let kept = named("jrn_acknowledged");
        place.store.insert_journey(&kept, None, at(8)).await.unwrap();
        place.store.keep_message(message("msg_acknowledged")).await.unwrap();
        let found = place.after_kill().await;
        for (table, id) in [("journeys", "jrn_acknowledged"), ("inbox", "msg_acknowledged")] {
            let known = found[table].iter().any(|row| row.contains(id));
            assert!(known, "{name}, statement {statement}: what was acknowledged afterwards is lost");
        }
        assert_eq!(found, contents(&place.directory.path().join("sangam.db")).await, "{name}, statement {statement}");
        place.store.close().await;
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_any_statement_loses_nothing_afterwards() {
    for path in PATHS {
        let failed = full_at_each_statement(*path).await;
        // BEGIN, at least one statement, COMMIT.
        assert!(failed >= 3, "{} fails at {failed} statements only", path.0);
    }
}

#[tokio::test]
async fn many_failures_in_a_row_lose_nothing_afterwards() {
    let place = Place::new().await;
    for statement in 1..20 {
        place.store.writer.full.at(statement);
        let id = format!("jrn_{statement}_x");
        if place.store.insert_journey(&named(&id), None, at(5)).await.is_ok() {
            assert!(place.after_kill().await["journeys"].iter().any(|row| row.contains(&id)));
        }
        place.store.writer.full.end();
    }
    place.store.insert_journey(&named("jrn_last"), None, at(5)).await.unwrap();
    assert!(place.after_kill().await["journeys"].iter().any(|row| row.contains("jrn_last")));
}

#[tokio::test]
async fn a_caller_who_leaves_within_a_write_leaves_no_transaction_open() {
    let place = Place::new().await;
    let mut write = place.store.writer.begin().await.unwrap();
    sqlx::query("DELETE FROM journeys").execute(&mut write).await.unwrap();
    drop(write);
    assert!(place.store.journey("default", "jrn_1").await.unwrap().is_some());
    place.store.wake_journey("default", "jrn_1", at(70)).await.unwrap();
    assert!(place.after_kill().await["journeys"][0].contains("70000"));
}

#[tokio::test]
async fn a_transaction_that_ended_by_itself_is_no_commit() {
    let place = Place::new().await;
    let mut write = place.store.writer.begin().await.unwrap();
    sqlx::query("UPDATE journeys SET version = 7").execute(&mut write).await.unwrap();
    // What SQLite does by itself after some errors.
    sqlx::query("ROLLBACK").execute(&mut write).await.unwrap();
    assert!(write.commit().await.is_err());
    assert_eq!(place.store.journey("default", "jrn_1").await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn an_error_that_a_path_ignores_is_no_commit() {
    let place = Place::new().await;
    let mut write = place.store.writer.begin().await.unwrap();
    sqlx::query("UPDATE journeys SET version = 7").execute(&mut write).await.unwrap();
    let _ = sqlx::query("INSERT INTO nowhere VALUES (1)").execute(&mut write).await;
    assert!(write.commit().await.is_err());
    assert_eq!(place.store.journey("default", "jrn_1").await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn health_fails_while_writes_fail_and_recovers_by_itself() {
    let place = Place::new().await;
    assert_eq!(place.store.ping().await, Ok(()));
    place.store.writer.full.at(2);
    place.store.wake_journey("default", "jrn_1", at(8)).await.unwrap_err();
    assert!(matches!(place.store.ping().await, Err(StoreError::Full(_))));
    // No caller writes any more: the check does.
    place.store.writer.full.at(2);
    assert!(matches!(place.store.ping().await, Err(StoreError::Full(_))));
    assert_eq!(place.store.ping().await, Ok(()));
}

#[tokio::test]
async fn a_refused_value_says_nothing_about_health() {
    let place = Place::new().await;
    place.store.ping().await.unwrap();
    place.store.insert_journey(&journey(), None, at(5)).await.unwrap_err();
    assert_eq!(place.store.ping().await, Ok(()));
}
