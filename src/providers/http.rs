//! The one executor of provider calls. Adapters build requests and read responses; everything between is here, as one layer list.

mod body;
mod message;
mod read_call;
mod room_wait;
mod sending;

use std::{error::Error as _, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use url::Url;
use uuid::Uuid;

use super::{
    call_notes,
    error::{ErrorKind, Exchange, ProviderError},
    judge::{self, Origin},
    provider::Call,
};
use crate::{
    clock::SharedClock,
    memory::BodyShare,
    resilience::{
        attempt::AttemptTimeoutLayer,
        breaker::{Breaker, BreakerLayer, refused},
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
pub use room_wait::RoomWait;
pub use sending::Sending;
use sending::WatchedBody;

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
    /// Longest pause after the provider refused calls for their number, whatever it states.
    pub max_pause: Duration,
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
            max_pause: Duration::from_secs(900),
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
    /// The credential's part of the bytes that bodies in flight may take.
    pub bodies: BodyShare,
}

impl Outward {
    /// The same for one credential.
    pub fn of(&self, provider: &'static str, credential: &str) -> Self {
        Self { jitter: self.jitter.clone(), meter: self.meter.of(provider, credential), bodies: self.bodies.another() }
    }
}

/// Sends the calls of one credential.
#[derive(Clone)]
pub struct Executor {
    service: BoxCloneSyncService<OutboundRequest, OutboundResponse, ProviderError>,
    gate: Option<Gate>,
    clock: SharedClock,
}

/// What refuses calls without sending them.
#[derive(Clone)]
struct Gate {
    breaker: Arc<Breaker>,
    concurrency: ConcurrencyLayer,
    rate: RateLayer,
    meter: CallMeter,
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
        let fresh = fresh_client(limits)?;
        let Outward { jitter, meter, bodies } = outward;
        let breaker = Arc::new(Breaker::new(limits.breaker_failures));
        meter.watch(&breaker);
        let counting = meter.clone();
        let rate = RateLayer::new(limits.per_second, limits.max_pause, clock.clone());
        let concurrency = ConcurrencyLayer::new(limits.concurrency);
        let gate = Gate { breaker: breaker.clone(), concurrency: concurrency.clone(), rate: rate.clone(), meter: meter.clone() };
        let service = ServiceBuilder::new()
            // Outermost, so that a span covers every attempt and every pause.
            .layer(propagation::CallSpanLayer)
            // Outside the budget: a call that runs out of it is measured as well.
            .layer(MeasureLayer { meter: meter.clone(), of: Of::Call })
            // One budget for the whole call, within the caller's own.
            .layer(DeadlineLayer { total: limits.total })
            // Inside the time: a second try never outlives it.
            .layer(RetryLayer { pause: limits.retry_pause, jitter, budget: Arc::default(), meter: meter.clone() })
            // Per attempt from here on: each one counts, and a second one is not sent where the first has opened it.
            .layer(BreakerLayer {
                breaker,
                refused: move |request: &OutboundRequest| counting.refused(request.provider, request.stage),
            })
            // Whoever waits for his turn has sent nothing yet, so that is outside the attempt's own time; and a pause that the provider asks
            // for is kept by whatever comes last before the sending.
            .layer(concurrency)
            .layer(rate)
            .layer(MeasureLayer { meter, of: Of::Attempt })
            .layer(AttemptTimeoutLayer { limit: limits.attempt })
            // After the retry, so that each attempt is a child span of its own.
            .layer(propagation::InjectLayer)
            // Last, so that nothing outside ever holds a credential.
            .layer(CredentialsLayer(Arc::new(credentials)))
            .service(Send { client, fresh, base_url: Arc::new(base_url), max_bytes: limits.max_response_bytes, bodies });
        Ok(Self { service: BoxCloneSyncService::new(service), gate: Some(gate), clock })
    }

    /// An executor that sends nothing and gives every call this answer: for fuzzing, where no socket is wanted.
    #[cfg(feature = "sandbox")]
    #[doc(hidden)]
    pub fn answering(response: OutboundResponse) -> Self {
        let answer = tower::service_fn(move |_: OutboundRequest| std::future::ready(Ok(response.clone())));
        Self { service: BoxCloneSyncService::new(answer), gate: None, clock: Arc::new(crate::clock::SystemClock) }
    }

    /// An executor that sends nothing and gives each call the answer of `answer`: for tests over every call.
    #[cfg(test)]
    pub(crate) fn answering_each(
        answer: impl Fn(&OutboundRequest) -> OutboundResponse + std::marker::Send + Sync + Clone + 'static,
    ) -> Self {
        let answer = tower::service_fn(move |request: OutboundRequest| std::future::ready(Ok(answer(&request))));
        Self { service: BoxCloneSyncService::new(answer), gate: None, clock: Arc::new(crate::clock::SystemClock) }
    }

    /// What a call that begins now would be refused with, without being sent. It counts as refused.
    pub fn refusal(&self, call: Call, provider: &'static str, stage: &'static str) -> Option<ProviderError> {
        let Gate { breaker, concurrency, rate, meter } = self.gate.as_ref()?;
        if let Some(pause) = breaker.refusal() {
            meter.refused(provider, stage);
            return Some(refused(provider, stage, pause));
        }
        rate.refusal(provider, stage, call.deadline).or_else(|| concurrency.refusal(provider, stage, call.deadline))
    }

    /// What is left of the time in which no call is sent: while the breaker is open, or during a pause.
    pub fn held(&self) -> Option<Duration> {
        let Gate { breaker, rate, .. } = self.gate.as_ref()?;
        breaker.refusal().max(rate.pause())
    }

    /// Lets calls go on at once, on an operator's word. Returns whether anything kept them back.
    pub fn resume(&self) -> bool {
        let Some(Gate { breaker, rate, .. }) = &self.gate else { return false };
        let opened = breaker.close();
        rate.resume() || opened
    }

    /// Sends one call under an id of its own, by which the provider's support finds it. Answers where the answer came from as well; a
    /// failure carries the id.
    pub async fn send(&self, call: Call, mut request: OutboundRequest) -> Result<(Origin, OutboundResponse), ProviderError> {
        let x_request_id = Uuid::new_v4();
        request.deadline = call.deadline;
        request.sending = Sending::default();
        request.room_wait = RoomWait::default();
        request.x_request_id = x_request_id;
        if let Ok(id) = HeaderValue::try_from(x_request_id.to_string()) {
            request.headers.insert(X_REQUEST_ID, id);
        }
        let (provider, stage, kind) = (request.provider, request.stage, request.kind);
        call_notes::note(stage, x_request_id, self.clock.now());
        let response = self.service.clone().oneshot(request).await;
        let response = response.map_err(|error| error.with_exchange(Exchange { x_request_id, answer: None }))?;
        let exchange = Some(Exchange { x_request_id, answer: Some(judge::shape(&response)) });
        Ok((Origin { provider, stage, kind, now: self.clock.now(), exchange }, response))
    }
}

/// The header with the id of a call. One provider documents it; a provider that does not know it ignores it.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an unused connection stays open for reads. Node, a common server of such APIs, closes its own after 5 s by default,
/// so a longer time makes reads meet a connection that is being closed. What is left is the time on the way.
const IDLE: Duration = Duration::from_secs(4);

/// The HTTP client: no redirects (a provider has none to give), no cookies, no environment proxies.
fn client(limits: Limits) -> Result<reqwest::Client, reqwest::Error> {
    builder(limits).build()
}

/// The client of writes, and of reads that are sent a second time. It keeps no connection open, so each call connects anew: a kept
/// connection may be closing just as a write begins, and whether the write arrived would be unknown. One connection carries one call, so
/// HTTP/2 would bring nothing; with HTTP/1.1 alone [`Sending`] is exact.
fn fresh_client(limits: Limits) -> Result<reqwest::Client, reqwest::Error> {
    builder(limits).http1_only().pool_max_idle_per_host(0).build()
}

/// What every client has in common. The library's own second try is off: it is not counted, and it knows no retry budget.
pub(super) fn builder(limits: Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(limits.connect)
        .read_timeout(limits.read)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(IDLE)
        .retry(reqwest::retry::never())
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
    bodies: BodyShare,
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
            let is_write = request.kind == CallKind::Write;
            let client = if is_write || request.fresh_connection { &this.fresh } else { &this.client };
            let mut outbound = client.request(request.method.clone(), url).headers(request.headers.clone());
            match request.body.clone() {
                Some(body) if is_write => {
                    outbound = outbound.body(reqwest::Body::wrap(WatchedBody::new(body, request.sending.clone())));
                }
                Some(body) => outbound = outbound.body(body),
                // Nothing shows when the head of a request without a body is written.
                None => {
                    request.sending.begin();
                }
            }
            let answer = outbound.send().await.map_err(|error| transport_error(&request, &error))?;
            read_whole(&request, answer, this.max_bytes, &this.bodies).await
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
    let detail = match io {
        Some(io) => format!("{what}: {io}"),
        None => what.to_owned(),
    };
    ProviderError::new(kind, request.provider, request.stage).with_effect(request.effect_so_far()).with_detail(detail)
}

#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod tests;
