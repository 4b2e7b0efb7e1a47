//! How many messages may come in: a token bucket for each credential, and one for all unknown addresses together, so that strangers cannot
//! use up what a provider's own messages need.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Settings, address::Address};
use crate::journey::service::{Service, Tenants};

/// Addresses that are looked up in the store at once. More wait in turn, so a flood of unknown ones costs the store no more than this.
const LOOK_UPS: usize = 16;

/// What may come in.
#[derive(Debug)]
pub struct Rates {
    credentials: HashMap<Name, Bucket>,
    strangers: Bucket,
    /// The places for look-ups.
    pub look_ups: Semaphore,
}

/// A credential: tenant, provider, name.
type Name = (String, String, String);

impl Rates {
    /// Full buckets for every credential of every tenant.
    pub fn new(tenants: &Tenants, settings: &Settings) -> Self {
        let now = tenants.shared().clock.now();
        let bucket = || Bucket::new(settings.per_second, settings.burst, now);
        let names = tenants.iter().flat_map(|service| {
            let of = move |provider: &str, credential: &str| name(service, provider, credential);
            service.providers().iter().map(move |one| of(one.id(), one.credential()))
        });
        let credentials = names.map(|name| (name, bucket())).collect();
        Self { credentials, strangers: bucket(), look_ups: Semaphore::new(LOOK_UPS) }
    }

    /// Takes one message of a known address, if there is room.
    pub fn take(&self, address: &Address, now: Timestamp) -> bool {
        let name = name(&address.service, address.provider.id(), address.provider.credential());
        self.credentials.get(&name).is_none_or(|bucket| bucket.take(now))
    }

    /// Takes one message of an unknown address, if there is room.
    pub fn take_stranger(&self, now: Timestamp) -> bool {
        self.strangers.take(now)
    }
}

fn name(service: &Service, provider: &str, credential: &str) -> Name {
    (service.tenant().id.to_string(), provider.to_owned(), credential.to_owned())
}

/// So many at once, so many a second for long.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    most: f64,
    level: Mutex<(f64, Timestamp)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u32, most: u32, now: Timestamp) -> Self {
        let most = f64::from(most);
        Self { per_second: f64::from(per_second), most, level: Mutex::new((most, now)) }
    }

    /// Takes one, if there is one.
    pub fn take(&self, now: Timestamp) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *level;
        // A clock that was set back fills nothing.
        let passed = now.duration_since(since).as_secs_f64().max(0.0);
        let left = (left + passed * self.per_second).min(self.most);
        let taken = left >= 1.0;
        *level = (if taken { left - 1.0 } else { left }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let bucket = Bucket::new(10, 3, at(0));
        assert_eq!([0; 4].map(|_| bucket.take(at(0))), [true, true, true, false]);
        assert!(!bucket.take(at(50)));
        assert!(bucket.take(at(150)));
        assert!(!bucket.take(at(150)));
        // However long nobody came, no more than the burst is there.
        assert_eq!([0; 4].map(|_| bucket.take(at(60_000))), [true, true, true, false]);
        assert!(!bucket.take(at(1_000)));
    }
}
