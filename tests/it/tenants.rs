//! Two tenants in one gateway, each before a sandbox of its own: nothing of one is visible to the other, nor slows it.

mod alone;
mod commands;
mod invisible;
mod limits;
mod messages;
mod redirects;
mod same_names;

use std::{convert::Infallible, sync::Arc};

use sangam::{
    access::Caller,
    app::{App, Running},
    clock::SystemClock,
    config::Config,
    journey::service::Service,
    pb::{self, journey_service_client::JourneyServiceClient},
    rpc,
    sandbox::{Sandbox, SandboxConfig, customer, gateway_config::tenant_toml},
    server::{LimitLayer, layers::explain::ExplainLayer},
};
use tempfile::TempDir;
use tokio::{sync::broadcast::error::RecvError, time::timeout};
use tonic::{body::Body, service::Routes};
use tower::{ServiceBuilder, util::BoxCloneSyncService};

use crate::harness::{PATIENCE, impatient};

/// The ids of the tenants.
pub const BOTH: [&str; 2] = ["acme", "bharat"];

/// A client in the same process whose calls come from a tenant's caller.
pub type Client = JourneyServiceClient<BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Infallible>>;

/// A gateway with two tenants.
pub struct Two {
    pub gateway: Running,
    pub config: Config,
    pub sandboxes: [Sandbox; 2],
    pub directory: TempDir,
}

/// A gateway that is stopped.
pub struct Stopped {
    pub config: Config,
    pub sandboxes: [Sandbox; 2],
    pub directory: TempDir,
}

impl Stopped {
    /// Starts it on the same files; `change` alters its configuration.
    pub async fn started(self, change: impl FnOnce(&mut Config)) -> Two {
        let Self { config, sandboxes, directory } = self;
        let mut changed = config.clone();
        change(&mut changed);
        let gateway = App::start(changed, Arc::new(SystemClock)).await.unwrap();
        Two { gateway, config, sandboxes, directory }
    }
}

/// The text of the configuration for both sandboxes.
pub fn configuration(sandboxes: &[Sandbox; 2], directory: &TempDir) -> String {
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("seal.key"), "5a".repeat(32)).unwrap();
    let tables = sandboxes.iter().zip(BOTH).map(|(sandbox, tenant)| {
        std::fs::create_dir(path(tenant)).unwrap();
        tenant_toml(sandbox, &path(tenant), tenant).unwrap()
    });
    format!(
        "[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[store]\npath = {:?}\n[seal]\nkey_file = {:?}\n{}",
        path("sangam.db"),
        path("seal.key"),
        tables.collect::<String>()
    )
}

impl Two {
    /// Both tenants, of a gateway that looks at its journeys all the time.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// The same; `change` alters the configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let settings = || SandboxConfig { calls_per_minute: 1_000_000, pending_polls: 0, ..SandboxConfig::default() };
        let sandbox = || Sandbox::start(settings(), Arc::new(SystemClock));
        let sandboxes = [sandbox().await.unwrap(), sandbox().await.unwrap()];
        let directory = TempDir::new().unwrap();
        let mut config = Config::from_toml_str(&configuration(&sandboxes, &directory)).unwrap();
        impatient(&mut config);
        change(&mut config);
        Stopped { config, sandboxes, directory }.started(|_| ()).await
    }

    /// Stops the gateway; its files stay.
    pub async fn stopped(self) -> Stopped {
        let Self { gateway, config, sandboxes, directory } = self;
        gateway.stop().await;
        Stopped { config, sandboxes, directory }
    }

    pub async fn stop(self) {
        let Stopped { sandboxes, .. } = self.stopped().await;
        for sandbox in sandboxes {
            sandbox.stop().await;
        }
    }

    /// Calls as a tenant's caller who may do everything, through the limits of the tenants.
    pub fn client(&self, tenant: &str) -> Client {
        let caller = Arc::new(Caller::anybody(tenant, true));
        let routes = rpc::add(Routes::default(), self.gateway.tenants().clone()).prepare();
        let stack = ServiceBuilder::new()
            .map_request(move |mut request: http::Request<Body>| {
                request.extensions_mut().insert(caller.clone());
                request
            })
            .layer(LimitLayer::new(self.config.tenants(), None))
            .service(routes);
        let explained = ServiceBuilder::new().layer(ExplainLayer).service(BoxCloneSyncService::new(stack));
        JourneyServiceClient::new(BoxCloneSyncService::new(explained)).max_decoding_message_size(16 * 1024 * 1024)
    }

    pub fn service(&self, tenant: &str) -> &Service {
        self.gateway.tenants().get(tenant).unwrap()
    }

    /// Opens a journey and lets the customer approve.
    pub async fn approved(&self, tenant: &str, request: pb::StartJourneyRequest) -> String {
        let opened = self.client(tenant).start_journey(request).await.unwrap().into_inner();
        customer::approve(&opened.customer_url).await.unwrap();
        opened.journey_id
    }

    pub async fn journey(&self, tenant: &str, journey_id: &str) -> pb::Journey {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        self.client(tenant).get_status(request).await.unwrap().into_inner().journey.unwrap()
    }

    /// Waits until a journey has brought what it brings, and that is kept.
    pub async fn until_kept(&self, tenant: &str, journey_id: &str) -> pb::Journey {
        let mut changes = self.service(tenant).changes();
        loop {
            let journey = self.journey(tenant, journey_id).await;
            let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
            if journey.settled && fetches.all(|fetch| fetch.pick_up_time.is_some()) {
                return journey;
            }
            match timeout(PATIENCE, changes.recv()).await {
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                _ => panic!("nothing changes any more; last tree: {journey:?}"),
            }
        }
    }
}
