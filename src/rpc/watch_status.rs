//! WatchStatus: the changes of one journey.

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status};

use super::{Edge, convert, status, validate};
use crate::{
    journey::{error::Failure, watch::StatusItem},
    pb::{StatusChange, StatusHeartbeat, StatusSnapshot, WatchStatusRequest, WatchStatusResponse, watch_status_response::Event},
};

pub(super) type Changes = BoxStream<'static, Result<WatchStatusResponse, Status>>;

pub(super) async fn handle(edge: &Edge, request: Request<WatchStatusRequest>) -> Result<Response<Changes>, Status> {
    let asked = edge.asked(&request)?;
    validate::watch_status(request.get_ref()).map_err(status::of_failure)?;
    let WatchStatusRequest { journey_id, after_sequence, follow } = request.into_inner();
    asked.concerns(&journey_id);
    let watch = asked.service.watch_status(&journey_id, after_sequence, follow).await.map_err(status::of_failure)?;
    let changes = stream::unfold((watch, journey_id), |(mut watch, journey_id)| async move {
        let next = watch.next().await?;
        let next = next.map(message).map_err(|error| status::of_failure(Failure::from(error).of(&journey_id)));
        Some((next, (watch, journey_id)))
    });
    Ok(Response::new(changes.boxed()))
}

fn message(item: StatusItem) -> WatchStatusResponse {
    let event = match item {
        StatusItem::Snapshot { journey, reset } => {
            Event::Snapshot(StatusSnapshot { journey: Some(convert::journey(&journey)), reset })
        }
        StatusItem::Change(change) => Event::Change(StatusChange {
            sequence: change.sequence,
            change_time: Some(convert::timestamp(change.at)),
            journey: Some(convert::journey(&change.journey)),
        }),
        StatusItem::Heartbeat { at, sequence } => {
            Event::Heartbeat(StatusHeartbeat { time: Some(convert::timestamp(at)), sequence })
        }
    };
    WatchStatusResponse { event: Some(event) }
}
