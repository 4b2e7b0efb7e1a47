//! Streams of changes: nothing is missed, nothing doubled, and whoever is cut comes back for the rest.

use std::{collections::BTreeMap, time::Duration};

use sangam::{
    pb::{self, JourneyState, Product, watch_journeys_response::Event as Told, watch_status_response::Event},
    sandbox::customer,
};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::{
    harness::{World, connect, reason, start_request},
    scenarios::{opened, roomy, roomy_with},
};

mod fast;

/// Whatever takes longer has gone wrong.
const PATIENCE: Duration = Duration::from_secs(20);
const DATA: &[Product] = &[Product::Data];

async fn status(world: &World, journey_id: &str, after: Option<i64>, follow: bool) -> Streaming<pb::WatchStatusResponse> {
    let request = pb::WatchStatusRequest { journey_id: journey_id.to_owned(), after_sequence: after, follow };
    world.client.clone().watch_status(request).await.unwrap().into_inner()
}

async fn feed(world: &World, resume_token: &str, states: &[JourneyState]) -> Streaming<pb::WatchJourneysResponse> {
    let states = states.iter().map(|state| i32::from(*state)).collect();
    let request = pb::WatchJourneysRequest { resume_token: resume_token.to_owned(), states };
    world.client.clone().watch_journeys(request).await.unwrap().into_inner()
}

async fn next<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Status> {
    timeout(PATIENCE, stream.message()).await.expect("the stream is silent")
}

/// The next message that is no sign of life; `None` at the end.
async fn event(stream: &mut Streaming<pb::WatchStatusResponse>) -> Option<Event> {
    loop {
        match next(stream).await.unwrap()?.event.unwrap() {
            Event::Heartbeat(_) => {}
            event => return Some(event),
        }
    }
}

async fn snapshot(stream: &mut Streaming<pb::WatchStatusResponse>) -> pb::StatusSnapshot {
    match event(stream).await {
        Some(Event::Snapshot(snapshot)) => snapshot,
        other => panic!("no snapshot: {other:?}"),
    }
}

/// Every change until the end.
async fn changes(stream: &mut Streaming<pb::WatchStatusResponse>) -> Vec<pb::StatusChange> {
    let mut changes = Vec::new();
    while let Some(event) = event(stream).await {
        match event {
            Event::Change(change) => changes.push(change),
            other => panic!("no change: {other:?}"),
        }
    }
    changes
}

fn sequences(changes: &[pb::StatusChange]) -> Vec<i64> {
    changes.iter().map(|change| change.sequence).collect()
}

/// A journey that has come to its end, and its whole history.
async fn history(world: &World, digits: &str) -> (String, Vec<pb::StatusChange>) {
    let journey_id = world.approved(start_request("finpro", "consent", digits, DATA)).await;
    world.until_picked_up(&journey_id).await;
    let all = changes(&mut status(world, &journey_id, Some(0), false).await).await;
    (journey_id, all)
}

