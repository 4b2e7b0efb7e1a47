//! The one composition root.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;

use crate::{
    access::{
        self, Redirects,
        audit::{self, Auditor},
        reload::Reload,
    },
    cache::{CacheSettings, Caches},
    clock::SharedClock,
    config::{Config, FairUseMode, Faults, Telemetry, Tenant},
    journey::{
        background,
        model::Purpose,
        policy::{Assumptions, Keep, Pace},
        service::{Means, Own, Service, Shared, TenantPolicy, Tenants},
        watch,
    },
    memory::BodyBudget,
    providers::{self, http::Outward},
    random::{SharedRandom, SystemRandom, fraction},
    resilience::retry::Jitter,
    rpc,
    seal::Keys,
    server::{
        self, ConnectionAge,
        health::{self, Health},
        reflection,
        tls::Tls,
    },
    store::{self, Store, StoreError},
    telemetry::metrics::{Metrics, MetricsError},
    webhook::{self, Inbox},
};

/// Between two tries to open the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

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
    /// Nothing can be measured.
    #[error("{0}")]
    Metrics(#[from] MetricsError),
    /// The descriptors that were compiled in cannot be read.
    #[error("reflection cannot start: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A sealing key cannot be read.
    #[error("seal: {0}")]
    Key(String),
    /// What callers are checked by cannot be read.
    #[error("{0}")]
    Access(String),
    /// The TLS of the gRPC listener cannot be set up.
    #[error("listen.tls: {0}")]
    Tls(String),
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
    /// Answers probes at once, opens everything, and binds both listeners; the readiness says SERVING only after that.
    pub async fn start(config: Config, clock: SharedClock) -> Result<Running, StartError> {
        let gate = Arc::new(access::build(&config, clock.clone()).map_err(StartError::Access)?);
        let tls = config.listen.tls.as_ref().map(|tls| Tls::load(tls, clock.clone()).map(Arc::new));
        let tls = tls.transpose().map_err(StartError::Tls)?;
        let metrics = Metrics::new(&config.telemetry)?;
        let health = Health::new().await;
        let settings = server::Settings::new(&config, gate.clone(), tls.clone(), metrics.rpc.clone());
        let admin = Admin::start(&config, settings.clone(), &health, &metrics).await?;
        let keys = load_keys(&config)?;
        let store = open_store(&config, &keys).await?;
        let tenants = assemble(&config, clock.clone(), store.clone(), &metrics)?;
        tenants.shared().audit.cover();
        let inbox = Inbox::new(tenants.clone(), webhook::Settings::from(&config));
        let mut routes = Routes::new(health.service());
        if config.listen.reflection.unwrap_or(!gate.asks()) {
            routes = reflection::add(routes)?;
        }
        let routes = rpc::add(routes, tenants.clone());
        let grpc = bind("listen.grpc", config.listen.grpc).await?;
        let webhook = bind("listen.webhook", config.listen.webhook).await?;
        let stop = CancellationToken::new();
        let reloads: Vec<Arc<dyn Reload>> = tls.iter().map(|tls| tls.clone() as Arc<dyn Reload>).collect();
        gate.keep(Duration::from_millis(config.access.reload_ms), reloads, &stop);
        let callers = server::Settings { age: age(&config), ..settings.clone() };
        let grace = settings.grace;
        // Hears before anybody can watch. At the stop it ends every stream, so that only calls that end by themselves are waited for.
        let (watches, changes, stopped) = (tenants.shared().watches().clone(), tenants.shared().changes(), stop.clone());
        tokio::spawn(async move { watches.run(changes, stopped).await });
        measure(&config, &metrics, &tenants, clock, &stop);
        tokio::spawn(store::rotation::run(store.clone(), config.seal.clone(), stop.clone()));
        tokio::spawn(health::watch_store(health.clone(), store.clone(), metrics.store(&store), stop.clone()));
        let running = Running {
            grpc: grpc.1,
            webhook: webhook.1,
            admin,
            drain: Duration::from_millis(config.listen.drain_delay_ms),
            metrics,
            health: health.clone(),
            stop: stop.clone(),
            listeners: vec![
                server::serve_grpc(grpc.0, routes, callers, stop.clone()),
                server::serve_http(webhook.0, webhook::listener::router(inbox.clone()), settings, stop.clone()),
            ],
            applier: tokio::spawn(webhook::run::run(inbox, stop.clone(), grace)),
            background: tokio::spawn(background::run(tenants.clone(), stop, grace)),
            tenants,
        };
        health.serving().await;
        Ok(running)
    }

    /// The services of all tenants on their store, without listeners and without the background: for commands that work while the gateway
    /// is stopped. Whoever takes them closes them.
    pub async fn offline(config: &Config, clock: SharedClock) -> Result<Tenants, StartError> {
        let keys = load_keys(config)?;
        let store = store::connect(&config.store, &keys).await?;
        assemble(config, clock, store, &Metrics::new(&Telemetry::default())?)
    }
}

/// The listener for probes and metrics. It ends with the value.
struct Admin {
    address: Option<SocketAddr>,
    _ends: DropGuard,
}

impl Admin {
    async fn start(config: &Config, settings: server::Settings, health: &Health, metrics: &Metrics) -> Result<Self, StartError> {
        let ends = CancellationToken::new();
        let mut address = None;
        if let Some(wanted) = config.listen.admin.address() {
            let (listener, bound) = bind("listen.admin", wanted).await?;
            let settings = server::Settings { grace: Duration::ZERO, ..settings };
            server::admin::serve(listener, health, metrics.clone(), settings, ends.clone());
            // Said before the store is opened, for that may take its time.
            tracing::info!(address = %bound, "serving probes and metrics");
            address = Some(bound);
        }
        Ok(Self { address, _ends: ends.drop_guard() })
    }
}

