//! The configuration: one small file a section, every fault reported together.
//!
//! Settings come from, later ones over earlier ones: the defaults, the file given by `--config`, and variables of the environment
//! named `SANGAM__SECTION__KEY`. `default.toml` beside this file is the documentation; a test holds it to the code.

mod access;
mod audit;
mod cache;
mod deadlines;
mod faults;
mod listen;
mod load;
mod memory;
mod poller;
mod read;
mod seal;
mod secret;
mod store;
mod telemetry;
mod tenant;
mod tenant_limits;
mod watch;
mod webhook;

pub use access::{Access, ApiKeyCaller, ApiKeyHash, JwtIssuer, MtlsCaller, read_api_keys, scopes};
pub use audit::Audit;
pub use cache::Cache;
pub use deadlines::Deadlines;
pub use faults::{Fault, Faults};
pub use listen::{Admin, ClientAuth, Listen, ListenTls};
pub use memory::Memory;
pub use poller::Poller;
pub use seal::{KEY_BYTES, Seal};
pub use secret::SecretSource;
pub use store::{Database, DatabaseUrl, ServerSettings, Store};
pub use telemetry::Telemetry;
pub use tenant::{DataLifeDays, FairUse, FairUseMode, RangeMonths, Tenant};
pub use tenant_limits::TenantLimits;
pub use watch::Watch;
pub use webhook::Webhook;

/// The commented default file. It parses to exactly the defaults.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything that can be set; valid as a whole.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Listeners.
    pub listen: Listen,
    /// Who may call.
    pub access: Access,
    /// The journey store.
    pub store: Store,
    /// The sealing key.
    pub seal: Seal,
    /// The audit log.
    pub audit: Audit,
    /// Caches.
    pub cache: Cache,
    /// Memory.
    pub memory: Memory,
    /// Deadlines of calls.
    pub deadlines: Deadlines,
    /// Background looks.
    pub poller: Poller,
    /// Streams of changes.
    pub watch: Watch,
    /// Webhooks.
    pub webhook: Webhook,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// The tenant of a gateway of one, and its credentials.
    pub tenant: Tenant,
    /// The tenants of a gateway of several, by the order of their ids; empty for a gateway of one.
    pub several: Vec<Tenant>,
}

impl Config {
    /// Every tenant that is served; never none.
    pub fn tenants(&self) -> &[Tenant] {
        if self.several.is_empty() { std::slice::from_ref(&self.tenant) } else { &self.several }
    }

    /// The tenant of callers who are not asked who they are: there is one as long as there is only one to choose.
    pub fn only_tenant(&self) -> Option<&Tenant> {
        match self.tenants() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// What is allowed but should not stay so; written to the log at start and every hour.
    pub fn warnings(&self) -> Vec<String> {
        let lacks = self.listen.lacks(self.access.is_on());
        if lacks.is_empty() {
            return Vec::new();
        }
        let address = self.listen.grpc;
        vec![format!("listen.grpc is {address}, which others can reach, and {} (listen.insecure)", lacks.join(" and "))]
    }

    /// The ids of the tenants that are served.
    pub fn tenant_ids(&self) -> impl Iterator<Item = &str> {
        self.tenants().iter().map(|tenant| tenant.id.as_str())
    }
}
