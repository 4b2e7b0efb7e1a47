//! The routes of the webhook listener. Each bound holds before the next thing is touched: address, rate, presence of a signature, size,
//! proof. A refusal changes nothing and says nothing of why.

use std::{error::Error as _, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use tokio::time::timeout;
use tracing::{Instrument, Span, field::Empty};

use super::{Inbox, address::Address, unverified::Unverified};
use crate::{
    store::StoreError,
    telemetry::metrics::words::{ProviderWord, Received, Word},
};

/// How long a message waits for the store: less than a provider waits for the answer. A message that is stored afterwards is known when it
/// comes again.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// Seconds after which a provider sends a message again that came too soon after others, or that could not be stored.
const RATE_PAUSE: &str = "1";
const STORE_PAUSE: &str = "5";

/// `/webhooks/<provider>/<token>`, for POST.
pub fn router(inbox: Inbox) -> Router {
    Router::new().route("/webhooks/{provider}/{token}", post(take)).with_state(inbox)
}

async fn take(State(inbox): State<Inbox>, Path((provider, token)): Path<(String, String)>, request: Request) -> Response {
    let span = tracing::info_span!("webhook.receive", otel.kind = "server", provider = Empty, outcome = Empty);
    match receive(&inbox, &provider, &token, request).instrument(span).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(status @ StatusCode::TOO_MANY_REQUESTS) => (status, [(header::RETRY_AFTER, RATE_PAUSE)]).into_response(),
        Err(status @ StatusCode::SERVICE_UNAVAILABLE) => (status, [(header::RETRY_AFTER, STORE_PAUSE)]).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn receive(inbox: &Inbox, provider: &str, token: &str, request: Request) -> Result<(), StatusCode> {
    let unavailable = |error| {
        tracing::error!(%error, "a message cannot be taken");
        inbox.count(None, Received::Unavailable);
        StatusCode::SERVICE_UNAVAILABLE
    };
    let found = in_time(Address::find(&inbox.tenants, &inbox.rates.look_ups, provider, token)).await.map_err(unavailable)?;
    let now = inbox.shared().clock.now();
    let room = found.as_ref().map_or_else(|| inbox.rates.take_stranger(now), |address| inbox.rates.take(address, now));
    if !room {
        inbox.count(found.as_ref(), Received::RateLimited);
        return Err(StatusCode::TOO_MANY_REQUESTS);
    }
    let Some(address) = found else {
        inbox.refused(None, "UNKNOWN_ADDRESS");
        inbox.count(None, Received::UnknownAddress);
        return Err(StatusCode::UNAUTHORIZED);
    };
    let (parts, body) = request.into_parts();
    // A stranger who knows an address must not make us read a large body.
    let unsigned = |signature: &crate::providers::inbound::Signature| !signature.is_present(&parts.headers);
    if address.door().and_then(|door| door.signature.as_ref()).is_some_and(unsigned) {
        inbox.refused(Some(&address), "UNSIGNED");
        inbox.count(Some(&address), Received::Unsigned);
        return Err(StatusCode::UNAUTHORIZED);
    }
    let body = read(&parts.headers, body, inbox.settings.max_body).await.inspect_err(|_| {
        inbox.count(Some(&address), Received::Unreadable);
    })?;
    let message = Unverified::new(address.clone(), parts.headers, body);
    let verified = message.verify(inbox.shared().clock.now(), inbox.settings.keep).map_err(|refused| {
        inbox.refused(Some(&address), refused.word());
        inbox.count(Some(&address), Received::Unproved);
        StatusCode::UNAUTHORIZED
    })?;
    let kept = in_time(inbox.keep(verified)).await.map_err(unavailable)?;
    inbox.count(Some(&address), if kept { Received::Kept } else { Received::Known });
    Ok(())
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Unreachable("no answer in time".to_owned()));
    timeout(STORE_WAIT, work).await.unwrap_or_else(late)
}

/// Reads a body of bounded size.
async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|stated| stated > most) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    to_bytes(body, most).await.map_err(|error| match error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
        true => StatusCode::PAYLOAD_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    })
}

impl Inbox {
    fn count(&self, address: Option<&Address>, outcome: Received) {
        let provider = ProviderWord::of(address.map_or("", |address| address.provider.id()));
        let span = Span::current();
        span.record("provider", provider.word());
        span.record("outcome", outcome.word());
        self.shared().tallies.webhooks.count(provider, outcome);
    }

    /// Notes a refusal. The path is anybody's text and is not written.
    fn refused(&self, address: Option<&Address>, reason: &'static str) {
        if self.lines.take(self.shared().clock.now()) {
            let provider = address.map(|address| address.provider.id());
            let credential = address.map(|address| address.provider.credential());
            tracing::warn!(reason, provider, credential, "a message was refused");
        }
    }
}
