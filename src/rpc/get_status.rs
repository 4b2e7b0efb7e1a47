//! GetStatus: a kept answer goes out as it is kept.

use bytes::Bytes;
use prost::Message;
use tonic::{Request, Response, Status};

use super::{Edge, convert, encoded::Encoded, status, validate, with_origin};
use crate::{
    access::Scope,
    cache::Origin,
    pb::{GetStatusRequest, GetStatusResponse},
};

pub(super) async fn handle(edge: &Edge, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
    let asked = edge.asked(&request)?;
    let journey_id = &request.get_ref().journey_id;
    validate::journey_id(journey_id).map_err(status::of_failure)?;
    asked.concerns(journey_id);
    let ops = asked.caller.may(Scope::OpsRead);
    let encode = if ops { convert::ops_status_bytes } else { convert::status_bytes };
    let (tree, origin) = asked.service.status_or_stale(journey_id, ops, encode).await.map_err(status::of_failure)?;
    let mut response = Response::new(GetStatusResponse::default());
    // Fields may stand in any order, so what is said of a stale tree goes behind it.
    let long = match origin {
        Origin::Stale => GetStatusResponse { stale: true, ..GetStatusResponse::default() }.encode_to_vec().into(),
        Origin::Hit | Origin::Miss => Bytes::new(),
    };
    response.extensions_mut().insert(Encoded { short: tree.encoded, long, frames: None });
    Ok(with_origin(response, origin))
}
