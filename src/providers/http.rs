//! The one executor of provider calls. Adapters build requests and read responses; everything between is here, as one layer list.

mod body;
mod message;
mod read_call;

use std::{error::Error as _, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use url::Url;

use super::{
    error::{Effect, ErrorKind, ProviderError},
    provider::Call,
};
use crate::{
    clock::SharedClock,
    resilience::{
        attempt::AttemptTimeoutLayer,
        breaker::{Breaker, BreakerLayer},
        concurrency::ConcurrencyLayer,
        deadline::DeadlineLayer,
        rate::RateLayer,
        retry::{Jitter, RetryLayer},
    },
    telemetry::{
        metrics::{CallMeter, MeasureLayer, Of},
        propagation,
    },
};
pub(super) use body::read_whole;
pub use message::{CallKind, OutboundRequest, OutboundResponse};
pub use read_call::ReadCall;
pub(super) use read_call::read_calls;

/// How long and how large a provider's calls may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most time to connect, TLS included.
    pub connect: Duration,
    /// Most time between two reads of a body.
    pub read: Duration,
    /// Most time of one attempt.
    pub attempt: Duration,
    /// Most time of a call with its attempts.
    pub total: Duration,
    /// Longest pause before a read is tried again.
    pub retry_pause: Duration,
    /// Most bytes of an answer, after decompression.
    pub max_response_bytes: usize,
    /// Most calls at once.
    pub concurrency: usize,
    /// Most calls a second.
    pub per_second: Option<u32>,
    /// Failures in a row after which calls end at once for a while; 0 for never.
    pub breaker_failures: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(20),
            attempt: Duration::from_secs(30),
            total: Duration::from_secs(70),
            retry_pause: Duration::from_millis(400),
            max_response_bytes: 64 * 1024 * 1024,
            concurrency: 64,
            per_second: None,
            breaker_failures: 10,
        }
    }
}

/// What every executor of the process is made with.
#[derive(Clone)]
pub struct Outward {
    /// The jitter of pauses.
    pub jitter: Jitter,
    /// Measures the calls.
    pub meter: CallMeter,
}

impl Outward {
    /// The same for one credential.
    pub fn of(&self, provider: &'static str, credential: &str) -> Self {
        Self { jitter: self.jitter.clone(), meter: self.meter.of(provider, credential) }
    }
}

/// Sends the calls of one credential.
#[derive(Clone)]
pub struct Executor {
    service: BoxCloneSyncService<OutboundRequest, OutboundResponse, ProviderError>,
}

impl Executor {
    /// An executor for one base URL, which may carry a path prefix. `credentials` go on every call and are never logged.
    pub fn new(
        base_url: Url,
        credentials: HeaderMap,
        limits: Limits,
        outward: Outward,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        let client = client(limits)?;
        // Nothing is kept open by it, so every call of it connects anew.
        let fresh = builder(limits).pool_max_idle_per_host(0).build()?;
        let Outward { jitter, meter } = outward;
        let breaker = Arc::new(Breaker::new(limits.breaker_failures));
        meter.watch(&breaker);
        let counting = meter.clone();
        let service = ServiceBuilder::new()
            // Outermost, so that a span covers every attempt and every pause.
            .layer(propagation::CallSpanLayer)
            // Outside the budget: a call that runs out of it is measured as well.
            .layer(MeasureLayer { meter: meter.clone(), of: Of::Call })
            // One budget for the whole call, within the caller's own.
            .layer(DeadlineLayer { total: limits.total })
            // Inside the budget: a second try never outlives it. A retry budget joins here.
            .layer(RetryLayer { pause: limits.retry_pause, jitter, meter: meter.clone() })
            // Per attempt from here on: each one counts, and a second one is not sent where the first has opened it.
            .layer(BreakerLayer { breaker, refused: move |request: &OutboundRequest| counting.refused(request) })
            // Whoever waits for his turn has sent nothing yet, so that is outside the attempt's own time; and a pause that the provider asks
            // for is kept by whatever comes last before the sending.
            .layer(ConcurrencyLayer::new(limits.concurrency))
            .layer(RateLayer::new(limits.per_second, clock))
            .layer(MeasureLayer { meter, of: Of::Attempt })
            .layer(AttemptTimeoutLayer { limit: limits.attempt })
            // After the retry, so that each attempt is a child span of its own.
            .layer(propagation::InjectLayer)
            // Last, so that nothing outside ever holds a credential.
            .layer(CredentialsLayer(Arc::new(credentials)))
            .service(Send { client, fresh, base_url: Arc::new(base_url), max_bytes: limits.max_response_bytes });
        Ok(Self { service: BoxCloneSyncService::new(service) })
    }

