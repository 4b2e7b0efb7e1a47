//! A process that lives and is silent: the others take it for dead, and it does not know.

use sangam::pb::JourneyState;

use super::{
    REQUEST_CONSENT, Verdict,
    fleet::{Fleet, Place},
    mobile, opening,
    relay::Relay,
    size, verdict,
};
use crate::harness::breath;

/// Sends a request until it is answered, as a caller does that is told to come again; answers the journey.
async fn opened(fleet: &Fleet, gateway: usize, request: &sangam::pb::StartJourneyRequest) -> String {
    loop {
        match fleet.client(gateway).start_journey(request.clone()).await.map_err(verdict) {
            Ok(answer) => return answer.into_inner().journey_id,
            Err(Verdict::Again) => breath().await,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_was_taken_for_dead_sends_nothing_when_it_goes_on() {
    let runs = size(20, 1);
    let soon = |text: String| text.replace("replica_timeout_ms = 3000", "replica_timeout_ms = 1000");
    let (mut twice, mut other_journeys, mut late) = (0, 0, 0);
    for run in 0..runs {
        // New processes each time: one asks for the terms of a template only once, and that call is where it is stopped.
        let (fleet, relay, mut reached) = Relay::before_fleet(Place::Postgres, 2, soon).await;
        let mobile = mobile(run);
        let request = opening(&mobile);
        relay.hold("/productslist");
        let (mut slow, first) = (fleet.client(0), request.clone());
        let slow = tokio::spawn(async move { slow.start_journey(first).await });
        // The request id is written down, the intent is not.
        reached.recv().await.unwrap();
        fleet.pause(0);
        let journey_id = opened(&fleet, 1, &request).await;
        fleet.go_on(0);
        relay.let_go();
        let answer = slow.await.unwrap().map_err(verdict);
        late += usize::from(matches!(answer, Err(Verdict::Again)));
        other_journeys += usize::from(matches!(&answer, Ok(opened) if opened.get_ref().journey_id != journey_id));
        for gateway in 0..2 {
            other_journeys += usize::from(opened(&fleet, gateway, &request).await != journey_id);
            fleet.until(gateway, &journey_id, 1, |journey| journey.state() == JourneyState::AwaitingCustomer).await;
        }
        twice += usize::from(fleet.sandbox.calls().count_for(REQUEST_CONSENT, &mobile) != 1);
        fleet.stop().await;
    }
    println!(
        "{runs} gateways paused between a request and its intent until another one took over: {twice} customers not asked just once, \
         {other_journeys} second journeys, {late} told to come again"
    );
    assert_eq!((twice, other_journeys, late), (0, 0, runs));
}
