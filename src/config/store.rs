//! Where journeys are kept.

use std::{fmt, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use url::Url;

use super::{Faults, SecretSource};

/// The section `store`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The SQLite file. It is made when it is missing; its directory must exist.
    pub path: PathBuf,
    /// Whether the store must exist: a start that finds none, or an empty one, fails and makes none.
    pub expect_existing: bool,
    /// A PostgreSQL database in its place.
    pub url: Option<DatabaseUrl>,
    /// Most connections to PostgreSQL.
    pub max_connections: u32,
    /// Milliseconds that a call waits for a connection, and for a lock that another session holds.
    pub timeout_ms: u64,
    /// Milliseconds for which a start waits for PostgreSQL.
    pub start_timeout_ms: u64,
    /// Milliseconds without a sign of life after which the other replicas take over what one was at work on.
    pub replica_timeout_ms: u64,
    /// Milliseconds since a gateway last asked PostgreSQL for a journey's consents, within which it serves data by what it knows of them.
    pub max_consent_lease_ms: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: PathBuf::from(DEFAULT_PATH),
            expect_existing: false,
            url: None,
            max_connections: 16,
            timeout_ms: 800,
            start_timeout_ms: 60_000,
            replica_timeout_ms: 10_000,
            max_consent_lease_ms: 1_000,
        }
    }
}

const DEFAULT_PATH: &str = "sangam.db";

/// The address of a database: in clear where it holds no password, else where it is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The address itself.
    Plain(String),
    /// Where the address is.
    Secret(SecretSource),
}

/// What the section comes to.
#[derive(Debug, Clone)]
pub enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(ServerSettings),
}

/// How to work with a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The address.
    pub url: SecretString,
    /// Whether the database must hold a store already.
    pub expect_existing: bool,
    /// Most connections.
    pub max_connections: u32,
    /// How long a call waits for a connection, and for a lock that another session holds.
    pub timeout: Duration,
    /// After what time without a sign of life a replica counts as gone.
    pub replica_timeout: Duration,
}

impl Store {
    pub(super) fn validate(&self, faults: &mut Faults) {
        faults.at_least_one("store.max_connections", u64::from(self.max_connections));
        faults.at_least_one("store.timeout_ms", self.timeout_ms);
        faults.at_least_one("store.max_consent_lease_ms", self.max_consent_lease_ms);
        if self.replica_timeout_ms < 1_000 {
            faults.add("store.replica_timeout_ms", "must be at least 1000");
        }
        if self.url.is_some() {
            if self.path.as_os_str() != DEFAULT_PATH {
                faults.add("store.path", "excludes `store.url`: journeys are kept in a file or in a database");
            }
            self.address(faults);
            return;
        }
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if self.path.as_os_str().is_empty() {
            faults.add("store.path", "must not be empty");
        } else if let Some(missing) = directory.filter(|directory| !directory.is_dir()) {
            faults.add("store.path", format!("the directory {} does not exist", missing.display()));
        }
    }

    /// What to open; the address is read from where it is kept.
    ///
    /// # Errors
    /// When the address cannot be read any more.
    pub fn database(&self) -> Result<Database, Faults> {
        if self.url.is_none() {
            return Ok(Database::File(self.path.clone()));
        }
        let mut faults = Faults::default();
        let Some(url) = self.address(&mut faults) else { return Err(faults) };
        Ok(Database::Server(ServerSettings {
            url,
            expect_existing: self.expect_existing,
            max_connections: self.max_connections,
            timeout: Duration::from_millis(self.timeout_ms),
            replica_timeout: Duration::from_millis(self.replica_timeout_ms),
        }))
    }

    fn address(&self, faults: &mut Faults) -> Option<SecretString> {
        const PATH: &str = "store.url";
        let (url, secret) = match self.url.as_ref()? {
            DatabaseUrl::Plain(url) => (SecretString::from(url.clone()), false),
            DatabaseUrl::Secret(source) => (source.load(PATH, faults)?, true),
        };
        let parsed = Url::parse(url.expose_secret()).ok();
        let Some(parsed) = parsed.filter(|url| matches!(url.scheme(), "postgres" | "postgresql")) else {
            faults.add(PATH, "must be an address like postgres://user@host:5432/database");
            return None;
        };
        if !secret && (parsed.password().is_some() || parsed.query_pairs().any(|(name, _)| name == "password")) {
            faults.add(PATH, "holds a password: put the whole address into a file or a variable, `{ file = \"/path\" }`");
            return None;
        }
        Some(url)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = DatabaseUrl;
            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("an address like postgres://user@host:5432/database, or a table with `file` or `env`")
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(DatabaseUrl::Plain(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SecretSource::deserialize(MapAccessDeserializer::new(map)).map(DatabaseUrl::Secret)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn fault(text: &str) -> Option<String> {
        let faults = Config::from_toml_str(&format!("[store]\n{text}")).unwrap_err();
        faults.iter().find(|fault| fault.path.starts_with("store")).map(|fault| format!("{}: {}", fault.path, fault.message))
    }

    #[test]
    fn an_address_is_plain_without_a_password_and_elsewhere_with_one() {
        assert_eq!(fault("url = \"postgres://sangam@db.example/sangam?sslmode=verify-full\""), None);
        for wrong in [
            "url = \"mysql://db.example/sangam\"",
            "url = 5",
            "url = { path = \"x\" }",
            "url = \"postgres://sangam:marker@db.example/sangam\"",
            "url = \"postgres://db.example/sangam?password=marker\"",
            "url = { file = \"/no/such/file\" }",
            "url = { }",
        ] {
            let fault = fault(wrong).unwrap_or_else(|| panic!("{wrong} is taken"));
            assert!(fault.starts_with("store.url") && !fault.contains("marker"), "{fault}");
        }
        assert!(fault("path = \"other.db\"\nurl = \"postgres://db.example/sangam\"").unwrap().starts_with("store.path"));
    }

    #[test]
    fn a_file_may_hold_the_whole_address() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "postgres://sangam:marker@db.example/sangam\n").unwrap();
        let store = Store { url: Some(DatabaseUrl::Secret(SecretSource::from_file(file))), ..Store::default() };
        let Ok(Database::Server(settings)) = store.database() else { panic!("no server") };
        assert!(settings.url.expose_secret().contains("marker") && !format!("{settings:?}").contains("marker"));
    }
}
