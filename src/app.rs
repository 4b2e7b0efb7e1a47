//! The one composition root.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    access::Redirects,
    cache::{CacheSettings, Caches},
    clock::SharedClock,
    config::{Config, FairUseMode, Faults, Tenant},
    journey::{
        background,
        model::Purpose,
        policy::{Assumptions, Keep, Pace},
        service::{Means, Own, Service, Shared, TenantPolicy, Tenants},
        watch,
    },
    providers,
    random::{SharedRandom, SystemRandom, fraction},
    resilience::retry::Jitter,
    rpc,
    seal::Keys,
    server::{
        self,
        health::{self, Health},
        reflection,
    },
    store::{self, Store, StoreError},
    webhook::{self, Inbox},
};

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{setting} {address} cannot be bound: {}", source.kind())]
    Bind {
        /// The path of the setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The descriptors that were compiled in cannot be read.
    #[error("reflection cannot start: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The sealing key cannot be read.
    #[error("seal.key_file: {0}")]
    Key(String),
    /// The rules of fair use cannot be read.
    #[error("tenant.fair_use.rules_file: {0}")]
    Rules(String),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// There is nobody to serve.
    #[error("no tenant is configured")]
    NoTenant,
    /// The tenant's credentials cannot be used.
    #[error("{0}")]
    Credentials(Faults),
}

/// Starts the gateway.
#[derive(Debug, Clone, Copy)]
pub struct App;

impl App {
    /// Opens everything and binds both listeners; the health says SERVING only after that.
    pub async fn start(config: Config, clock: SharedClock) -> Result<Running, StartError> {
        let tenants = Self::offline(&config, clock).await?;
        let store = tenants.shared().store.clone();
        let inbox = Inbox::new(tenants.clone(), webhook::Settings::from(&config));
        let health = Health::new().await;
        let routes = rpc::add(reflection::add(Routes::new(health.service()))?, tenants.clone());
        let grpc = bind("listen.grpc", config.listen.grpc).await?;
        let webhook = bind("listen.webhook", config.listen.webhook).await?;
        let stop = CancellationToken::new();
        let settings = server::Settings::from(&config);
        let grace = settings.grace;
        // Hears before anybody can watch. At the stop it ends every stream, so that only calls that end by themselves are waited for.
        let (watches, changes, stopped) = (tenants.shared().watches().clone(), tenants.shared().changes(), stop.clone());
        tokio::spawn(async move { watches.run(changes, stopped).await });
        let running = Running {
            grpc: grpc.1,
            webhook: webhook.1,
            health: health.clone(),
            stop: stop.clone(),
            listeners: vec![
                server::serve_grpc(grpc.0, routes, settings.clone(), stop.clone()),
                server::serve_http(webhook.0, webhook::listener::router(inbox.clone()), settings, stop.clone()),
            ],
            applier: tokio::spawn(webhook::run::run(inbox, stop.clone(), grace)),
            background: tokio::spawn(background::run(tenants.clone(), stop, grace)),
            tenants,
            store,
        };
        tokio::spawn(health::watch_store(health.clone(), running.store.clone(), running.stop.clone()));
        health.serving().await;
        Ok(running)
    }

    /// The services of all tenants on their store, without listeners and without the background: for commands that work while the gateway
    /// is stopped. Whoever takes them closes the store.
    pub async fn offline(config: &Config, clock: SharedClock) -> Result<Tenants, StartError> {
        let random: SharedRandom = Arc::new(SystemRandom);
        let keys = Keys::new(&*config.seal.load().map_err(StartError::Key)?);
        let own: Vec<Own> = config
            .paths()
            .zip(config.tenants())
            .map(|(path, tenant)| own(config, &path, tenant, &clock, &random))
            .collect::<Result<_, _>>()?;
        let shared = Shared::new(Means {
            store: store::connect(&config.store, &keys).await?,
            caches: Caches::new(cache_settings(config)),
            clock,
            random,
            hash: keys.hash,
            pace: pace(config),
            watch: watching(config),
        });
        let mut services = own.into_iter().map(|own| Service::new(shared.clone(), own));
        let first = services.next().ok_or(StartError::NoTenant)?;
        Ok(Tenants::new(shared.clone(), first, services))
    }
}

