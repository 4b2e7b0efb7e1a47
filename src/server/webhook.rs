//! The bounds of the webhook listener: anyone can reach it, so nothing is read before they hold.

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use tokio::time::timeout;

/// The router inside its bounds. `limit` is the time of one request, its body included.
pub(super) fn bounded(router: Router, limit: Duration) -> Router {
    // The size is the route's own bound: it is judged once the address is known, so that strangers cannot make us read at all.
    router.layer(from_fn(move |request, next| within_bounds(request, next, limit)))
}

async fn within_bounds(request: Request, next: Next, limit: Duration) -> Response {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let answer = timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}
