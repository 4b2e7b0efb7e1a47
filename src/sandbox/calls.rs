//! Counts what callers made happen, so that tests can prove that something happened once, or not at all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Counters by call and by whom the call was about. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    by_call: BTreeMap<String, usize>,
    by_subject: BTreeMap<(String, String), usize>,
}

impl Calls {
    /// Counts one call, such as "finpro:/v3/requestconsent", under each subject: an accountID, a mobile, a consent id.
    pub fn record(&self, call: &str, subjects: &[&str]) {
        let mut counts = self.lock();
        *counts.by_call.entry(call.to_owned()).or_default() += 1;
        for subject in subjects {
            *counts.by_subject.entry((call.to_owned(), (*subject).to_owned())).or_default() += 1;
        }
    }

    /// How often the call came, whoever it was about.
    pub fn count(&self, call: &str) -> usize {
        self.lock().by_call.get(call).copied().unwrap_or_default()
    }

    /// How often the call came about this subject.
    pub fn count_for(&self, call: &str, subject: &str) -> usize {
        self.lock().by_subject.get(&(call.to_owned(), subject.to_owned())).copied().unwrap_or_default()
    }

    /// Everything counted, by call.
    pub fn all(&self) -> BTreeMap<String, usize> {
        self.lock().by_call.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