/// What a tenant has of its own; `path` is where it stands in the configuration.
fn own(config: &Config, path: &str, tenant: &Tenant, clock: &SharedClock, random: &SharedRandom) -> Result<Own, StartError> {
    let random = random.clone();
    let jitter: Jitter = Arc::new(move || fraction(random.as_ref()));
    Ok(Own {
        providers: providers::build(&tenant.providers, path, jitter, clock.clone()).map_err(StartError::Credentials)?,
        tenant: tenant_policy(config, tenant),
        rules: tenant.fair_use.rules().map_err(StartError::Rules)?,
        assume: assumptions(tenant),
    })
}

fn cache_settings(config: &Config) -> CacheSettings {
    let life = |millis: u64| SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    CacheSettings {
        status_bytes: config.cache.status_max_bytes,
        status_life: life(config.cache.status_ttl_ms),
        rows_bytes: config.cache.rows_max_bytes,
        rows_life: life(config.cache.rows_ttl_ms),
        frames_bytes: config.cache.frames_max_bytes,
        lease: Duration::from_millis(config.store.max_consent_lease_ms),
    }
}

fn tenant_policy(config: &Config, tenant: &Tenant) -> TenantPolicy {
    TenantPolicy {
        id: tenant.id.as_str().into(),
        retain_evidence: tenant.retain_evidence,
        keep: Keep { journey: days(tenant.journey_keep_days), receipt: days(tenant.receipt_keep_days) },
        default_provider: tenant.default_provider.clone(),
        enforce_fair_use: tenant.fair_use.mode == FairUseMode::Enforce,
        // Whom nobody else reaches, nobody else can lead customers astray through.
        redirects: Redirects::new(&tenant.redirects, config.listen.grpc.ip().is_loopback()),
        webhook_base: config.webhook.public_base_url.as_ref().map(|base| base.trim_end_matches('/').to_owned()),
    }
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

fn assumptions(tenant: &Tenant) -> Assumptions {
    let purposes = (1..).map_while(|number| Purpose::try_from(number).ok());
    let mut assume = Assumptions { data_life_days: BTreeMap::new(), range_months: BTreeMap::new() };
    for purpose in purposes {
        assume.data_life_days.insert(purpose, tenant.data_life_days.of(purpose));
        if let Some(months) = tenant.range_months.of(purpose) {
            assume.range_months.insert(purpose, months);
        }
    }
    assume
}

fn pace(config: &Config) -> Pace {
    let poller = &config.poller;
    Pace {
        first: Duration::from_millis(poller.first_ms),
        longest: Duration::from_millis(poller.max_ms),
        abandon_after: Duration::from_secs(u64::from(poller.abandon_after_hours) * 3_600),
        outcome_limit: Duration::from_secs(u64::from(poller.outcome_unknown_minutes) * 60),
        concurrency: poller.concurrency,
        ..Pace::default()
    }
}

fn watching(config: &Config) -> watch::Settings {
    let watch = &config.watch;
    watch::Settings {
        keep: watch.history_events,
        keep_for: Duration::from_secs(u64::from(watch.history_hours) * 3_600),
        heartbeat: Duration::from_millis(watch.heartbeat_ms),
        buffer: watch.buffer_messages,
        streams: usize::try_from(watch.max_streams).unwrap_or(usize::MAX),
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { setting, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// A gateway that serves.
pub struct Running {
    /// Where callers are served.
    pub grpc: SocketAddr,
    /// Where webhooks are taken.
    pub webhook: SocketAddr,
    tenants: Tenants,
    store: Store,
    health: Health,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
    background: JoinHandle<()>,
    applier: JoinHandle<()>,
}

impl Running {
    /// The service of the first tenant, for what lives in the same process: the demo and tests wait for its changes.
    pub fn service(&self) -> &Service {
        self.tenants.first()
    }

    /// The services of all tenants.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Stops: the health says so first, running calls and looks get the grace period, then everything ends.
    pub async fn stop(self) {
        self.health.not_serving().await;
        self.stop.cancel();
        for listener in self.listeners {
            let _ = listener.await;
        }
        let _ = self.applier.await;
        let _ = self.background.await;
        self.store.close().await;
    }
}
