//! The simulator's state and routes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    http::HeaderMap,
    routing::{get, post},
};
use jiff::{Timestamp, ToSpan};

use super::{
    analyser, faults, ids, paths, pdf, plain,
    script::Script,
    world::{Opening, Product, Session},
};
use crate::sandbox::{
    bank::{Bank, BankAccount, Kind},
    credentials,
    scenario::Scenario,
    server::Part,
    world::World,
};

/// The simulator.
pub struct Finpass {
    pub(super) world: Arc<World>,
    pub(super) faults: faults::Once,
    sessions: Mutex<Sessions>,
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
    /// By client id.
    pub(super) by_client: HashMap<String, Session>,
    /// Client ids by the token of the customer's link.
    pub(super) links: HashMap<String, String>,
    /// Statement files by token.
    pub(super) files: HashMap<String, pdf::File>,
}

/// The Finpass simulator in this world.
pub(in crate::sandbox) fn part(world: &Arc<World>) -> Part {
    let finpass = Arc::new(Finpass::new(Arc::clone(world)));
    Part { path: "/finpass", router: router(Arc::clone(&finpass)), journeys: finpass }
}

impl Finpass {
    fn new(world: Arc<World>) -> Self {
        Self { world, faults: faults::Once::default(), sessions: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.now()
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn accounts(&self, mobile: &str) -> Arc<Vec<BankAccount>> {
        let mut accounts = Bank::accounts_for(mobile, self.now());
        // Of other kinds nothing is documented.
        accounts.retain(|account| !matches!(account.kind, Kind::Portfolio(_)));
        Arc::new(accounts)
    }

    pub(super) fn script(&self, mobile: &str) -> Script {
        Script::of(Scenario::of(mobile), self.world.config.pending_polls)
    }

    /// Who calls: the key of the known pair. Header names match in any case, as HTTP has it.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let known = credentials::FINPASS;
        let (key, secret) = (header("x-api-key")?, header("x-api-secret")?);
        (key == known.api_key && secret == known.secret).then(|| key.to_owned())
    }

    /// Keeps a new session; answers its client id and the token of the customer's link.
    pub(super) fn open_session(&self, client_id: String, opening: Opening, hours: i64) -> (String, String) {
        let now = self.now();
        let script = self.script(&opening.mobile);
        let session = Session::open(opening, script, now, now + hours.hours());
        let token = ids::token();
        let mut sessions = self.sessions();
        sessions.by_client.insert(client_id.clone(), session);
        sessions.links.insert(token.clone(), client_id.clone());
        (client_id, token)
    }

    /// Runs `act` on a session that the caller owns in this product; none if there is no such session.
    pub(super) fn with_session<T>(
        &self,
        owner: &str,
        product: Product,
        client_id: &str,
        act: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let mut sessions = self.sessions();
        let session = sessions.by_client.get_mut(client_id)?;
        (session.owner == owner && session.product == product).then(|| act(session))
    }

    /// Counts a call about a mobile number or a client id.
    pub(super) fn record(&self, path: &str, subject: &str) {
        self.world.calls.record(&format!("finpass:{path}"), &[subject]);
    }
}

fn router(finpass: Arc<Finpass>) -> Router {
    Router::new()
        .route(paths::AA_INIT, post(plain::init))
        .route(paths::AA_REPORT, post(plain::fetch_json_report))
        .route(paths::AA_PDF, post(pdf::fetch_statement_pdf))
        .route(paths::AA_REFRESH, post(plain::refresh_data))
        .route(paths::AA_REFRESH_OLD, post(plain::refresh_data))
        .route(paths::BSA_INIT, post(analyser::init))
        .route(paths::BSA_STATUS, get(analyser::status))
        .route(paths::BSA_STATEMENT, get(analyser::statement_result))
        .route(paths::BSA_ANALYSIS, get(analyser::analysis_json))
        .route("/statements/{token}", get(pdf::file))
        .with_state(finpass)
}
