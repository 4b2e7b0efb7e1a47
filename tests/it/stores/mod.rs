//! What every store promises, told once and asked of each. A case is an `async fn(&Kit)`; its name in the file's list makes it two tests.

mod audit;
mod backup;
mod bounds;
mod census;
pub mod commits;
mod documents;
mod events;
mod evidence;
mod find;
mod inbox;
mod increments;
mod intents;
mod journeys;
mod keys;
pub mod lanes;
mod migrations;
mod purges;
mod requests;
mod snapshots;

/// The trees that the unit tests use.
#[path = "../../../src/journey/testing.rs"]
#[allow(dead_code)]
pub mod testing;

/// What these trees are made of.
mod model {
    pub use sangam::journey::model::*;
}

use jiff::Timestamp;
use sangam::{
    access::TenantId,
    config::{self, DatabaseUrl, SecretSource},
    pb::PurgeReason,
    seal::Keys,
    store::{self, Purging, Store, StoreError},
};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::postgres::Database;

/// Makes two tests of each case: one on SQLite, one on PostgreSQL.
macro_rules! on_every_store {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&$crate::stores::Kit::sqlite().await).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&$crate::stores::Kit::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_every_store;

/// A store, and the place where it keeps everything.
pub struct Kit {
    pub store: Store,
    config: config::Store,
    database: Option<Database>,
    directory: TempDir,
}

impl Kit {
    pub async fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let config = config::Store { path: directory.path().join("sangam.db"), ..config::Store::default() };
        Self::with(config, None, directory).await
    }

    pub async fn postgres() -> Self {
        let (directory, database) = (TempDir::new().unwrap(), Database::new().await);
        let config = on_server(&database, &directory);
        Self::with(config, Some(database), directory).await
    }

    async fn with(config: config::Store, database: Option<Database>, directory: TempDir) -> Self {
        let store = store::connect(&config, &keys(1)).await.unwrap();
        Self { store, config, database, directory }
    }

    /// Opens the same place once more, under a key.
    pub async fn open(&self, key: u8) -> Result<Store, StoreError> {
        store::connect(&self.config, &keys(key)).await
    }

    /// The same place for a process that serves it after this one.
    pub async fn successor(&self) -> Store {
        let store = self.open(1).await.unwrap();
        store.begin_serving().await.unwrap();
        store
    }

    /// One more replica, with so many milliseconds until a silent one counts as gone.
    pub async fn replica(&self, replica_timeout_ms: u64) -> Store {
        let config = config::Store { replica_timeout_ms, ..self.config.clone() };
        store::connect(&config, &keys(1)).await.unwrap()
    }

    /// The same place for a process that waits so many milliseconds for what others hold.
    pub async fn waiting(&self, timeout_ms: u64) -> Store {
        let config = config::Store { timeout_ms, ..self.config.clone() };
        store::connect(&config, &keys(1)).await.unwrap()
    }

    /// A connection to the server beside the store.
    pub async fn beside(&self) -> sqlx::PgConnection {
        self.database.as_ref().unwrap().connect().await
    }

    /// Runs a statement beside the store.
    pub async fn execute(&self, statement: String) {
        match &self.database {
            Some(database) => database.execute(&statement).await,
            None => {
                let path = self.config.path.to_str().unwrap();
                let mut connection = SqliteConnection::connect(&format!("sqlite://{path}")).await.unwrap();
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// Bytes in the words of the database.
    pub fn bytes(&self, hex: &str) -> String {
        if self.database.is_some() { format!("'\\x{hex}'") } else { format!("x'{hex}'") }
    }

    /// Whether these bytes stand somewhere as they are. The store is closed for it.
    pub async fn shows(&self, wanted: &str) -> bool {
        self.store.close().await;
        let found = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes());
        let Some(database) = &self.database else {
            let files = std::fs::read_dir(self.directory.path()).unwrap();
            return files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(|bytes| found(&bytes));
        };
        let hex: String = wanted.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut connection = database.connect().await;
        let tables = sqlx::query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'");
        let tables: Vec<String> = tables.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(tables.len() > 5, "the tables are not where they were");
        for table in tables {
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT t::text FROM {table} t"))).fetch_all(&mut connection).await;
            // Bytes are shown as hexadecimal text.
            let shown = |text: &str| text.contains(wanted) || text.contains(&hex);
            if rows.unwrap().iter().any(|row| shown(row.get(0))) {
                return true;
            }
        }
        false
    }
}

/// The configuration of a store on a server.
pub fn on_server(database: &Database, directory: &TempDir) -> config::Store {
    let file = directory.path().join("database-url");
    std::fs::write(&file, &database.url).unwrap();
    let url = Some(DatabaseUrl::Secret(SecretSource::from_file(file)));
    // A busy machine is no outage: only the tests of outages wait as short as is usual.
    config::Store { url, timeout_ms: 20_000, ..config::Store::default() }
}

fn keys(key: u8) -> Keys {
    Keys::new(&[key; 32])
}

/// A removal that a caller asked for.
fn purging() -> Purging {
    Purging { reason: PurgeReason::Caller, at: at(9), receipt_until: at(1_000) }
}

/// The tenants that the process serves.
fn ours() -> [TenantId; 2] {
    ["default".into(), "other".into()]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