/// Opens the store, to serve it. A database that is not there yet is waited for: replicas and database may start together, and a process
/// that ends is started again after ever longer pauses. So is whoever serves the file still: he may be on his way out.
async fn open_store(config: &Config, keys: &Keys) -> Result<Store, StartError> {
    let give_up = Instant::now() + Duration::from_millis(config.store.start_timeout_ms);
    loop {
        match store::serve(&config.store, keys).await {
            Err(error @ (StoreError::Unreachable(_) | StoreError::Served)) if Instant::now() < give_up => {
                tracing::warn!(%error, "the store cannot be opened yet");
                sleep(STORE_PAUSE).await;
            }
            opened => return Ok(opened?),
        }
    }
}

fn load_keys(config: &Config) -> Result<Keys, StartError> {
    Ok(Keys::of(config.seal.ring().map_err(StartError::Key)?))
}

fn assemble(config: &Config, clock: SharedClock, store: Store, metrics: &Metrics) -> Result<Tenants, StartError> {
    let random: SharedRandom = Arc::new(SystemRandom);
    let (bodies_bytes, caches_bytes) = config.memory.shares();
    let bodies = BodyBudget::new(bodies_bytes);
    metrics.bodies(&bodies);
    let own: Vec<Own> = config
        .paths()
        .zip(config.tenants())
        .map(|(path, tenant)| own(config, &path, tenant, &clock, &random, metrics, &bodies))
        .collect::<Result<_, _>>()?;
    let caches = Caches::new(cache_settings(config).within(caches_bytes));
    metrics.caches(&caches);
    let hash = store.keyed_hash();
    let checkpoints = audit::checkpoint_key(&hash);
    let shared = Shared::new(Means {
        audit: Auditor::start(store.clone(), clock.clone(), random.as_ref(), checkpoints, auditing(config)),
        store,
        caches,
        clock,
        random,
        hash,
        pace: pace(config),
        watch: watching(config),
        bodies,
    });
    let mut services = own.into_iter().map(|own| Service::new(shared.clone(), own));
    let first = services.next().ok_or(StartError::NoTenant)?;
    Ok(Tenants::new(shared.clone(), first, services))
}

/// Begins to tell of what the services do, and to count what is in the store.
fn measure(config: &Config, metrics: &Metrics, tenants: &Tenants, clock: SharedClock, stop: &CancellationToken) {
    metrics.services(tenants);
    let every = Duration::from_millis(config.telemetry.metrics_interval_ms);
    tokio::spawn(metrics.clone().count(tenants.shared().store.clone(), tenants.clone(), clock, every, stop.clone()));
}

fn age(config: &Config) -> Option<ConnectionAge> {
    let listen = &config.listen;
    (listen.max_connection_age_s > 0).then(|| ConnectionAge {
        most: Duration::from_secs(listen.max_connection_age_s),
        grace: Duration::from_millis(listen.connection_age_grace_ms),
        random: Arc::new(SystemRandom),
    })
}

/// What a tenant has of its own; `path` is where it stands in the configuration.
fn own(
    config: &Config,
    path: &str,
    tenant: &Tenant,
    clock: &SharedClock,
    random: &SharedRandom,
    metrics: &Metrics,
    bodies: &BodyBudget,
) -> Result<Own, StartError> {
    let random = random.clone();
    let jitter: Jitter = Arc::new(move || fraction(random.as_ref()));
    let outward = Outward { jitter, meter: metrics.calls.clone(), bodies: bodies.share() };
    Ok(Own {
        providers: providers::build(&tenant.providers, path, &outward, clock.clone()).map_err(StartError::Credentials)?,
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
        beside_bytes: CacheSettings::default().beside_bytes,
        lease: Duration::from_millis(config.store.max_consent_lease_ms),
    }
}

fn tenant_policy(config: &Config, tenant: &Tenant) -> TenantPolicy {
    TenantPolicy {
        id: tenant.id.as_str().into(),
        retain_evidence: tenant.retain_evidence,
        keep: Keep { journey: days(tenant.journey_keep_days), receipt: days(tenant.receipt_keep_days) },
        default_provider: tenant.default_provider.clone(),
        poll_weight: tenant.limits.poll_weight.unwrap_or(1),
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

fn auditing(config: &Config) -> audit::Settings {
    audit::Settings {
        timeout: Duration::from_millis(config.audit.timeout_ms),
        checkpoint_every: Duration::from_secs(u64::from(config.audit.checkpoint_seconds)),
        keep: days(config.audit.keep_days),
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
    admin: Admin,
    drain: Duration,
    metrics: Metrics,
    tenants: Tenants,
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

    /// Where probes and metrics are served, unless that is off.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.address
    }

    /// Stops: the health says so first while new calls are still taken; then clients are told to go, running calls and looks get the grace
    /// period, and everything ends. Probes are answered until the end.
    pub async fn stop(self) {
        self.health.not_serving().await;
        if !self.drain.is_zero() {
            tracing::info!("calls are still taken until balancers have noticed the stop");
            sleep(self.drain).await;
        }
        self.stop.cancel();
        for listener in self.listeners {
            let _ = listener.await;
        }
        let _ = self.applier.await;
        let _ = self.background.await;
        self.tenants.shared().close().await;
        self.metrics.shutdown().await;
    }
}
