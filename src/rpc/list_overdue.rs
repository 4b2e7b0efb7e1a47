//! ListOverdue.

use tonic::{Request, Response, Status};

use super::{Edge, convert, status};
use crate::{
    pb::{self, ListOverdueRequest, ListOverdueResponse},
    store::OverdueItem,
};

pub(super) async fn handle(edge: &Edge, request: Request<ListOverdueRequest>) -> Result<Response<ListOverdueResponse>, Status> {
    let asked = edge.asked(&request)?;
    let overdue = asked.service.overdue().await.map_err(status::of)?;
    let item = |item: OverdueItem| pb::OverdueItem {
        kind: item.kind.into(),
        journey_id: item.journey_id,
        fetch_id: item.fetch_id,
        purge_time: Some(convert::timestamp(item.purge_at)),
    };
    Ok(Response::new(ListOverdueResponse {
        items: overdue.items.into_iter().map(item).collect(),
        total_count: i64::try_from(overdue.total).unwrap_or(i64::MAX),
    }))
}
