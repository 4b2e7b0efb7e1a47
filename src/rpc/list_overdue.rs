//! ListOverdue.

use tonic::{Request, Response, Status};

use super::{Edge, convert, status};
use crate::{
    journey::service::OverdueEntry,
    pb::{self, ListOverdueRequest, ListOverdueResponse},
};

pub(super) async fn handle(edge: &Edge, request: Request<ListOverdueRequest>) -> Result<Response<ListOverdueResponse>, Status> {
    let asked = edge.asked(&request)?;
    let overdue = asked.service.overdue().await.map_err(status::of)?;
    let item = |OverdueEntry { item, consent_id, provider }: OverdueEntry| pb::OverdueItem {
        kind: item.kind.into(),
        journey_id: item.journey_id,
        fetch_id: item.fetch_id,
        purge_time: Some(convert::timestamp(item.purge_at)),
        consent_id,
        provider: provider.into(),
    };
    Ok(Response::new(ListOverdueResponse {
        items: overdue.entries.into_iter().map(item).collect(),
        total_count: i64::try_from(overdue.total).unwrap_or(i64::MAX),
    }))
}
