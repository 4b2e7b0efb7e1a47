//! Clocks that jump by an hour, forth and back, each gateway's by itself.

use jiff::SignedDuration;
use sangam::{
    pb::{self, JourneyState, ProviderDelivery},
    sandbox::customer,
};

use super::{Dice, REQUEST_CONSENT, mobile, opening, pair::Pair, size};
use crate::writes::{FI_REQUEST, REVOKE, revoke};

const WAYS: [(&str, &str); 3] = [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")];
const FINPASS_INIT: &str = "finpass:/api/v1/services/account-aggregator/init";

/// Where the clocks stand, in hours beside the right time.
struct Hands([i64; 2]);

impl Hands {
    /// Turns one of the clocks by an hour or two.
    fn jump(&mut self, pair: &Pair, dice: &mut Dice) {
        let (clock, to) = (dice.below(2), i64::try_from(dice.below(3)).unwrap() - 1);
        pair.turn(clock, SignedDuration::from_hours(to - self.0[clock]));
        self.0[clock] = to;
    }
}

fn told(journey: &pb::Journey) -> bool {
    journey.consents.iter().all(|consent| consent.revocation() == ProviderDelivery::Done)
}

/// What a journey's history tells: whether a change is missing or comes twice, and whether it was READY and then was not.
async fn broken(pair: &Pair, journey_id: &str) -> bool {
    let events = pair.service(0).store().events_of("demo", journey_id, 0, 1_000).await.unwrap();
    let unbroken = (1..).zip(&events).all(|(sequence, event)| event.sequence == sequence);
    let states: Vec<_> = events.iter().map(|event| event.journey.state).collect();
    let ready = states.iter().position(|state| *state == JourneyState::Ready).unwrap_or(states.len());
    let back = states[ready..].iter().any(|state| !matches!(state, JourneyState::Ready | JourneyState::Revoked));
    !unbroken || back
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_falls_back_puts_nothing_off() {
    let (pair, hour) = (Pair::start().await, SignedDuration::from_hours(1));
    let both = |by: SignedDuration| {
        pair.turn(0, by);
        pair.turn(1, by);
    };
    both(hour);
    let opened = pair.client(0).start_journey(opening(&mobile(0))).await.unwrap().into_inner();
    let held = pair.client(0).start_journey(opening(&mobile(1))).await.unwrap().into_inner();
    customer::approve(&held.customer_url).await.unwrap();
    let ready = |journey: &pb::Journey| journey.state() == JourneyState::Ready;
    pair.until(0, &held.journey_id, ready).await;
    pair.one.sandbox.set_down(true);
    pair.client(0).revoke_consent(revoke(&held.journey_id)).await.unwrap();
    pair.one.until_called(&held.journey_id, "down:/finpro/revokeconsent", 2).await;
    // Each has been looked at, and is due again by the clock as it was; nobody else tells that something has changed.
    both(-hour);
    pair.one.sandbox.set_down(false);
    // The longest pause between two tries, which a busy machine may have come to; an hour it is not.
    both(SignedDuration::from_mins(1));
    customer::approve(&opened.customer_url).await.unwrap();
    pair.until(0, &opened.journey_id, ready).await;
    pair.until(0, &held.journey_id, told).await;
    assert_eq!(pair.one.sandbox.calls().count_for(REVOKE, &mobile(1)), 1);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_by_an_hour_forth_and_back_harm_nothing() {
    let (journeys, mut dice) = (size(60, 9), Dice::new());
    let (pair, mut hands, mut jumps) = (Pair::start().await, Hands([0, 0]), 0);
    let mut opened = Vec::new();
    for number in 0..journeys {
        let mut request = opening(&mobile(number));
        let (provider, credential) = WAYS[number % WAYS.len()];
        (request.provider, request.credential) = (provider.to_owned(), credential.to_owned());
        let answer = pair.client(number).start_journey(request.clone()).await.unwrap().into_inner();
        hands.jump(&pair, &mut dice);
        // The other one, by another time, knows the request id.
        let again = pair.client(number + 1).start_journey(request).await.unwrap().into_inner();
        assert_eq!((again.replayed, &again.journey_id), (true, &answer.journey_id));
        customer::approve(&answer.customer_url).await.unwrap();
        hands.jump(&pair, &mut dice);
        jumps += 2;
        opened.push(answer.journey_id);
    }
    let ready = |journey: &pb::Journey| {
        let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
        journey.state() == JourneyState::Ready && fetches.all(|fetch| fetch.pick_up_time.is_some())
    };
    for (number, journey_id) in opened.iter().enumerate() {
        pair.until(number, journey_id, ready).await;
    }
    let consents: Vec<_> = opened.iter().enumerate().step_by(WAYS.len()).collect();
    for (number, journey_id) in &consents {
        // The provider does not hear it at once, and the clock jumps before it is told again.
        pair.one.sandbox.lose_next_answer("/finpro/revokeconsent");
        pair.client(*number).revoke_consent(revoke(journey_id)).await.unwrap();
        hands.jump(&pair, &mut dice);
        jumps += 1;
    }
    for (number, journey_id) in &consents {
        pair.until(*number, journey_id, told).await;
    }
    let calls = pair.one.sandbox.calls();
    let (mut twice, mut moved_back) = (0, 0);
    for (number, journey_id) in opened.iter().enumerate() {
        let by_finpro = number % WAYS.len() != 2;
        twice += usize::from(by_finpro && calls.count_for(REQUEST_CONSENT, &mobile(number)) != 1);
        moved_back += usize::from(broken(&pair, journey_id).await);
    }
    for (number, _) in &consents {
        twice += usize::from(calls.count_for(FI_REQUEST, &mobile(*number)) > 1);
        twice += usize::from(calls.count_for(REVOKE, &mobile(*number)) != 1);
    }
    twice += calls.count(FINPASS_INIT).abs_diff(journeys / WAYS.len());
    println!(
        "{journeys} journeys at two gateways whose clocks jumped {jumps} times by an hour or two (seed {}): {} ready, {twice} calls made \
         twice or never, {moved_back} histories broken or moved back",
        dice.seed,
        opened.len()
    );
    assert_eq!((twice, moved_back), (0, 0), "{:?}", calls.all());
    pair.stop().await;
}
