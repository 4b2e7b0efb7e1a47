//! Files that are read again while the gateway runs. What is in them is compared, not their times: a mounted secret is swapped by links,
//! and a copied file may keep its time.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use tokio_util::sync::CancellationToken;

/// Something that is made of files and can be made anew.
pub trait Reload: Send + Sync + 'static {
    /// Looks at the files and takes over what is new in them. What is wrong with them is logged once, and the old stays.
    fn look(&self);
}

/// Looks again and again until `stop`.
pub async fn watch(all: Vec<Arc<dyn Reload>>, every: Duration, stop: CancellationToken) {
    while !all.is_empty() {
        let Some(()) = stop.run_until_cancelled(tokio::time::sleep(every)).await else { return };
        let all = all.clone();
        // Files may lie on a network; nothing else waits for them.
        let _ = tokio::task::spawn_blocking(move || all.iter().for_each(|one| one.look())).await;
    }
}

/// Some files that belong together.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    seen: Option<[u8; 32]>,
}

impl Files {
    /// The files.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { paths: paths.into_iter().collect(), seen: None }
    }

    /// What is in the files, in their order, if that is not what the last look saw. That a file cannot be read is new only once, too.
    pub fn changed(&mut self) -> Option<Result<Vec<Vec<u8>>, io::ErrorKind>> {
        let read: Result<Vec<_>, _> = self.paths.iter().map(fs::read).collect();
        let mut digest = Context::new(&SHA256);
        match &read {
            Ok(contents) => {
                for content in contents {
                    digest.update(&content.len().to_le_bytes());
                    digest.update(content);
                }
            }
            Err(error) => digest.update(error.kind().to_string().as_bytes()),
        }
        let mut seen = [0; 32];
        seen.copy_from_slice(digest.finish().as_ref());
        if self.seen.replace(seen) == Some(seen) {
            return None;
        }
        Some(read.map_err(|error| error.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_new_when_their_content_is_and_a_missing_one_is_told_once() {
        let directory = tempfile::TempDir::new().unwrap();
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        let mut files = Files::new([one.clone(), two.clone()]);
        assert_eq!(files.changed(), Some(Err(io::ErrorKind::NotFound)));
        assert_eq!(files.changed(), None);
        fs::write(&one, "a").unwrap();
        fs::write(&two, "bc").unwrap();
        assert_eq!(files.changed(), Some(Ok(vec![b"a".to_vec(), b"bc".to_vec()])));
        fs::write(&one, "a").unwrap();
        assert_eq!(files.changed(), None);
        // The same bytes, parted otherwise.
        fs::write(&one, "ab").unwrap();
        fs::write(&two, "c").unwrap();
        assert!(files.changed().is_some_and(|read| read.is_ok()));
    }
}
