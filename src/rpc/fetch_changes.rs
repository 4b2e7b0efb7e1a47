//! FetchChanges: encoded changes, then a freshly encoded tail.

use tonic::{Request, Response, Status};

use super::{Edge, call_of, convert, encoded, status, validate, with_origin};
use crate::pb::{FetchChangesRequest, FetchChangesResponse};

pub(super) async fn handle(edge: &Edge, request: Request<FetchChangesRequest>) -> Result<Response<FetchChangesResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let journey_id = request.journey_id.clone();
    let query = validate::changes(request).map_err(status::of_failure)?;
    let view = query.view;
    let (tree, _) = edge.service.status(&journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let page = edge.service.differences(call, &tree.journey, query).await.map_err(status::of_failure)?;
    let tail = FetchChangesResponse {
        next_page_token: page.next_page_token,
        journey_id,
        since_fetch: Some(convert::fetch(&page.since, &page.consent_id)),
        fetch: Some(convert::fetch(&page.fetch, &page.consent_id)),
        view: view.into(),
        counts: Some(page.counts),
        ..Default::default()
    };
    Ok(with_origin(encoded::page(&page.entries, &tail, None), page.origin))
}
