//! Connections to a provider that closes them whenever it likes.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use http::HeaderMap;
use sangam::{
    clock::SystemClock,
    pb::JourneyState,
    providers::{
        error::Effect,
        http::{CallKind, Executor, Limits, OutboundRequest, Outward},
        provider::Call,
    },
    telemetry::metrics::CallMeter,
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    Dice, REQUEST_CONSENT, Verdict,
    flaky::Flaky,
    fleet::{Fleet, Place},
    mobile, opening, size, verdict,
};
use crate::harness::breath;

/// Calls at once.
const CALLERS: usize = 16;

fn place() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_never_fails_and_a_write_is_never_sent_twice_by_connections_that_are_closed() {
    let (calls, dice) = (size(10_000, 600), Dice::new());
    let seed = dice.seed;
    let flaky = Flaky::start(place(), None, dice);
    let base = format!("http://{}/", flaky.address).parse().unwrap();
    let limits = Limits { retry_pause: Duration::from_millis(5), ..Limits::default() };
    let outward = Outward {
        jitter: Arc::new(|| 0.5),
        meter: CallMeter::silent(),
        bodies: sangam::memory::BodyBudget::new(1 << 30).share(),
    };
    let executor = Executor::new(base, HeaderMap::new(), limits, outward, Arc::new(SystemClock)).unwrap();
    let sent = (0..calls).map(|number| {
        let executor = executor.clone();
        async move {
            let (kind, path) = if number % 3 == 0 { (CallKind::Write, "write") } else { (CallKind::Read, "read") };
            let request = OutboundRequest::of_executor_test(kind, path, &json!({ "number": number }));
            let call = Call { deadline: Instant::now() + Duration::from_secs(30) };
            (kind, executor.send(call, request).await)
        }
    });
    let mut answers = futures_util::stream::iter(sent).buffer_unordered(CALLERS);
    let (mut reads, mut writes, mut lost) = (0, 0, 0);
    while let Some((kind, answer)) = answers.next().await {
        match (kind, answer) {
            (_, Ok((_, answer))) => assert_eq!(answer.status, 200),
            (CallKind::Read, Err(_)) => reads += 1,
            (CallKind::Write, Err(error)) => {
                writes += 1;
                lost += usize::from(error.effect == Effect::Unknown);
            }
        }
    }
    drop(answers);
    let (resent, heard) = flaky.repeated("/write");
    println!(
        "{calls} calls over connections of which {} were closed after an answer and {} before one (seed {seed}): {reads} reads failed, \
         {resent} of {heard} writes heard twice, {writes} writes without an answer",
        flaky.closed(),
        flaky.swallowed()
    );
    assert!(flaky.swallowed() > 0 && flaky.closed() > calls / 10, "nothing was closed");
    assert_eq!((reads, resent), (0, 0));
    assert_eq!(lost, writes, "a write that may have arrived is not known to have failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn journeys_come_through_a_provider_that_closes_connections_and_nobody_is_asked_twice() {
    let (journeys, dice) = (size(500, 12), Dice::new());
    let (seed, place) = (dice.seed, place());
    let (address, mut flaky) = (place.local_addr().unwrap(), None);
    let fleet = Fleet::start(Place::Sqlite, 1, |sandbox, text| {
        let moved = text.replace(sandbox.finpro_base_url().as_str(), &format!("http://{address}/finpro"));
        assert_ne!(moved, text);
        flaky = Some(Flaky::start(place, Some(format!("http://{}", sandbox.address)), dice));
        moved
    })
    .await;
    let flaky = flaky.unwrap();
    let calls = (0..journeys).map(|number| {
        let (mut client, request) = (fleet.client(0), opening(&mobile(number)));
        async move {
            loop {
                match client.start_journey(request.clone()).await.map_err(verdict) {
                    Ok(answer) => return (number, answer.into_inner().journey_id, true),
                    Err(Verdict::Unknown(journey_id)) => return (number, journey_id, false),
                    // As the caller of a write is told whose answer was lost.
                    Err(Verdict::Again) => breath().await,
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    });
    let opened: Vec<_> = futures_util::stream::iter(calls).buffer_unordered(CALLERS).collect().await;
    let (mut twice, mut unknown) = (0, 0);
    for (number, journey_id, acknowledged) in &opened {
        let asked = fleet.sandbox.calls().count_for(REQUEST_CONSENT, &mobile(*number));
        twice += usize::from(asked > 1);
        unknown += usize::from(!acknowledged);
        assert!(asked > 0 || !acknowledged, "nobody asked the customer of {journey_id}");
        if asked > 0 {
            fleet.until(0, journey_id, 3, |journey| journey.state() == JourneyState::AwaitingCustomer).await;
        }
    }
    let (resent, _) = flaky.repeated("/v3/requestconsent");
    println!(
        "{journeys} openings over connections of which {} were closed after an answer and {} before one (seed {seed}): {twice} customers \
         asked twice, {resent} openings sent again, {unknown} answered as unknown",
        flaky.closed(),
        flaky.swallowed()
    );
    assert_eq!((opened.len(), twice, resent), (journeys, 0, 0));
    fleet.stop().await;
}
