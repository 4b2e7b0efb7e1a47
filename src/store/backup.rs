//! A copy of a SQLite file, made while a gateway works on it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::StoreError;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The copy cannot be written: there is a file of this name, or no room.
    #[error("the copy cannot be written: {}", .0.kind())]
    Write(#[from] io::Error),
    /// The file cannot be read as a store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies the file `from`, as it is at one moment, to the new file `to`, which only its owner can read. What was removed from the store is
/// not in the copy; what is sealed stays sealed. Nobody who writes meanwhile waits for it.
pub async fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new().filename(from).create_if_missing(false).disable_statement_logging();
    let mut file = options.connect().await?;
    // SQLite takes an empty file, and this one is nobody else's.
    let copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = async {
        let name = to.to_str().ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&mut file).await?;
        // A backup that a power cut takes back is none.
        copy.sync_all()?;
        let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
        Ok(())
    };
    let copied = copied.await;
    if copied.is_err() {
        // Half a copy would be taken for a whole one.
        std::fs::remove_file(to)?;
    }
    file.close().await?;
    copied
}
