//! The only orchestration: every rpc and the background go through here. It knows providers as [`Provider`] only.

mod adopt;
mod analytics;
mod change;
mod changes;
mod complete;
mod data;
mod deliver;
mod evidence;
mod explain;
mod find;
mod import;
mod latest;
mod latest_page;
mod open;
mod others;
mod page;
pub(crate) mod page_token;
mod pick_up;
mod redirect;
mod refresh;
mod renormalise;
mod report;
mod request;
mod resume;
mod select;
mod start;
mod status;
mod stream;
mod sweep;
mod take_back;
mod tenants;

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

pub use adopt::{Adoption, Named};
pub use analytics::AnalyticsAnswer;
pub use changes::{ChangesPage, ChangesQuery};
pub use complete::Demand;
pub use data::{DataPage, DataQuery, Run};
pub use evidence::EvidenceAnswer;
pub use explain::{ExplainedConsent, Explanation};
pub use find::FoundJourneys;
pub use latest_page::{LatestPage, LatestQuery};
pub use open::OpenedJourney;
pub use redirect::ResolvedRedirect;
pub use renormalise::Renormalised;
pub use report::{ReportAnswer, report_id};
pub(crate) use request::Asker;
pub use select::FetchChoice;
pub use start::{OnOpen, StartCommand, Started};
pub use stream::{DataStream, StreamQuery};
pub use take_back::{ConsentOutcome, PurgeChoice, Purged, RevokeChoice, TakenBack};
pub use tenants::Tenants;

use super::{
    fair_use::Rules,
    policy::{Assumptions, Keep, Pace},
    watch,
};
use crate::{
    cache::{Caches, Frame, FrameKey, Loading},
    clock::SharedClock,
    pb::ReportFormat,
    providers::{
        error::{ErrorKind, ProviderError},
        provider::{Analysis, Provider},
    },
    random::SharedRandom,
    seal::KeyedHash,
    store::Store,
};

/// A change of a journey by this process or another one, told inside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tenant.
    pub tenant: String,
    /// The journey. Empty: changes of others may have been missed, and whoever listens reads again what concerns him.
    pub journey_id: String,
    /// Its sequence after the change.
    pub sequence: i64,
}

/// What the operator decides about the tenant.
#[derive(Debug, Clone, Default)]
pub struct TenantPolicy {
    /// The tenant's id.
    pub id: String,
    /// Whether the provider's own bytes are kept beside the rows made of them.
    pub retain_evidence: bool,
    /// How long journeys and receipts are kept.
    pub keep: Keep,
    /// The provider that is taken if a caller names none.
    pub default_provider: Option<String>,
    /// Whether a breach of fair use is refused; otherwise it is logged and noted.
    pub enforce_fair_use: bool,
    /// The public address under which providers reach the webhook listener, without a trailing slash.
    pub webhook_base: Option<String>,
}

/// What the service is made of.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// One for each credential of the tenant.
    pub providers: Vec<Arc<dyn Provider>>,
    /// The caches.
    pub caches: Caches,
    /// The clock.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
    /// Keyed hash for ids and tokens.
    pub hash: KeyedHash,
    /// The tenant.
    pub tenant: TenantPolicy,
    /// The framework's limits.
    pub rules: Rules,
    /// What to assume.
    pub assume: Assumptions,
    /// How the background looks after journeys.
    pub pace: Pace,
    /// How journeys are watched.
    pub watch: watch::Settings,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(super) parts: Arc<Parts>,
    /// Keyed hash of account and transaction ids.
    pub(super) ids: Arc<KeyedHash>,
    /// Keyed hash of page tokens.
    pub(super) tokens: Arc<KeyedHash>,
    /// Pick-ups under way or done lately, by tenant and fetch.
    pick_ups: Loading<(String, String), pick_up::PickedUp>,
    /// Analyses under way or answered lately, by tenant and fetch.
    analyses: Loading<(String, String), Analysis>,
    /// Documents under way or answered lately.
    reports: Loading<(String, String, ReportFormat), ReportAnswer>,
    /// Differences of two fetches that were asked for lately.
    differences: Loading<changes::DifferenceKey, changes::Difference>,
    /// What providers called the latest, read lately.
    reported: Loading<latest_page::ReportedKey, latest_page::Reported>,
    changes: broadcast::Sender<Change>,
    /// Tells streams of changes.
    watches: Arc<watch::Hub>,
    /// Wakes the background.
    pub(super) wake: Arc<Notify>,
    /// Wakes whoever applies messages.
    inbox: Arc<Notify>,
}

impl Service {
    /// A service.
    pub fn new(parts: Parts) -> Self {
        let ids = Arc::new(parts.hash.derive("ids", &parts.tenant.id));
        let tokens = Arc::new(parts.hash.derive("page tokens", &parts.tenant.id));
        let watches = Arc::new(watch::Hub::new(parts.watch.clone()));
        let changes = broadcast::channel(1_024).0;
        let wake = Arc::new(Notify::new());
        parts.store.hear(others::ear(&parts, changes.clone(), wake.clone()));
        Self {
            parts: Arc::new(parts),
            ids,
            tokens,
            pick_ups: Loading::new(10_000),
            analyses: Loading::new(16 * 1024 * 1024),
            reports: Loading::new(64 * 1024 * 1024),
            differences: Loading::new(64 * 1024 * 1024),
            reported: Loading::new(64 * 1024 * 1024),
            changes,
            watches,
            wake,
            inbox: Arc::new(Notify::new()),
        }
    }

    /// The changes from now on. A slow listener misses the oldest ones and is told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The hub of the streams of changes.
    pub fn watches(&self) -> &Arc<watch::Hub> {
        &self.watches
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantPolicy {
        &self.parts.tenant
    }

    /// The credentials of the tenant.
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.parts.providers
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// How the background looks after journeys.
    pub fn pace(&self) -> &Pace {
        &self.parts.pace
    }

    /// What is assumed where a provider does not tell.
    pub fn assumptions(&self) -> &Assumptions {
        &self.parts.assume
    }

    /// Tells the background that a journey may be due.
    pub fn wake_background(&self) {
        self.wake.notify_one();
    }

    /// Tells whoever applies messages that one may be due.
    pub fn tell_inbox(&self) {
        self.inbox.notify_one();
    }

    /// Ends when a message may be due.
    pub async fn inbox_told(&self) {
        self.inbox.notified().await;
    }

    /// Ends when the background has something new to look at.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Compressed pages.
    pub fn frames(&self) -> &Loading<FrameKey, Frame> {
        &self.parts.caches.frames
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        &self.parts.clock
    }

    /// Randomness.
    pub fn random(&self) -> &SharedRandom {
        &self.parts.random
    }

    pub(crate) fn provider_of(&self, routing: &super::model::Routing) -> Result<Arc<dyn Provider>, super::error::JourneyError> {
        self.parts
            .providers
            .iter()
            .find(|provider| provider.id() == routing.provider && provider.credential() == routing.credential)
            .cloned()
            // An operator has removed the credential under a journey that needs it.
            .ok_or_else(|| ProviderError::new(ErrorKind::Credentials, "", "configuration").into())
    }
}
