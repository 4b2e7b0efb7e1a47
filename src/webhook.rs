//! What providers send by themselves. Nothing of it is believed: a message only makes the background look at the journey that it names,
//! and what the provider then answers decides. The answer is 2xx whatever came, so that nobody learns by trying which ids exist.

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use bytes::Bytes;
use http::StatusCode;

use crate::journey::service::Service;

/// The routes of the webhook listener: `/webhooks/<provider>` for an address set once at the provider, `/webhooks/<provider>/<token>`
/// for one that was given with an attempt.
pub fn router(service: Service) -> Router {
    Router::new().route("/webhooks/{provider}", post(shared)).route("/webhooks/{provider}/{token}", post(own)).with_state(service)
}

async fn shared(State(service): State<Service>, Path(provider): Path<String>, body: Bytes) -> StatusCode {
    take(&service, &provider, None, &body).await
}

async fn own(State(service): State<Service>, Path((provider, token)): Path<(String, String)>, body: Bytes) -> StatusCode {
    take(&service, &provider, Some(&token), &body).await
}

async fn take(service: &Service, provider: &str, token: Option<&str>, body: &[u8]) -> StatusCode {
    match named(service, provider, token, body).await {
        Ok(journeys) => {
            // The path is anybody's text; only a known id is written.
            let provider = crate::providers::ALL.iter().find(|known| known.id == provider).map_or("unknown", |known| known.id);
            tracing::info!(count = journeys.len(), provider, bytes = body.len(), "a webhook came");
            let mut woken = Ok(());
            for journey_id in journeys {
                woken = woken.and(service.nudge(&journey_id).await);
            }
            match woken {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
        // Only a store that cannot be asked is worth another delivery.
        Err(error) => {
            tracing::error!(%error, "a webhook cannot be looked up");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The journeys that a message names: by the token of its address, our attempt id, or a provider's id.
async fn named(
    service: &Service,
    provider: &str,
    token: Option<&str>,
    body: &[u8],
) -> Result<Vec<String>, crate::store::StoreError> {
    let tenant = &service.tenant().id;
    let hint =
        service.providers().iter().filter(|one| one.id() == provider).find_map(|one| one.read_webhook(body)).unwrap_or_default();
    let mut names: Vec<(&str, &str)> = token.map(|token| ("token", token)).into_iter().collect();
    names.extend(hint.attempt_id.as_deref().map(|id| ("attempt", id)));
    names.extend(hint.provider_refs.iter().map(|id| (provider, id.as_str())));
    let mut journeys = Vec::new();
    for (kind, value) in names {
        journeys.extend(service.store().journeys_by_ref(tenant, kind, value).await?);
    }
    journeys.sort();
    journeys.dedup();
    Ok(journeys)
}
