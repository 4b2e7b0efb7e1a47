//! One process serves a file at a time. The lock lies on a file beside it, for SQLite's own locks are on the file itself; the kernel takes
//! it back from a process that is gone, however it went.

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::store::StoreError;

/// The lock of a file, held or not.
#[derive(Clone)]
pub(super) struct Serving {
    path: PathBuf,
    held: Arc<Mutex<Option<File>>>,
}

impl Serving {
    /// The lock of the store at `path`, which is not taken yet.
    pub(super) fn of(path: &Path) -> Self {
        let mut name = OsString::from(path);
        name.push("-serving");
        Self { path: name.into(), held: Arc::default() }
    }

    /// Takes the lock; a second time changes nothing.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(());
        }
        let failed = |error: std::io::Error| StoreError::Database(format!("the file beside the store: io {}", error.kind()));
        let file = File::options().create(true).truncate(false).write(true).open(&self.path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => *held = Some(file),
            Err(TryLockError::WouldBlock) => return Err(StoreError::Served),
            // Some shared folders have no locks. SQLite does not belong there, and that was so before.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(kind = %error.kind(), "nothing keeps a second process from serving the same file: it cannot be locked");
            }
        }
        Ok(())
    }

    /// Gives the lock back.
    pub(super) fn end(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("sangam.db");
        let (one, other) = (Serving::of(&path), Serving::of(&path));
        assert_eq!((one.begin(), one.begin(), one.clone().begin()), (Ok(()), Ok(()), Ok(())));
        assert_eq!(other.begin(), Err(StoreError::Served));
        one.end();
        assert_eq!((other.begin(), one.begin()), (Ok(()), Err(StoreError::Served)));
        drop(other);
        assert_eq!(one.begin(), Ok(()));
    }
}
