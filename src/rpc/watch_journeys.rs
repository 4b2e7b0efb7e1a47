//! WatchJourneys: the changes of all journeys of the tenant.

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status};

use super::{Edge, convert, status, validate};
use crate::{
    journey::watch::FeedItem,
    pb::{FeedHeartbeat, FeedReset, JourneyChange, WatchJourneysRequest, WatchJourneysResponse, watch_journeys_response::Event},
    store::FeedEvent,
};

pub(super) type Changes = BoxStream<'static, Result<WatchJourneysResponse, Status>>;

pub(super) async fn handle(edge: &Edge, request: Request<WatchJourneysRequest>) -> Result<Response<Changes>, Status> {
    let asked = edge.asked(&request)?;
    let states = validate::watch_journeys(request.get_ref()).map_err(status::of_failure)?;
    let token = &request.get_ref().resume_token;
    let watch = asked.service.watch_journeys(token, states).await.map_err(status::of_failure)?;
    let changes = stream::unfold(watch, |mut watch| async move {
        let next = watch.next().await?.map_err(status::of);
        let next = next.map(|(item, resume_token)| WatchJourneysResponse { resume_token, event: Some(event(item)) });
        Some((next, watch))
    });
    Ok(Response::new(changes.boxed()))
}

fn event(item: FeedItem) -> Event {
    match item {
        FeedItem::Change(change) => Event::Change(of_change(*change)),
        FeedItem::Reset => Event::Reset(FeedReset {}),
        FeedItem::Heartbeat(at) => Event::Heartbeat(FeedHeartbeat { time: Some(convert::timestamp(at)) }),
    }
}

fn of_change(change: FeedEvent) -> JourneyChange {
    JourneyChange {
        journey_id: change.journey_id,
        client_reference: change.note.client_reference.unwrap_or_default(),
        state: change.state.into(),
        sequence: change.sequence,
        change_time: Some(convert::timestamp(change.at)),
        settled: change.note.settled,
    }
}
