//! One process works on a file, so there is nobody to tell and nothing to hear.

use std::time::Duration;

use super::SqliteStore;
use crate::store::{ChangeStore, Changed, Ear};

impl ChangeStore for SqliteStore {
    fn tell(&self, _change: Changed) {}

    fn hear(&self, _ear: Ear) {}

    fn silence(&self) -> Option<Duration> {
        None
    }
}
