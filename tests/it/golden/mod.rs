//! What an older version stored stays readable. Each folder beside this file holds a store as one version of the gateway wrote it, on SQLite
//! and on PostgreSQL, and the answers that this version gave from it. The present version opens a copy of that store and must give
//! the same answers; a field that the older contract did not have may be added to them.
//!
//! A folder is never changed. Run the tests `the_present_version_writes_...` with `SANGAM_GOLDEN=<folder>` to add the store of a new
//! version, and add the folder's name to [`VERSIONS`].

mod calls;
mod dump;
mod story;

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use sangam::{
    access::audit::{checkpoint_key, verify_store},
    app::{App, Running},
    clock::{ManualClock, SystemClock},
    config::{Config, DatabaseUrl, SecretSource},
    sandbox::{Sandbox, SandboxConfig, gateway_config::gateway_toml},
    seal::Keys,
    store::{self, MessageState, Replay},
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{harness::channel, postgres::Database};
use calls::Kept;

/// The folders.
const VERSIONS: [&str; 1] = ["0.1.0"];

/// A page of `WatchJourneys` ends here.
const FEED_MESSAGES: usize = 5;

/// The key that seals every store of the folders. It protects nothing: all their data is synthetic.
const SEAL_KEY: &str = "GRoaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc=";

/// A message of the inbox as the store gives it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptMessage {
    id: String,
    state: String,
    verified: bool,
    tries: u32,
    attempt_id: Option<String>,
    /// Text: every body of the story is JSON.
    body: String,
}

/// What the version that wrote a store answered from it.
#[derive(Debug, Serialize, Deserialize)]
struct Answers {
    /// The time of every answer.
    now: Timestamp,
    messages: Vec<KeptMessage>,
    audit_rows: u64,
    calls: Vec<Kept>,
}

#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

fn folder(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(version)
}

/// A place for one store and the configuration of a gateway on it.
struct Place {
    config: Config,
    database: Option<Database>,
    _directory: TempDir,
}

impl Place {
    async fn new(kind: Kind, sandbox: &Sandbox) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Config::from_toml_str(&gateway_toml(sandbox, directory.path()).unwrap()).unwrap();
        std::fs::write(&config.seal.key_file, SEAL_KEY).unwrap();
        crate::harness::impatient(&mut config);
        let mut database = None;
        if let Kind::Postgres = kind {
            let new = Database::new().await;
            let file = directory.path().join("database-url");
            std::fs::write(&file, &new.url).unwrap();
            config.store.url = Some(DatabaseUrl::Secret(SecretSource::from_file(file)));
            config.store.timeout_ms = 20_000;
            database = Some(new);
        }
        Self { config, database, _directory: directory }
    }

    /// Everything the store holds.
    async fn dump(&self) -> String {
        match &self.database {
            Some(database) => dump::of_postgres(database),
            None => dump::of_sqlite(&self.config.store.path).await,
        }
    }

    /// Fills the place with a dump.
    async fn restore(&self, dump: &str) {
        match &self.database {
            Some(database) => dump::into_postgres(database, dump).await,
            None => dump::into_sqlite(&self.config.store.path, dump).await,
        }
    }

    /// What the store holds of which no call tells.
    async fn look_into_store(&self) -> (Vec<KeptMessage>, u64) {
        let keys = Keys::of(self.config.seal.ring().unwrap());
        let store = store::connect(&self.config.store, &keys).await.unwrap();
        let report = verify_store(store.as_ref(), &checkpoint_key(&store.keyed_hash())).await.unwrap();
        assert_eq!(report.fault, None, "the audit log does not verify");
        let mut messages = Vec::new();
        for message in store.messages("demo", None, 100).await.unwrap() {
            let body = store.message_body(&message).await.unwrap().expect("the body is kept");
            messages.push(KeptMessage {
                id: message.id,
                state: message.state.word().to_owned(),
                verified: message.verified,
                tries: message.tries,
                attempt_id: message.attempt.map(|addressee| addressee.attempt_id),
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
        }
        assert_eq!(store.replay_messages("demo", Replay::Quarantined, Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        assert!(messages.iter().any(|message| message.state == MessageState::New.word()), "no message waits");
        store.close().await;
        (messages, report.rows)
    }

    /// A gateway on the store whose clock stands still, so that nothing becomes due.
    async fn gateway(&self, now: Timestamp) -> Running {
        App::start(self.config.clone(), Arc::new(ManualClock::new(now))).await.unwrap()
    }
}

/// Writes a store, and the answers from it, into the folder that `SANGAM_GOLDEN` names; without that it does the same and keeps nothing, so
/// that the story stays possible.
async fn write(kind: Kind) {
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let mut place = Place::new(kind, &sandbox).await;
    let requests = story::live(&mut place.config).await;
    sandbox.stop().await;
    let dump = place.dump().await;
    let now = Timestamp::now();
    let (messages, audit_rows) = place.look_into_store().await;
    let gateway = place.gateway(now).await;
    let calls = calls::record(channel(&gateway).await, requests).await;
    gateway.stop().await;
    let Some(version) = std::env::var_os("SANGAM_GOLDEN") else { return };
    let folder = folder(version.to_str().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    dump::pack(&folder.join(format!("{}.sql.gz", kind.name())), &dump);
    let answers = Answers { now, messages, audit_rows, calls };
    let text = serde_json::to_string_pretty(&answers).unwrap();
    dump::pack(&folder.join(format!("{}.json.gz", kind.name())), &text);
}

/// Opens a copy of every kept store and compares the answers.
async fn read(kind: Kind) {
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let mut places = Vec::new();
    for version in VERSIONS {
        places.push((version, Place::new(kind, &sandbox).await));
    }
    // No answer may come from a provider.
    sandbox.stop().await;
    for (version, place) in places {
        let folder = folder(version);
        let dump = dump::unpack(&folder.join(format!("{}.sql.gz", kind.name())));
        let answers = dump::unpack(&folder.join(format!("{}.json.gz", kind.name())));
        let answers: Answers = serde_json::from_str(&answers).unwrap();
        place.restore(&dump).await;
        let (messages, audit_rows) = place.look_into_store().await;
        assert_eq!((&messages, audit_rows), (&answers.messages, answers.audit_rows), "{version}");
        let gateway = place.gateway(answers.now).await;
        calls::compare(channel(&gateway).await, version, &answers.calls).await;
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_kept_sqlite_store_gives_the_answers_of_its_version() {
    read(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_kept_postgres_store_gives_the_answers_of_its_version() {
    read(Kind::Postgres).await;
}

#[tokio::test]
async fn the_present_version_writes_a_sqlite_store() {
    write(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_present_version_writes_a_postgres_store() {
    write(Kind::Postgres).await;
}
