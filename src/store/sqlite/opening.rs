//! What is checked before a file is used as the store. SQLite takes an empty file for a new database and removes the log beside it, and a
//! migration would make its tables in any database; both would look like a fresh start to callers.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, SqlitePool, sqlite::SqliteConnectOptions};
use tokio::time::timeout;

use crate::store::StoreError;

/// The smallest page, which holds the header (https://www.sqlite.org/fileformat.html).
const SMALLEST: u64 = 512;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long a start checks the pages. A larger database is not read to its end.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// Checks the file at `path` and the log beside it, before SQLite opens them.
pub(super) fn inspect_files(path: &Path, expect_existing: bool) -> Result<(), StoreError> {
    let size = size_of(path)?;
    if size < SMALLEST {
        let log = beside(path, "-wal");
        let reason = if size_of(&log)? > 0 {
            format!("its log {} holds writes", log.display())
        } else if expect_existing {
            "store.expect_existing says that there is one".to_owned()
        } else if size > 0 {
            return Err(StoreError::Damaged(format!("{} has {size} bytes", path.display())));
        } else {
            return Ok(());
        };
        return Err(StoreError::Lost { database: path.display().to_string(), reason });
    }
    let mut magic = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).map_err(|error| unreadable(path, &error))?;
    if magic != *MAGIC {
        let found = if magic == [0; 16] { "it begins with zeros" } else { "it does not begin like a SQLite file" };
        return Err(StoreError::Foreign { path: path.to_owned(), found });
    }
    Ok(())
}

/// Checks whose tables are in the file, before they are migrated.
pub(super) async fn inspect_tables(file: &SqlitePool, path: &Path, expect_existing: bool) -> Result<(), StoreError> {
    // The migrator's own table may be alone: a first start was cut off.
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations'";
    let tables: Vec<String> = sqlx::query_scalar(names).fetch_all(file).await?;
    let known = |name: &str| tables.iter().any(|table| table == name);
    if tables.is_empty() && expect_existing {
        let reason = "store.expect_existing says that there is one".to_owned();
        return Err(StoreError::Lost { database: path.display().to_string(), reason });
    }
    let own = known("journeys") && known("key_check");
    if !tables.is_empty() && !own {
        return Err(StoreError::Foreign { path: path.to_owned(), found: "it holds other tables" });
    }
    Ok(())
}

/// Reads the pages on a connection of its own and refuses a damaged file. What cannot be read in [`CHECK_TIME`] is not checked.
pub(super) async fn check_pages(options: &SqliteConnectOptions) -> Result<(), StoreError> {
    let check = async {
        let mut connection = options.clone().read_only(true).connect().await?;
        let found: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_all(&mut connection).await?;
        connection.close().await?;
        // The text names tables and pages and no values.
        match found.first().map(String::as_str) {
            Some("ok") | None => Ok(()),
            Some(_) => Err(StoreError::Damaged("quick_check finds faults".to_owned())),
        }
    };
    match timeout(CHECK_TIME, check).await {
        Ok(checked) => checked,
        Err(_) => {
            tracing::info!("skipped the rest of the check of the store's pages: the file is large");
            Ok(())
        }
    }
}

/// The file of this name with an addition, as SQLite names its own files.
pub(super) fn beside(path: &Path, addition: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(addition);
    name.into()
}

/// Bytes of a file; 0 if there is none.
fn size_of(path: &Path) -> Result<u64, StoreError> {
    match fs::metadata(path) {
        Ok(data) if data.is_file() => Ok(data.len()),
        Ok(_) => Err(StoreError::Foreign { path: path.to_owned(), found: "it is no file" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Database(format!("{}: io {}", path.display(), error.kind()))
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