    /// An executor that sends nothing and gives every call this answer: for fuzzing, where no socket is wanted.
    #[cfg(feature = "sandbox")]
    #[doc(hidden)]
    pub fn answering(response: OutboundResponse) -> Self {
        let answer = tower::service_fn(move |_: OutboundRequest| std::future::ready(Ok(response.clone())));
        Self { service: BoxCloneSyncService::new(answer) }
    }

    /// An executor that sends nothing and gives each call the answer of `answer`: for tests over every call.
    #[cfg(test)]
    pub(crate) fn answering_each(
        answer: impl Fn(&OutboundRequest) -> OutboundResponse + std::marker::Send + Sync + Clone + 'static,
    ) -> Self {
        let answer = tower::service_fn(move |request: OutboundRequest| std::future::ready(Ok(answer(&request))));
        Self { service: BoxCloneSyncService::new(answer) }
    }

    /// Sends one call.
    pub async fn send(&self, call: Call, mut request: OutboundRequest) -> Result<OutboundResponse, ProviderError> {
        request.deadline = call.deadline;
        self.service.clone().oneshot(request).await
    }
}

/// How long a connection stays open that nobody uses: less than the 60 s after which servers usually close theirs, so that a call seldom
/// meets one that is just being closed.
const IDLE: Duration = Duration::from_secs(45);

/// The HTTP client: no redirects (a provider has none to give), no cookies, no environment proxies.
fn client(limits: Limits) -> Result<reqwest::Client, reqwest::Error> {
    builder(limits).build()
}

/// What every client has in common.
pub(super) fn builder(limits: Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(limits.connect)
        .read_timeout(limits.read)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(IDLE)
        .no_proxy()
        .user_agent(concat!("sangam/", env!("CARGO_PKG_VERSION")))
}

#[derive(Clone)]
struct CredentialsLayer(Arc<HeaderMap>);

impl<S> Layer<S> for CredentialsLayer {
    type Service = Credentials<S>;
    fn layer(&self, inner: S) -> Credentials<S> {
        Credentials { inner, headers: self.0.clone() }
    }
}

#[derive(Clone)]
struct Credentials<S> {
    inner: S,
    headers: Arc<HeaderMap>,
}

impl<S: Service<OutboundRequest>> Service<OutboundRequest> for Credentials<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: OutboundRequest) -> S::Future {
        for (name, value) in self.headers.iter() {
            request.headers.insert(HeaderName::clone(name), value.clone());
        }
        self.inner.call(request)
    }
}

/// The innermost service: one HTTP exchange.
#[derive(Clone)]
struct Send {
    client: reqwest::Client,
    fresh: reqwest::Client,
    base_url: Arc<Url>,
    max_bytes: usize,
}

impl Service<OutboundRequest> for Send {
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), ProviderError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let url = join(&this.base_url, request.path, &request.query);
            let client = if request.fresh_connection { &this.fresh } else { &this.client };
            let mut outbound = client.request(request.method.clone(), url).headers(request.headers.clone());
            if let Some(body) = request.body.clone() {
                outbound = outbound.body(body);
            }
            let answer = outbound.send().await.map_err(|error| transport_error(&request, &error))?;
            read_whole(&request, answer, this.max_bytes).await
        })
    }
}

/// Joins below a base URL that may carry a path prefix: the prefix stays.
fn join(base: &Url, path: &str, query: &[(&'static str, String)]) -> Url {
    let mut url = base.clone();
    let joined = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    url.set_path(&joined);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// Whether the connection is behind an error: a body that ends too early is reported as one that cannot be decoded.
fn broke(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<hyper::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The error's URL and text stay out: they can hold query parameters.
pub(super) fn transport_error(request: &OutboundRequest, error: &reqwest::Error) -> ProviderError {
    let (kind, what) = if error.is_timeout() {
        (ErrorKind::Timeout, "timed out")
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "no connection")
    } else if error.is_decode() && !broke(error) {
        (ErrorKind::ResponseInvalid, "the body cannot be decoded")
    } else {
        (ErrorKind::Unavailable, "the connection broke")
    };
    let mut io = None;
    let mut source = error.source();
    while let Some(cause) = source {
        io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(io);
        source = cause.source();
    }
    // While connecting nothing was sent; afterwards a write may have arrived.
    let effect = if error.is_connect() { Effect::None } else { request.kind.effect_when_lost() };
    let detail = match io {
        Some(io) => format!("{what}: {io}"),
        None => what.to_owned(),
    };
    ProviderError::new(kind, request.provider, request.stage).with_effect(effect).with_detail(detail)
}

#[cfg(test)]
mod tests;
