//! The one composition root.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    cache::{CacheSettings, Caches},
    clock::SharedClock,
    config::{Config, FairUseMode, Faults},
    journey::{
        background,
        model::Purpose,
        policy::{Assumptions, Keep, Pace},
        service::{Parts, Service, TenantPolicy, Tenants},
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
    /// A sealing key cannot be read.
    #[error("seal: {0}")]
    Key(String),
    /// The rules of fair use cannot be read.
    #[error("tenant.fair_use.rules_file: {0}")]
    Rules(String),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
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
        let service = Self::offline(&config, clock).await?;
        let store = service.store().clone();
        let inbox = Inbox::new(service.clone(), webhook::Settings::from(&config));
        let health = Health::new().await;
        let routes = rpc::add(reflection::add(Routes::new(health.service()))?, Tenants::new([service.clone()]));
        let grpc = bind("listen.grpc", config.listen.grpc).await?;
        let webhook = bind("listen.webhook", config.listen.webhook).await?;
        let stop = CancellationToken::new();
        let settings = server::Settings::from(&config);
        let grace = settings.grace;
        // Hears before anybody can watch. At the stop it ends every stream, so that only calls that end by themselves are waited for.
        let (watches, changes, stopped) = (service.watches().clone(), service.changes(), stop.clone());
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
            background: tokio::spawn(background::run(service.clone(), stop, grace)),
            service,
            store,
        };
        tokio::spawn(store::rotation::run(running.store.clone(), config.seal.clone(), running.stop.clone()));
        tokio::spawn(health::watch_store(health.clone(), running.store.clone(), running.stop.clone()));
        health.serving().await;
        Ok(running)
    }

    /// The service on its store, without listeners and without the background: for commands that work while the gateway is stopped.
    /// Whoever takes it closes the store.
    pub async fn offline(config: &Config, clock: SharedClock) -> Result<Service, StartError> {
        let random: SharedRandom = Arc::new(SystemRandom);
        let keys = Keys::of(config.seal.ring().map_err(StartError::Key)?);
        let store = store::connect(&config.store, &keys).await?;
        Ok(Service::new(Parts {
            hash: store.keyed_hash(),
            store,
            providers: build_providers(config, &clock, &random)?,
            caches: Caches::new(cache_settings(config)),
            clock,
            random,
            tenant: tenant_policy(config),
            rules: config.tenant.fair_use.rules().map_err(StartError::Rules)?,
            assume: assumptions(config),
            pace: pace(config),
            watch: watching(config),
        }))
    }
}

fn build_providers(
    config: &Config,
    clock: &SharedClock,
    random: &SharedRandom,
) -> Result<Vec<Arc<dyn providers::provider::Provider>>, StartError> {
    let random = random.clone();
    let jitter: Jitter = Arc::new(move || fraction(random.as_ref()));
    providers::build(&config.tenant.providers, jitter, clock.clone()).map_err(StartError::Credentials)
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

fn tenant_policy(config: &Config) -> TenantPolicy {
    TenantPolicy {
        id: config.tenant.id.clone(),
        retain_evidence: config.tenant.retain_evidence,
        keep: Keep { journey: days(config.tenant.journey_keep_days), receipt: days(config.tenant.receipt_keep_days) },
        default_provider: config.tenant.default_provider.clone(),
        enforce_fair_use: config.tenant.fair_use.mode == FairUseMode::Enforce,
        webhook_base: config.webhook.public_base_url.as_ref().map(|base| base.trim_end_matches('/').to_owned()),
    }
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

fn assumptions(config: &Config) -> Assumptions {
    let purposes = (1..).map_while(|number| Purpose::try_from(number).ok());
    let mut assume = Assumptions { data_life_days: BTreeMap::new(), range_months: BTreeMap::new() };
    for purpose in purposes {
        assume.data_life_days.insert(purpose, config.tenant.data_life_days.of(purpose));
        if let Some(months) = config.tenant.range_months.of(purpose) {
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
    service: Service,
    store: Store,
    health: Health,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
    background: JoinHandle<()>,
    applier: JoinHandle<()>,
}

impl Running {
    /// The service, for what lives in the same process: the demo and tests wait for its changes.
    pub fn service(&self) -> &Service {
        &self.service
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
