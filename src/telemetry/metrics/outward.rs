//! Measures calls to providers, and their attempts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{
    counter, histogram, nowhere, observe, table,
    words::{CallOutcome, ProviderWord, Word},
};
use crate::{
    providers::{
        error::{ErrorKind, ProviderError},
        http::{OutboundRequest, OutboundResponse},
    },
    resilience::breaker::{Breaker, BreakerState},
};

/// Where providers tell how many calls they would still take.
const REMAINING: &str = "x-ratelimit-remaining";

/// A credential of the configuration: provider and name.
type Credential = (&'static str, Arc<str>);

struct Inner {
    calls: Histogram<f64>,
    attempts: Counter<u64>,
    backoff: Histogram<f64>,
    remaining: Arc<Mutex<BTreeMap<Credential, u64>>>,
    breakers: Arc<Mutex<BTreeMap<Credential, Weak<Breaker>>>>,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct CallMeter {
    inner: Arc<Inner>,
    credential: Credential,
}

impl CallMeter {
    pub(super) fn new(meter: &Meter) -> Self {
        let inner = Inner {
            calls: histogram(meter, table::PROVIDER_CALLS),
            attempts: counter(meter, table::PROVIDER_ATTEMPTS),
            backoff: histogram(meter, table::PROVIDER_BACKOFF),
            remaining: Arc::default(),
            breakers: Arc::default(),
        };
        let (remaining, breakers) = (inner.remaining.clone(), inner.breakers.clone());
        observe(meter, table::PROVIDER_QUOTA, move || {
            let remaining = remaining.lock().unwrap_or_else(PoisonError::into_inner);
            remaining.iter().map(|(credential, count)| (labels(credential).to_vec(), *count)).collect::<Vec<_>>()
        });
        observe(meter, table::PROVIDER_BREAKER, move || {
            let breakers = breakers.lock().unwrap_or_else(PoisonError::into_inner);
            let known = breakers.iter().filter_map(|(credential, breaker)| Some((credential, breaker.upgrade()?.state())));
            known.flat_map(|(credential, state)| states(credential, state)).collect::<Vec<_>>()
        });
        Self { inner: Arc::new(inner), credential: ("", Arc::from("")) }
    }

    /// One that tells nobody.
    pub fn silent() -> Self {
        Self::new(&nowhere())
    }

    /// The same for a credential.
    #[must_use]
    pub fn of(&self, provider: &'static str, credential: &str) -> Self {
        Self { inner: self.inner.clone(), credential: (provider, Arc::from(credential)) }
    }

    /// Tells of the credential's breaker from now on.
    pub fn watch(&self, breaker: &Arc<Breaker>) {
        let mut breakers = self.inner.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.insert(self.credential.clone(), Arc::downgrade(breaker));
    }

    /// A pause before a second attempt.
    pub fn paused(&self, provider: &str, pause: Duration) {
        self.inner.backoff.record(pause.as_secs_f64(), &[KeyValue::new("provider", ProviderWord::of(provider).word())]);
    }

    /// A call that the breaker has ended.
    pub fn refused(&self, provider: &str, stage: &'static str) {
        self.inner.attempts.add(1, &ended(provider, stage, CallOutcome::BreakerOpen));
    }

    fn told(&self, headers: &HeaderMap) {
        let Some(count) = headers.get(REMAINING).and_then(|text| text.to_str().ok()?.trim().parse().ok()) else { return };
        let mut remaining = self.inner.remaining.lock().unwrap_or_else(PoisonError::into_inner);
        remaining.insert(self.credential.clone(), count);
    }
}

fn labels((provider, credential): &Credential) -> [KeyValue; 2] {
    [KeyValue::new("provider", ProviderWord::of(provider).word()), KeyValue::new("credential", credential.clone())]
}

fn states(credential: &Credential, state: BreakerState) -> impl Iterator<Item = (Vec<KeyValue>, u64)> {
    BreakerState::ALL.iter().map(move |one| {
        let mut labels = labels(credential).to_vec();
        labels.push(KeyValue::new("state", one.word()));
        (labels, u64::from(*one == state))
    })
}

fn ended(provider: &str, operation: &'static str, outcome: CallOutcome) -> [KeyValue; 3] {
    [
        KeyValue::new("provider", ProviderWord::of(provider).word()),
        KeyValue::new("operation", operation),
        KeyValue::new("outcome", outcome.word()),
    ]
}

fn outcome(result: &Result<OutboundResponse, ProviderError>) -> CallOutcome {
    match result {
        Ok(response) if response.status == StatusCode::TOO_MANY_REQUESTS => CallOutcome::RateLimited,
        Ok(response) if response.status.is_server_error() => CallOutcome::ServerError,
        Ok(response) if response.status.is_client_error() => CallOutcome::Refused,
        Ok(_) => CallOutcome::Answered,
        Err(error) => match error.kind {
            ErrorKind::Timeout => CallOutcome::Timeout,
            ErrorKind::RateLimited => CallOutcome::RateLimited,
            ErrorKind::Unavailable => CallOutcome::Unavailable,
            ErrorKind::NoRoom => CallOutcome::NoRoom,
            _ => CallOutcome::Invalid,
        },
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A call with all its attempts.
    Call,
    /// One attempt.
    Attempt,
}

/// Measures what passes.
#[derive(Clone)]
pub struct MeasureLayer {
    /// The meter of the credential.
    pub meter: CallMeter,
    /// What passes here.
    pub of: Of,
}

impl<S> Layer<S> for MeasureLayer {
    type Service = Measured<S>;
    fn layer(&self, inner: S) -> Measured<S> {
        Measured { inner, by: self.clone() }
    }
}

/// See [`MeasureLayer`].
#[derive(Clone)]
pub struct Measured<S> {
    inner: S,
    by: MeasureLayer,
}

impl<S> Service<OutboundRequest> for Measured<S>
where
    S: Service<OutboundRequest, Response = OutboundResponse, Error = ProviderError>,
    S::Future: Send + 'static,
{
    type Response = OutboundResponse;
    type Error = ProviderError;
    type Future = BoxFuture<'static, Result<OutboundResponse, ProviderError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProviderError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: OutboundRequest) -> Self::Future {
        let (provider, stage, begin) = (request.provider, request.stage, Instant::now());
        let (by, answer) = (self.by.clone(), self.inner.call(request));
        Box::pin(async move {
            let result = answer.await;
            let labels = ended(provider, stage, outcome(&result));
            match by.of {
                Of::Call => by.meter.inner.calls.record(begin.elapsed().as_secs_f64(), &labels),
                Of::Attempt => by.meter.inner.attempts.add(1, &labels),
            }
            if let (Of::Attempt, Ok(response)) = (by.of, &result) {
                by.meter.told(&response.headers);
            }
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::{config::Telemetry, providers, providers::http::CallKind, telemetry::metrics::Metrics};

    #[tokio::test]
    async fn calls_attempts_pauses_quota_and_breaker_come_out_under_their_words() {
        let metrics = Metrics::new(&Telemetry::default()).unwrap();
        let id = providers::ALL[0].id;
        let meter = metrics.calls.of(id, "main");
        let breaker = Arc::new(Breaker::new(10));
        meter.watch(&breaker);
        let answer = service_fn(|_: OutboundRequest| async {
            let headers = HeaderMap::from_iter([(REMAINING.parse().unwrap(), "17".parse().unwrap())]);
            Ok::<_, ProviderError>(OutboundResponse::new(StatusCode::TOO_MANY_REQUESTS, headers, Bytes::new()))
        });
        for of in [Of::Call, Of::Attempt] {
            let mut request = OutboundRequest::for_test(CallKind::Read);
            request.provider = id;
            MeasureLayer { meter: meter.clone(), of }.layer(answer).oneshot(request).await.unwrap();
        }
        meter.paused(id, Duration::from_millis(7));
        let text = metrics.text();
        for line in [
            format!("sangam_provider_attempts_total{{operation=\"call\",outcome=\"rate_limited\",provider=\"{id}\"}} 1\n"),
            format!(
                "sangam_provider_call_duration_seconds_count{{operation=\"call\",outcome=\"rate_limited\",provider=\"{id}\"}} 1\n"
            ),
            format!("sangam_provider_backoff_duration_seconds_count{{provider=\"{id}\"}} 1\n"),
            format!("sangam_provider_quota_remaining{{credential=\"main\",provider=\"{id}\"}} 17\n"),
            format!("sangam_provider_breaker_state{{credential=\"main\",provider=\"{id}\",state=\"closed\"}} 1\n"),
            format!("sangam_provider_breaker_state{{credential=\"main\",provider=\"{id}\",state=\"open\"}} 0\n"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
