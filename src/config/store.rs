//! Where journeys are kept.

use std::path::PathBuf;

use serde::Deserialize;

use super::Faults;

/// The section `store`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The SQLite file. It is made when it is missing; its directory must exist.
    pub path: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: PathBuf::from("sangam.db") }
    }
}

impl Store {
    pub(super) fn validate(&self, faults: &mut Faults) {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if self.path.as_os_str().is_empty() {
            faults.add("store.path", "must not be empty");
        } else if let Some(missing) = directory.filter(|directory| !directory.is_dir()) {
            faults.add("store.path", format!("the directory {} does not exist", missing.display()));
        }
    }
}
