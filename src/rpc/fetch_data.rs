//! FetchData: a run of kept rows behind a freshly encoded head.

use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, encoded, frames, status, validate, with_origin};
use crate::pb::{FetchDataRequest, FetchDataResponse};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<FetchDataRequest>,
) -> Result<Response<FetchDataResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let journey_id = request.journey_id.clone();
    let query = validate::data(request).map_err(status::of_failure)?;
    let view = query.view;
    audit.view(view);
    let (tree, _) = asked.service.status(&journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    asked.shows(view)?;
    let page = asked.service.data(call, &tree.journey, query).await.map_err(status::of_failure)?;
    audit.of_fetches(&tree.journey, &page.fetches).served().await?;
    let head = FetchDataResponse {
        next_page_token: page.next_page_token,
        journey_id,
        fetch: Some(convert::fetch(&page.fetch, &page.consent_id)),
        view: view.into(),
        provenance: Some(convert::provenance(&tree.journey, &page.fetch.id, &page.provenance)),
        ..Default::default()
    };
    let (cache, now) = (asked.service.frames(), asked.service.clock().now());
    let frames = page.run.map(|run| frames::Frames { cache: cache.clone(), run, now });
    Ok(with_origin(encoded::page(&page.entries, &head, frames), page.origin))
}
