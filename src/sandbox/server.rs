//! Starts and stops the sandbox.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{
    calls::Calls,
    customer_page::{self, Decision, Journeys, Outcome},
    files::{self, Files},
    finpass, finpro,
    webhooks::{WebhookTarget, Webhooks},
    world::World,
};
use crate::clock::SharedClock;

/// Open connections get this long when the sandbox stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How the sandbox is started.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address under which customers and the gateway reach it, if that is not where it listens.
    pub public_base_url: Option<Url>,
    /// How many looks at a fetch find it unfinished. Progress is counted in looks, not in time, so that tests need no waiting.
    pub pending_polls: u32,
    /// Whether webhooks are sent.
    pub webhooks: bool,
    /// Where each credential's webhooks go, by `client_id`. Finpass gets its address with each journey instead.
    pub webhook_targets: HashMap<String, WebhookTarget>,
    /// Calls that one credential may make in a minute, all endpoints together.
    pub calls_per_minute: u32,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            public_base_url: None,
            pending_polls: 1,
            webhooks: true,
            webhook_targets: HashMap::new(),
            calls_per_minute: 1000,
        }
    }
}

/// One simulator: its routes and its customers' journeys.
pub struct Part {
    /// The routes, relative to `path`.
    pub router: Router,
    /// Where the routes hang, such as "/finpro".
    pub path: &'static str,
    /// What the customer's page asks.
    pub journeys: Arc<dyn Journeys>,
}

/// A running sandbox. It stops when dropped.
pub struct Sandbox {
    /// Where it listens.
    pub address: SocketAddr,
    world: Arc<World>,
    journeys: Vec<Arc<dyn Journeys>>,
    server: JoinHandle<()>,
    _stop: DropGuard,
}

impl Sandbox {
    /// Starts the sandbox with this clock.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: SandboxConfig, clock: SharedClock) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let base = match &config.public_base_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{address}/")).map_err(io::Error::other)?,
        };
        let stop = CancellationToken::new();
        let webhooks = Webhooks::new(config.webhooks, config.webhook_targets.clone(), stop.clone());
        let world = Arc::new(World {
            base,
            config,
            clock,
            calls: Calls::default(),
            webhooks,
            files: Files::default(),
            down: AtomicBool::default(),
            lost: Mutex::default(),
            held: watch::Sender::default(),
        });
        let (router, journeys) = router(&world);
        let stopped = stop.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::warn!(%error, "the sandbox's server ended");
            }
        });
        Ok(Self { address, world, journeys, server, _stop: stop.drop_guard() })
    }

    /// Stops it and waits until its port is free.
    pub async fn stop(self) {
        let Self { world, mut server, _stop, .. } = self;
        drop(_stop);
        world.webhooks.finish().await;
        if tokio::time::timeout(STOP_GRACE, &mut server).await.is_err() {
            server.abort();
        }
    }

    /// Base URL of the FinPro simulator. It has a path on purpose: real hosts can have one.
    pub fn finpro_base_url(&self) -> Url {
        self.at("finpro")
    }

    /// Base URL of the Finpass simulator.
    pub fn finpass_base_url(&self) -> Url {
        self.at("finpass")
    }

    /// Counters of what callers made happen.
    pub fn calls(&self) -> Calls {
        self.world.calls.clone()
    }

    /// Takes both providers down, or brings them back: while down, every call is answered by a proxy's page with 503, and has no effect.
    pub fn set_down(&self, down: bool) {
        self.world.down.store(down, Ordering::SeqCst);
    }

    /// Loses the answer of the next call to this path, such as "/finpro/fi/request", though the call goes through.
    pub fn lose_next_answer(&self, path: &str) {
        *self.world.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
    }

    /// Holds every call whose path begins with this, such as "/finpro": it is accepted and counted as "held", and gets no answer and
    /// has no effect until [`Self::release`].
    pub fn hold(&self, path: &str) {
        self.world.held.send_replace(Some(path.to_owned()));
    }

    /// Lets the held calls go on.
    pub fn release(&self) {
        self.world.held.send_replace(None);
    }

    /// Sets where a credential's webhooks go, for a receiver that starts after the sandbox.
    pub fn set_webhook_target(&self, credential: &str, target: WebhookTarget) {
        self.world.webhooks.set_target(credential, target);
    }

    /// The customer decides on every page of theirs, also on one whose URL never reached the gateway: the aggregator has told them of it.
    /// Answers on how many that was possible.
    pub fn decide(&self, mobile: &str, decision: Decision) -> usize {
        let pages =
            self.journeys.iter().flat_map(|journeys| journeys.pages(mobile).into_iter().map(move |token| (journeys, token)));
        let decided = pages.map(|(journeys, token)| journeys.decide(&token, decision));
        decided.filter(|outcome| matches!(outcome, Some(Outcome::Done | Outcome::Redirect(_)))).count()
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.world.base.clone();
        url.set_path(path);
        url
    }
}

/// Stands before the providers' calls.
async fn gate(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut held = world.held.subscribe();
    let passes = |prefix: &Option<String>| prefix.as_ref().is_none_or(|prefix| !path.starts_with(prefix.as_str()));
    if !passes(&held.borrow()) {
        world.calls.record("held", &[]);
        // An error means that the sandbox stops.
        let _ = held.wait_for(passes).await;
    }
    next.run(request).await
}

/// Stands before the providers' calls, behind the gate.
async fn outage(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    if !world.down.load(Ordering::SeqCst) {
        let path = request.uri().path().to_owned();
        let answer = next.run(request).await;
        let mut lost = world.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.as_ref() != Some(&path) {
            return answer;
        }
        *lost = None;
        return (StatusCode::GATEWAY_TIMEOUT, Html("<html><body><h1>504 Gateway Time-out</h1></body></html>")).into_response();
    }
    world.calls.record(&format!("down:{}", request.uri().path()), &[]);
    (StatusCode::SERVICE_UNAVAILABLE, Html("<html><body><h1>503 Service Unavailable</h1></body></html>")).into_response()
}

fn router(world: &Arc<World>) -> (Router, Vec<Arc<dyn Journeys>>) {
    let parts = [finpro::part(world), finpass::part(world)];
    let journeys: Vec<_> = parts.iter().map(|part| Arc::clone(&part.journeys)).collect();
    let router = parts
        .into_iter()
        .fold(Router::new(), |router, part| router.nest(part.path, part.router))
        .layer(middleware::from_fn_with_state(Arc::clone(world), outage))
        .layer(middleware::from_fn_with_state(Arc::clone(world), gate))
        .merge(files::router(Arc::clone(world)))
        .merge(customer_page::router(journeys.clone()));
    (router, journeys)
}
