//! What providers send by themselves, one file a step:
//!
//! 1. [`listener`] takes a POST within its bounds and finds whom the [`address`] belongs to, before a byte of the body is read.
//! 2. [`unverified`] holds the raw bytes; only its proof makes a [`verified`] message of them.
//! 3. [`stored`] seals the message into the inbox. The provider is told 2xx after that, and never waits for anything else.
//! 4. [`applied`] reads what was stored and wakes the journeys that it concerns: events wake, read-backs decide. [`run`] does so in the
//!    background, [`read_back`] asks a provider where an event may bind an opening whose answer was lost, [`take`] adds to a journey what
//!    only a signed message holds.
//!
//! [`command`] is for the operator.

pub mod address;
pub mod applied;
pub mod command;
mod hints;
pub mod listener;
pub mod rate;
mod read_back;
pub mod run;
mod settings;
pub mod stored;
mod take;
pub mod unverified;
pub mod verified;

use std::sync::Arc;

pub use settings::Settings;

use crate::{
    journey::service::{Service, Shared, Tenants},
    store::StoreError,
};

/// The inbox of all tenants of the process. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    tenants: Tenants,
    settings: Settings,
    /// How many messages may come in.
    rates: Arc<rate::Rates>,
    /// When unproved messages woke which journeys.
    hints: Arc<hints::Hints>,
    /// Log lines about strangers: they must not fill the log.
    lines: Arc<rate::Bucket>,
}

impl Inbox {
    /// An inbox.
    pub fn new(tenants: Tenants, settings: Settings) -> Self {
        let now = tenants.shared().clock.now();
        let rates = rate::Rates::new(&tenants, &settings);
        let hints = hints::Hints::new(tenants.shared().pace.first.min(hints::LONGEST));
        let lines = rate::Bucket::new(1, 10, now);
        Self { tenants, settings, rates: Arc::new(rates), hints: Arc::new(hints), lines: Arc::new(lines) }
    }

    /// What all tenants share.
    fn shared(&self) -> &Shared {
        self.tenants.shared()
    }

    /// The service of the tenant whose message it is. Messages of other tenants are never read from the store.
    fn service(&self, tenant: &str) -> Result<&Service, StoreError> {
        self.tenants.get(tenant).ok_or(StoreError::Unreadable("a message of a tenant that is not served here"))
    }
}