#[tokio::test]
async fn a_snapshot_then_every_change_until_nothing_more_comes() {
    let world = roomy().await;
    for (provider, credential) in [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")] {
        let first = opened(&world, start_request(provider, credential, "01", DATA)).await;
        let mut stream = status(&world, &first.journey_id, None, false).await;
        let begin = snapshot(&mut stream).await;
        let journey = begin.journey.unwrap();
        assert_eq!((journey.state(), begin.reset), (JourneyState::AwaitingCustomer, false));
        customer::approve(&first.customer_url).await.unwrap();
        let told = changes(&mut stream).await;
        let expected: Vec<i64> = (journey.sequence + 1..).take(told.len()).collect();
        assert_eq!(sequences(&told), expected, "{provider} {credential}");
        let last = told.last().unwrap().journey.clone().unwrap();
        assert!(last.settled && last.state() == JourneyState::Ready, "{last:?}");
        // Each with the tree of its own moment.
        for change in &told {
            assert_eq!(change.journey.as_ref().unwrap().sequence, change.sequence);
        }
        assert!(told[0].journey.as_ref().unwrap().state() != JourneyState::Ready || told.len() == 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_watch_goes_on_after_any_sequence_without_missing_or_doubling() {
    let world = roomy().await;
    let (journey_id, all) = history(&world, "01").await;
    assert!(all.len() >= 5, "{all:?}");
    assert_eq!(sequences(&all), (1..=all.len() as i64).collect::<Vec<_>>());
    for after in 0..=all.len() {
        let rest = changes(&mut status(&world, &journey_id, Some(after as i64), false).await).await;
        assert_eq!(rest, all[after..], "after {after}");
    }
    world.stop().await;
}

#[tokio::test]
async fn one_snapshot_stands_for_what_is_not_kept_or_never_was() {
    let world = roomy().await;
    let (journey_id, all) = history(&world, "01").await;
    let service = world.gateway.service();
    assert!(service.store().trim_events(2, jiff::Timestamp::UNIX_EPOCH).await.unwrap() > 0);
    let newest = all.len() as i64;
    for after in [0, 1, newest - 3, newest + 1, i64::MAX] {
        let mut stream = status(&world, &journey_id, Some(after), false).await;
        let whole = snapshot(&mut stream).await;
        assert_eq!((whole.reset, whole.journey.unwrap().sequence), (true, newest), "after {after}");
        assert_eq!(event(&mut stream).await, None);
    }
    for after in newest - 2..=newest {
        let rest = changes(&mut status(&world, &journey_id, Some(after), false).await).await;
        assert_eq!(rest, all[after as usize..], "after {after}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_background_trims_the_history() {
    let world = roomy_with(|config| config.watch.history_events = 1).await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", DATA)).await;
    let newest = world.until_picked_up(&journey_id).await.sequence;
    let world = world.restart().await;
    // The first thing that a gateway does is to remove what is too old.
    let mut stream = status(&world, &journey_id, Some(0), false).await;
    let whole = match event(&mut stream).await.unwrap() {
        Event::Snapshot(whole) => whole,
        // Not yet removed.
        Event::Change(first) => {
            assert_eq!(first.sequence, 1);
            let give_up = tokio::time::Instant::now() + PATIENCE;
            loop {
                assert!(tokio::time::Instant::now() < give_up, "nothing is removed");
                let mut stream = status(&world, &journey_id, Some(0), false).await;
                if let Some(Event::Snapshot(whole)) = event(&mut stream).await {
                    break whole;
                }
            }
        }
        other => panic!("{other:?}"),
    };
    assert!(whole.reset && whole.journey.unwrap().sequence >= newest);
    world.stop().await;
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life() {
    let world = roomy_with(|config| {
        config.watch.heartbeat_ms = 20;
        config.poller.first_ms = 3_600_000;
        config.poller.max_ms = 3_600_000;
    })
    .await;
    let first = opened(&world, start_request("finpro", "consent", "01", DATA)).await;
    let mut stream = status(&world, &first.journey_id, None, false).await;
    let sequence = snapshot(&mut stream).await.journey.unwrap().sequence;
    for _ in 0..3 {
        match next(&mut stream).await.unwrap().unwrap().event.unwrap() {
            Event::Heartbeat(beat) => assert!(beat.sequence == sequence && beat.time.is_some(), "{beat:?}"),
            other => panic!("{other:?}"),
        }
    }
    let mut all = feed(&world, "", &[]).await;
    let first = next(&mut all).await.unwrap().unwrap();
    for _ in 0..2 {
        let told = next(&mut all).await.unwrap().unwrap();
        assert!(matches!(told.event, Some(Told::Heartbeat(_))), "{told:?}");
        assert_eq!(told.resume_token, first.resume_token);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_stream_that_follows_goes_on_after_the_end() {
    let world = roomy().await;
    let first = opened(&world, start_request("finpro", "consent", "01", DATA)).await;
    customer::approve(&first.customer_url).await.unwrap();
    let journey = world.until_picked_up(&first.journey_id).await;
    let mut ends = status(&world, &first.journey_id, Some(journey.sequence), false).await;
    assert_eq!(event(&mut ends).await, None);
    let mut follows = status(&world, &first.journey_id, Some(journey.sequence), true).await;
    customer::revoke(&first.customer_url).await.unwrap();
    world.gateway.service().nudge(&first.journey_id).await.unwrap();
    let Some(Event::Change(change)) = event(&mut follows).await else { panic!("no change") };
    assert_eq!(change.sequence, journey.sequence + 1);
    assert_eq!(change.journey.unwrap().state(), JourneyState::Revoked);
    world.stop().await;
}

#[tokio::test]
async fn nobody_watches_what_is_not_theirs() {
    let world = roomy().await;
    let mut client = world.client.clone();
    let strange = pb::WatchStatusRequest { journey_id: format!("jrn_{}", "0".repeat(26)), ..Default::default() };
    let missing = client.watch_status(strange.clone()).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "JOURNEY_NOT_FOUND"));
    let negative = client.watch_status(pb::WatchStatusRequest { after_sequence: Some(-1), ..strange }).await.unwrap_err();
    assert_eq!((negative.code(), reason(&negative).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let (other, journey) = (roomy().await, opened(&world, start_request("finpro", "consent", "01", DATA)).await);
    let begin = next(&mut feed(&world, "", &[]).await).await.unwrap().unwrap().resume_token;
    for token in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &begin] {
        // Another gateway has another key, and another tenant another one derived from it.
        let request = pb::WatchJourneysRequest { resume_token: token.to_owned(), ..Default::default() };
        let refused = other.client.clone().watch_journeys(request).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH"), "{token}");
    }
    let request = pb::WatchStatusRequest { journey_id: journey.journey_id, ..Default::default() };
    assert_eq!(reason(&other.client.clone().watch_status(request).await.unwrap_err()), "JOURNEY_NOT_FOUND");
    other.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn a_reader_that_does_not_keep_up_is_cut_and_comes_back_for_the_rest() {
    let world = roomy_with(|config| {
        config.watch.buffer_messages = 4;
        config.watch.history_events = 1_000;
        // Nobody else changes the journey.
        config.poller.first_ms = 3_600_000;
        config.poller.max_ms = 3_600_000;
    })
    .await;
    let journey_id = opened(&world, start_request("finpro", "consent", "01", DATA)).await.journey_id;
    let mut slow = status(&world, &journey_id, None, true).await;
    let mut seen = snapshot(&mut slow).await.journey.unwrap().sequence;
    // By a connection of its own: what waits on one stream takes the room of the others of its connection.
    let mut client = connect(&world.gateway).await;
    let mut from_feed = client.watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap().into_inner();
    let mut token = next(&mut from_feed).await.unwrap().unwrap().resume_token;
    let service = world.gateway.service();
    let (from, last) = (seen, seen + 150);
    for number in 0..150 {
        // Large trees fill what the connection itself holds: its windows and the server's own buffer.
        let large = vec![format!("{number:0>60000}")];
        service.change("demo", &journey_id, |journey| journey.ignored_inputs.clone_from(&large)).await.unwrap();
    }
    let cut = loop {
        match next(&mut slow).await {
            Ok(Some(message)) => match message.event.unwrap() {
                Event::Change(change) => {
                    assert_eq!(change.sequence, seen + 1);
                    seen = change.sequence;
                }
                Event::Heartbeat(_) => {}
                other => panic!("{other:?}"),
            },
            Ok(None) => panic!("it ended well"),
            Err(cut) => break cut,
        }
    };
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::ResourceExhausted, "WATCH_TOO_SLOW"));
    assert!(cut.get_details_retry_info().is_some());
    assert!(from < seen && seen < last, "cut after {seen} of {from}..{last}");
    let mut again = status(&world, &journey_id, Some(seen), true).await;
    while seen < last {
        let Some(Event::Change(change)) = event(&mut again).await else { panic!("no change") };
        assert_eq!(change.sequence, seen + 1);
        seen = change.sequence;
    }
    // The feed's messages are small, so its reader has kept up.
    let mut told = from;
    while told < last {
        let message = next(&mut from_feed).await.unwrap().unwrap();
        token = message.resume_token;
        if let Some(Told::Change(change)) = message.event {
            assert_eq!(change.sequence, told + 1);
            told = change.sequence;
        }
    }
    assert!(!token.is_empty());
    world.stop().await;
}

/// Reads the feed until every one of the journeys was told READY; answers the changes with their tokens.
async fn until_ready(stream: &mut Streaming<pb::WatchJourneysResponse>, journeys: usize) -> Vec<(String, pb::JourneyChange)> {
    let mut told = Vec::new();
    let mut ready = std::collections::BTreeSet::new();
    while ready.len() < journeys {
        let message = next(stream).await.unwrap().unwrap();
        match message.event.unwrap() {
            Told::Change(change) => {
                if change.state() == JourneyState::Ready {
                    ready.insert(change.journey_id.clone());
                }
                told.push((message.resume_token, change));
            }
            Told::Heartbeat(_) => {}
            Told::Reset(_) => panic!("reset"),
        }
    }
    told
}

#[tokio::test]
async fn one_feed_tells_every_change_of_every_journey_and_goes_on_after_any_of_them() {
    let world = roomy().await;
    let mut stream = feed(&world, "", &[]).await;
    let begin = next(&mut stream).await.unwrap().unwrap().resume_token;
    let open = (0..8).map(|number| {
        let (mut client, mut request) = (world.client.clone(), start_request("finpro", "consent", "01", DATA));
        request.client_reference = format!("loan-{number}");
        tokio::spawn(async move {
            let opened = client.start_journey(request).await.unwrap().into_inner();
            customer::approve(&opened.customer_url).await.unwrap();
            opened.journey_id
        })
    });
    let mut journeys = Vec::new();
    for task in open.collect::<Vec<_>>() {
        journeys.push(task.await.unwrap());
    }
    let told = until_ready(&mut stream, journeys.len()).await;
    let mut by_journey: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (_, change) in &told {
        by_journey.entry(&change.journey_id).or_default().push(change.sequence);
        assert!(change.client_reference.starts_with("loan-"));
    }
    assert_eq!(by_journey.len(), journeys.len());
    for (journey, sequences) in by_journey {
        assert_eq!(sequences, (1..=sequences.len() as i64).collect::<Vec<_>>(), "{journey}");
    }
    for after in (0..told.len()).step_by(7) {
        let token = if after == 0 { &begin } else { &told[after - 1].0 };
        let mut again = feed(&world, token, &[]).await;
        for expected in &told[after..] {
            let message = next(&mut again).await.unwrap().unwrap();
            assert_eq!(message.resume_token, expected.0, "after {after}");
            assert_eq!(message.event, Some(Told::Change(expected.1.clone())), "after {after}");
        }
    }
    let mut ready = feed(&world, &begin, &[JourneyState::Ready]).await;
    assert!(until_ready(&mut ready, journeys.len()).await.iter().all(|(_, change)| change.state() == JourneyState::Ready));
    world.stop().await;
}

#[tokio::test]
async fn a_feed_whose_past_is_not_kept_begins_anew() {
    let world = roomy().await;
    let mut stream = feed(&world, "", &[]).await;
    let begin = next(&mut stream).await.unwrap().unwrap().resume_token;
    history(&world, "01").await;
    let told = until_ready(&mut stream, 1).await;
    world.gateway.service().store().trim_events(1, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    for token in [&begin, &told[0].0] {
        let mut again = feed(&world, token, &[]).await;
        let message = next(&mut again).await.unwrap().unwrap();
        assert!(matches!(message.event, Some(Told::Reset(_))), "{message:?}");
        let first = opened(&world, start_request("finpro", "consent", "01", DATA)).await;
        // The journey that was opened before may go on meanwhile.
        let change = loop {
            match next(&mut again).await.unwrap().unwrap().event.unwrap() {
                Told::Change(change) if change.journey_id == first.journey_id => break change,
                Told::Reset(_) => panic!("reset again"),
                _ => {}
            }
        };
        assert_eq!(change.sequence, 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn no_more_streams_than_allowed_and_each_that_ends_makes_room() {
    let world = roomy_with(|config| config.watch.max_streams = 1).await;
    let first = feed(&world, "", &[]).await;
    let refused = world.client.clone().watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "WATCH_LIMIT"));
    assert!(refused.get_details_retry_info().is_some());
    drop(first);
    let give_up = tokio::time::Instant::now() + PATIENCE;
    while world.client.clone().watch_journeys(pb::WatchJourneysRequest::default()).await.is_err() {
        assert!(tokio::time::Instant::now() < give_up, "there is no room again");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_stop_ends_every_stream_before_it_waits() {
    let world = roomy().await;
    let first = opened(&world, start_request("finpro", "consent", "01", DATA)).await;
    let mut streams = (status(&world, &first.journey_id, None, true).await, feed(&world, "", &[]).await);
    snapshot(&mut streams.0).await;
    next(&mut streams.1).await.unwrap();
    let stopping = tokio::spawn(world.stop());
    let ends = [
        loop {
            match next(&mut streams.0).await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended well"),
                Err(end) => break end,
            }
        },
        next(&mut streams.1).await.unwrap_err(),
    ];
    for end in ends {
        assert_eq!((end.code(), reason(&end).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
        assert!(end.get_details_retry_info().is_some());
    }
    // Well within the grace period, which is as long as this.
    timeout(PATIENCE / 2, stopping).await.expect("it waits for somebody").unwrap();
}

#[tokio::test]
async fn a_watch_outlives_the_longest_call_and_not_its_callers_own_time() {
    let world = roomy_with(|config| {
        config.watch.heartbeat_ms = 150;
        config.deadlines.default_ms = 400;
        config.deadlines.max_ms = 400;
    })
    .await;
    let mut stream = feed(&world, "", &[]).await;
    for _ in 0..5 {
        next(&mut stream).await.unwrap().unwrap();
    }
    let mut client = connect(&world.gateway).await;
    let mut request = tonic::Request::new(pb::WatchJourneysRequest::default());
    request.set_timeout(Duration::from_millis(200));
    let mut timed = client.watch_journeys(request).await.unwrap().into_inner();
    let end = loop {
        match next(&mut timed).await {
            Ok(message) => assert!(message.is_some(), "it ended well"),
            Err(end) => break end,
        }
    };
    assert_eq!(end.code(), Code::DeadlineExceeded);
    world.stop().await;
}
