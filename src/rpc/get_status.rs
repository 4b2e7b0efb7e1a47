//! GetStatus: a kept answer goes out as it is kept.

use bytes::Bytes;
use tonic::{Request, Response, Status};

use super::{Edge, convert, encoded::Encoded, status, validate, with_origin};
use crate::pb::{GetStatusRequest, GetStatusResponse};

pub(super) async fn handle(edge: &Edge, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
    let journey_id = &request.get_ref().journey_id;
    validate::journey_id(journey_id).map_err(status::of_failure)?;
    let (tree, origin) = edge.service.status(journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    let mut response = Response::new(GetStatusResponse::default());
    response.extensions_mut().insert(Encoded { short: tree.encoded, long: Bytes::new(), frames: None });
    Ok(with_origin(response, origin))
}
