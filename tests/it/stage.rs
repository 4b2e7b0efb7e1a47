//! A gateway before a provider that replays: everything that tells the gateway where it is, is its configuration.

use std::{fs, path::Path, sync::Arc};

use sangam::{
    app::{App, Running},
    config::Config,
    pb::{self, Product, journey_service_client::JourneyServiceClient},
};
use tempfile::TempDir;
use tonic::{Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    harness::{ShiftedClock, channel, connect, start_request, until},
    replay::Replay,
};

/// One way to open a journey.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub provider: &'static str,
    pub credential: &'static str,
    pub products: &'static [Product],
}

const BOTH: &[Product] = &[Product::Data, Product::Analytics];
pub const CONSENT_WAY: Way = Way { provider: "finpro", credential: "consent", products: BOTH };
pub const ORCHESTRATION_WAY: Way = Way { provider: "finpro", credential: "orchestration", products: BOTH };
pub const AGGREGATOR_WAY: Way = Way { provider: "finpass", credential: "main", products: &[Product::Data] };
pub const ANALYSER_WAY: Way = Way { provider: "finpass", credential: "main", products: BOTH };

impl Way {
    /// A StartJourney under a fresh request id.
    pub fn request(&self) -> pb::StartJourneyRequest {
        start_request(self.provider, self.credential, "01", self.products)
    }
}

/// The gateway and its provider.
pub struct Stage {
    pub replay: Replay,
    pub gateway: Running,
    pub client: JourneyServiceClient<Channel>,
    pub clock: Arc<ShiftedClock>,
    _directory: TempDir,
}

/// Limits under which nothing but the answer decides.
pub const PATIENT: &str = "max_response_bytes = 2097152, retry_pause_ms = 1, max_pause_ms = 0, breaker_failures = 0";
/// Limits under which a silent provider is given up at once.
pub const STRICT: &str = "read_ms = 600, attempt_ms = 700, total_ms = 2000, max_response_bytes = 2097152, retry_pause_ms = 1, \
                          max_pause_ms = 0, breaker_failures = 0";

impl Stage {
    /// On free ports, in the spring of 2025, when the documented examples were alive. `longest_ms` is the poller's longest pause.
    pub async fn start(limits: &str, longest_ms: u64) -> Self {
        Self::with(limits, longest_ms, |_| ()).await
    }

    /// The same; `change` alters the gateway's configuration.
    pub async fn with(limits: &str, longest_ms: u64, change: impl FnOnce(&mut Config)) -> Self {
        let replay = Replay::start().await;
        let directory = TempDir::new().unwrap();
        let mut config = Config::from_toml_str(&toml(&replay, directory.path(), limits, longest_ms)).unwrap();
        change(&mut config);
        let clock = Arc::new(ShiftedClock::at("2025-03-24T18:00:00Z"));
        let gateway = App::start(config, clock.clone()).await.unwrap();
        let client = connect(&gateway).await;
        Self { replay, gateway, client, clock, _directory: directory }
    }

    pub async fn open(&self, way: Way) -> Result<pb::StartJourneyResponse, Status> {
        self.client.clone().start_journey(way.request()).await.map(tonic::Response::into_inner)
    }

    pub async fn until(&self, journey_id: &str, fits: impl Fn(&pb::Journey) -> bool) -> pb::Journey {
        until(&self.gateway, &self.client, journey_id, fits).await
    }

    /// Opens a journey and waits until its data is there to be fetched.
    pub async fn ready(&self, way: Way) -> String {
        let journey_id = self.open(way).await.unwrap().journey_id;
        self.until(&journey_id, |journey| journey.state() == pb::JourneyState::Ready).await;
        journey_id
    }

    pub async fn data(&self, journey_id: &str, view: pb::View) -> Result<pb::FetchDataResponse, Status> {
        let request = crate::harness::data_request(journey_id, view);
        self.client.clone().fetch_data(request).await.map(tonic::Response::into_inner)
    }

    pub async fn analytics(&self, journey_id: &str) -> Result<pb::FetchAnalyticsResponse, Status> {
        let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..Default::default() };
        self.client.clone().fetch_analytics(request).await.map(tonic::Response::into_inner)
    }

    /// The gateway lives and says so.
    pub async fn assert_serving(&self) {
        let mut health = HealthClient::new(channel(&self.gateway).await);
        let answer = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
}

fn toml(replay: &Replay, directory: &Path, limits: &str, longest_ms: u64) -> String {
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (seal, secret) = (file("seal.key", &"11".repeat(32)), file("secret", "opensesame"));
    let finpro = |name: &str, prefix: &str, style: &str| {
        format!(
            "[tenant.finpro.{name}]\nbase_url = \"http://{}{prefix}\"\nstyle = \"{style}\"\nclient_id = \"id\"\n\
             client_secret = {{ file = \"{secret}\" }}\norganisation_id = \"org\"\napp_identifier = \"app\"\n\
             products = {{ underwriting = \"PROD01\", monitoring = \"PROD02\" }}\nanalytics = {{ json = \"j\", excel = \"aa_excel_analytics_v1\" }}\n\
             report_hosts = [\"files.example\"]\nlimits = {{ {limits} }}\n",
            replay.address
        )
    };
    format!(
        "[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nshutdown_grace_ms = 200\n[store]\npath = \"{}\"\n[seal]\nkey_file = \"{seal}\"\n\
         [poller]\nfirst_ms = 5\nmax_ms = {longest_ms}\n[tenant]\nid = \"t\"\nfull_view = true\n{}{}\
         [tenant.finpass.main]\nbase_url = \"http://{}/finpass\"\napi_key = {{ file = \"{secret}\" }}\n\
         api_secret = {{ file = \"{secret}\" }}\nlimits = {{ {limits} }}\n",
        directory.join("sangam.db").display(),
        finpro("consent", crate::replay::CONSENT, "consent"),
        finpro("orchestration", crate::replay::ORCHESTRATION, "orchestration"),
        replay.address,
    )
}
