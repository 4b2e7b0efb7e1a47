//! ResolveRedirect.

use tonic::{Request, Response, Status};

use super::{Edge, call_of, status, validate};
use crate::pb::{ResolveRedirectRequest, ResolveRedirectResponse};

pub(super) async fn handle(
    edge: &Edge,
    request: Request<ResolveRedirectRequest>,
) -> Result<Response<ResolveRedirectResponse>, Status> {
    let asked = edge.asked(&request)?;
    let call = call_of(&request);
    let ResolveRedirectRequest { query, journey_id } = request.into_inner();
    validate::query(&query).map_err(status::of_failure)?;
    asked.concerns(&journey_id);
    let named = Some(journey_id.as_str()).filter(|id| !id.is_empty());
    let resolved = asked.service.resolve_redirect(call, &query, named).await.map_err(status::of_failure)?;
    Ok(Response::new(ResolveRedirectResponse {
        journey_id: resolved.journey.id.clone(),
        outcome: resolved.outcome.into(),
        provider_code: resolved.code.unwrap_or_default(),
        confirmed: resolved.confirmed,
        state: resolved.journey.state.into(),
    }))
}
