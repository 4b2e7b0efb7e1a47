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
mod foreseen;
mod heed;
mod import;
mod latest;
mod latest_page;
mod message;
mod open;
mod others;
mod pacing;
mod page;
pub(crate) mod page_token;
mod pick_up;
mod pick_up_shared;
mod reading;
mod redirect;
mod refresh;
mod renormalise;
mod report;
mod request;
mod resume;
mod room;
mod select;
mod shared;
mod start;
mod status;
mod stream;
mod sweep;
mod take_back;
mod tenants;

use std::{ops::Deref, sync::Arc};

use tokio::sync::broadcast;

pub use adopt::{Adoption, Named};
pub use analytics::AnalyticsAnswer;
pub use changes::{ChangesPage, ChangesQuery};
pub use complete::Demand;
pub use data::{DataPage, DataQuery, Run};
pub use evidence::EvidenceAnswer;
pub use explain::{ExplainedConsent, Explanation};
pub use find::FoundJourneys;
pub use latest_page::{LatestPage, LatestQuery};
pub use message::{JourneyMessage, Taken};
pub use open::OpenedJourney;
pub use redirect::ResolvedRedirect;
pub use renormalise::Renormalised;
pub use report::{ReportAnswer, ReportChoice, report_id};
pub(crate) use request::Asker;
pub use select::FetchChoice;
pub use shared::{Means, Shared};
pub use start::{OnOpen, StartCommand, Started};
pub use stream::{DataStream, StreamQuery};
pub use sweep::{Overdue, OverdueEntry};
pub use take_back::{ConsentOutcome, PurgeChoice, Purged, RevokeChoice, TakenBack};
pub use tenants::Tenants;

use super::{
    fair_use::Rules,
    policy::{Assumptions, Keep, Pace},
    watch,
};
use crate::{
    access::{Redirects, TenantId, audit::Auditor},
    cache::{Frame, FrameKey, Loading},
    clock::SharedClock,
    providers::{
        error::{ErrorKind, ProviderError},
        provider::Provider,
    },
    random::SharedRandom,
    seal::KeyedHash,
    store::Store,
    telemetry::{links::Links, metrics::Tallies},
};

/// A change of a journey by this process or another one, told inside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tenant.
    pub tenant: TenantId,
    /// The journey. Empty: changes of others may have been missed, and whoever listens reads again what concerns him.
    pub journey_id: String,
    /// Its sequence after the change.
    pub sequence: i64,
}

/// What the operator decides about the tenant.
#[derive(Debug, Clone, Default)]
pub struct TenantPolicy {
    /// The tenant's id.
    pub id: TenantId,
    /// Whether the provider's own bytes are kept beside the rows made of them.
    pub retain_evidence: bool,
    /// How long journeys and receipts are kept.
    pub keep: Keep,
    /// The provider that is taken if a caller names none.
    pub default_provider: Option<String>,
    /// The weight of its background polls beside those of other tenants; 0 counts as 1.
    pub poll_weight: u32,
    /// Whether a breach of fair use is refused; otherwise it is logged and noted.
    pub enforce_fair_use: bool,
    /// Where a customer may be sent back to.
    pub redirects: Redirects,
    /// The public address under which providers reach the webhook listener, without a trailing slash.
    pub webhook_base: Option<String>,
}

/// What the service of one tenant is made of. What it shares with the others is reached through it as well.
pub struct Parts {
    /// One for each credential of the tenant.
    pub providers: Vec<Arc<dyn Provider>>,
    /// The tenant.
    pub tenant: TenantPolicy,
    /// The framework's limits.
    pub rules: Rules,
    /// What to assume.
    pub assume: Assumptions,
    /// Keyed hash of account and transaction ids.
    pub(super) ids: Arc<KeyedHash>,
    /// Keyed hash of page tokens.
    pub(super) tokens: KeyedHash,
    refusals: pacing::RefusalPace,
    shared: Arc<Shared>,
}

impl Deref for Parts {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// What a tenant has of its own.
pub struct Own {
    /// One for each credential.
    pub providers: Vec<Arc<dyn Provider>>,
    /// What the operator decides.
    pub tenant: TenantPolicy,
    /// The framework's limits.
    pub rules: Rules,
    /// What to assume.
    pub assume: Assumptions,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(super) parts: Arc<Parts>,
}

impl Service {
    /// The service of one tenant.
    pub fn new(shared: Arc<Shared>, own: Own) -> Self {
        let Own { providers, tenant, rules, assume } = own;
        let ids = Arc::new(shared.hash.derive("ids", &tenant.id));
        let tokens = shared.hash.derive("page tokens", &tenant.id);
        Self {
            parts: Arc::new(Parts {
                providers,
                tenant,
                rules,
                assume,
                ids,
                tokens,
                refusals: pacing::RefusalPace::default(),
                shared,
            }),
        }
    }

    /// The changes from now on, of every tenant. A slow listener misses the oldest ones and is told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.parts.changes()
    }

    /// The hub of the streams of changes.
    pub fn watches(&self) -> &Arc<watch::Hub> {
        self.parts.watches()
    }

    /// What is counted.
    pub fn tallies(&self) -> &Tallies {
        &self.parts.tallies
    }

    /// What has caused what is done later, for traces.
    pub fn links(&self) -> &Links {
        &self.parts.links
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

    /// The audit log.
    pub fn audit(&self) -> &Auditor {
        &self.parts.audit
    }

    /// Writes what is left of the audit log, and closes the store.
    pub async fn close(&self) {
        self.parts.audit.close().await;
        self.parts.store.close().await;
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
        self.parts.wake_background();
    }

    /// Tells whoever applies messages that one may be due.
    pub fn tell_inbox(&self) {
        self.parts.tell_inbox();
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
