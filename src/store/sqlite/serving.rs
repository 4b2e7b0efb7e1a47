//! One process serves a file at a time. One lock is on a file beside it and one on the file itself: the name of the first is the same for all
//! who use the same name, and the second is the same for all who reach the same file, by a hard link or a bind mount too. Under another name
//! SQLite would write another log, and the file would be damaged. The kernel releases both when the process ends, in any way.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::opening::beside;
use crate::store::StoreError;

/// The locks of a file, held or not.
#[derive(Clone)]
pub(super) struct FileLock {
    path: PathBuf,
    /// The file beside the store, and the store's own. They stay open while they are locked: closing the store's file would also release the
    /// locks that SQLite holds on it in this process.
    held: Arc<Mutex<Vec<File>>>,
}

impl FileLock {
    /// The locks of the store at `path`, which are not taken yet.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), held: Arc::default() }
    }

    /// Takes the locks; a second time changes nothing. [`StoreError::Served`] while another process has one.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_empty() {
            let beside = self.open_beside().map_err(failed)?;
            lock(&beside)?;
            // flock: it is on the inode, and SQLite's own locks, which are of another kind, do not meet it.
            let own = File::options().create(true).truncate(false).read(true).write(true).open(&self.path).map_err(failed)?;
            lock(&own)?;
            *held = vec![beside, own];
        }
        Ok(())
    }

    /// For a command that may run beside the process that serves the file. [`StoreError::Served`] if that process uses another name for it.
    pub(super) fn refuse_other_name(&self) -> Result<(), StoreError> {
        let own = match File::open(&self.path) {
            Ok(own) => own,
            // SQLite makes it, or says why it cannot.
            Err(_) => return Ok(()),
        };
        if served(&own) && !self.open_beside().is_ok_and(|beside| served(&beside)) {
            return Err(StoreError::Served);
        }
        Ok(())
    }

    /// Releases the locks. SQLite must have closed the file.
    pub(super) fn end(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn open_beside(&self) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(beside(&self.path, "-serving"))
    }
}

fn lock(file: &File) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Served),
        // Some shared folders have no locks. SQLite does not belong there, and that was so before.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(kind = %error.kind(), "nothing keeps a second process from serving the same file: it cannot be locked");
            Ok(())
        }
    }
}

fn served(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn failed(error: io::Error) -> StoreError {
    StoreError::Database(format!("the file of the store cannot be locked: io {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_names() -> (tempfile::TempDir, FileLock, FileLock) {
        let directory = tempfile::TempDir::new().unwrap();
        let (path, other) = (directory.path().join("sangam.db"), directory.path().join("other.db"));
        std::fs::write(&path, "").unwrap();
        std::fs::hard_link(&path, &other).unwrap();
        let locks = (FileLock::of(&path), FileLock::of(&other));
        (directory, locks.0, locks.1)
    }

    #[test]
    fn one_holds_it_at_a_time() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("sangam.db");
        let (one, other) = (FileLock::of(&path), FileLock::of(&path));
        assert_eq!((one.begin(), one.begin(), one.clone().begin()), (Ok(()), Ok(()), Ok(())));
        assert_eq!(other.begin(), Err(StoreError::Served));
        one.end();
        assert_eq!((other.begin(), one.begin()), (Ok(()), Err(StoreError::Served)));
        drop(other);
        assert_eq!(one.begin(), Ok(()));
    }

    #[test]
    fn a_hard_link_is_the_same_file() {
        let (_directory, one, other) = two_names();
        assert_eq!((one.begin(), other.begin()), (Ok(()), Err(StoreError::Served)));
        one.end();
        assert_eq!(other.begin(), Ok(()));
    }

    #[test]
    fn a_command_may_use_the_name_that_is_served_and_no_other() {
        let (_directory, one, other) = two_names();
        assert_eq!((one.refuse_other_name(), other.refuse_other_name()), (Ok(()), Ok(())));
        one.begin().unwrap();
        assert_eq!((one.refuse_other_name(), other.refuse_other_name()), (Ok(()), Err(StoreError::Served)));
    }
}
