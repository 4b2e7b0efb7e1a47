//! The simulator's state and routes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use axum::{
    Router,
    http::HeaderMap,
    routing::{get, post},
};
use jiff::Timestamp;

use super::{
    analyser, faults, page, pdf, plain,
    webhook::Sender,
    world::{Script, Session},
};
use crate::{clock::SharedClock, sandbox::bank::model::BankAccount};

/// Where customers' accounts come from: mobile number and instant.
pub type Accounts = Arc<dyn Fn(&str, Timestamp) -> Vec<BankAccount> + Send + Sync>;

/// Which story a mobile number tells.
pub type Scripts = Arc<dyn Fn(&str) -> Script + Send + Sync>;

/// An accepted pair of credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// `x-api-key`.
    pub key: String,
    /// `x-api-secret`.
    pub secret: String,
}

/// What the simulator is made of.
pub struct Setup {
    /// Its clock.
    pub clock: SharedClock,
    /// Its banks.
    pub accounts: Accounts,
    /// Its stories.
    pub scripts: Scripts,
    /// Who may call. Each pair has a world of its own.
    pub key_pairs: Vec<KeyPair>,
}

/// The simulator.
pub struct Finpass {
    pub(super) setup: Setup,
    pub(super) webhooks: Sender,
    pub(super) faults: faults::Once,
    /// Where customers find the pages: scheme, authority and path prefix, known once the listener is bound.
    base_url: OnceLock<String>,
    world: Mutex<World>,
}

/// All sessions.
#[derive(Default)]
pub(super) struct World {
    /// By client id.
    pub(super) sessions: HashMap<String, Session>,
    /// Client ids by the token of the customer's link.
    pub(super) links: HashMap<String, String>,
    /// Statement files by token: client id, place of the account, end of the link.
    pub(super) files: HashMap<String, pdf::File>,
}

impl Finpass {
    /// A simulator without sessions.
    pub fn new(setup: Setup) -> Arc<Self> {
        Arc::new(Self {
            setup,
            webhooks: Sender::new(),
            faults: faults::Once::default(),
            base_url: OnceLock::new(),
            world: Mutex::default(),
        })
    }

    /// Says where the simulator is reached, prefix included and without a slash at the end; the first word counts.
    pub fn set_base_url(&self, base_url: impl Into<String>) {
        let _ = self.base_url.set(base_url.into());
    }

    pub(super) fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn accounts(&self, mobile: &str) -> Arc<Vec<BankAccount>> {
        Arc::new((self.setup.accounts)(mobile, self.now()))
    }

    /// Who calls: the key of a pair that is known and matches. Header names match in any case, as HTTP has it.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (key, secret) = (header("x-api-key")?, header("x-api-secret")?);
        let known = self.setup.key_pairs.iter().any(|pair| pair.key == key && pair.secret == secret);
        known.then(|| key.to_owned())
    }
}

/// Finpass' API and the customer's page, to be nested under any prefix.
pub fn router(state: Arc<Finpass>) -> Router {
    let api = Router::new()
        .route("/api/v1/services/account-aggregator/init", post(plain::init))
        .route("/api/v1/services/account-aggregator/fetch-json-report", post(plain::fetch_json_report))
        .route("/api/v1/services/account-aggregator/fetch-statement-pdf", post(pdf::fetch_statement_pdf))
        .route("/api/v1/services/account-aggregator/refresh-data", post(plain::refresh_data))
        // Finpass' own pages still cite this older path in places.
        .route("/api/v1/account-aggregator/refresh-data", post(plain::refresh_data))
        .route("/api/v1/aa-bsa-journey/init", post(analyser::init))
        .route("/api/v1/aa-bsa-journey/status", get(analyser::status))
        .route("/api/v1/aa-bsa-journey/statement-result", get(analyser::statement_result))
        .route("/api/v1/aa-bsa-journey/analysis-json", get(analyser::analysis_json))
        .route("/files/{token}", get(pdf::file));
    api.merge(page::routes()).with_state(state)
}
