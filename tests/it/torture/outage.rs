//! A provider that is away for ten minutes while consents are withdrawn.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use sangam::{
    pb::{self, ConsentState, JourneyState, ProviderDelivery, Purpose, View},
    sandbox::customer,
};

use super::{mobile, opening, pair::Pair, size};
use crate::{
    harness::{PATIENCE, breath, data_request, reason},
    writes::{REVOKE, revoke},
};

const TRIED: &str = "down:/finpro/revokeconsent";

async fn ready(pair: &Pair, number: usize) -> String {
    let mut request = opening(&mobile(number));
    request.consents[0].purpose = Purpose::Monitoring.into();
    let opened = pair.client(number).start_journey(request).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    pair.until(number, &opened.journey_id, |journey| {
        let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
        fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some())
    })
    .await;
    opened.journey_id
}

/// Waits until a gateway serves the data no more.
async fn refused(pair: &Pair, gateway: usize, journey_id: &str) -> Duration {
    let began = Instant::now();
    let refused = async {
        loop {
            match pair.client(gateway).fetch_data(data_request(journey_id, View::Masked)).await {
                Ok(_) => breath().await,
                Err(status) if reason(&status) == "CONSENT_REVOKED" => return began.elapsed(),
                Err(status) => panic!("{status:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("it is still served")
}

/// How many tries are written down.
async fn tries(pair: &Pair, journeys: &[String]) -> usize {
    let mut tries = 0u32;
    for journey_id in journeys {
        let kept = pair.service(0).store().journey("demo", journey_id).await.unwrap().unwrap().journey;
        tries += kept.consents.iter().flat_map(|consent| &consent.deliveries).map(|delivery| delivery.tries).sum::<u32>();
    }
    usize::try_from(tries).unwrap()
}

/// Both clocks go on, and whoever looks by them looks.
fn pass(pair: &Pair, time: SignedDuration) {
    for gateway in 0..2 {
        pair.turn(gateway, time);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_during_ten_minutes_without_the_provider_holds_at_once_and_is_delivered_once() {
    let (journeys, pair) = (size(50, 3), Pair::start().await);
    let mut withdrawn = Vec::new();
    for number in 0..journeys {
        let journey_id = ready(&pair, number).await;
        for gateway in 0..2 {
            // So that both have the rows in memory.
            pair.client(gateway).fetch_data(data_request(&journey_id, View::Masked)).await.unwrap();
        }
        withdrawn.push(journey_id);
    }
    pair.one.sandbox.set_down(true);
    let (mut here, mut elsewhere, mut pending) = (Duration::ZERO, Duration::ZERO, 0);
    for (number, journey_id) in withdrawn.iter().enumerate() {
        let answer = pair.client(number).revoke_consent(revoke(journey_id)).await.unwrap().into_inner();
        pending += usize::from(answer.consents[0].provider() == ProviderDelivery::Pending);
        here = here.max(refused(&pair, number, journey_id).await);
        elsewhere = elsewhere.max(refused(&pair, number + 1, journey_id).await);
        // What was acknowledged is in the store.
        let kept = pair.service(0).store().journey("demo", journey_id).await.unwrap().unwrap().journey;
        assert_eq!(kept.consents[0].state, sangam::journey::model::ConsentState::Revoked);
    }
    let calls = pair.one.sandbox.calls();
    for minute in 0..=10 {
        let tried = if minute > 0 { calls.count(TRIED) } else { 0 };
        if minute > 0 {
            pass(&pair, SignedDuration::from_mins(1));
        }
        let again = async {
            // A try that is still under way would count its pause from the time to come.
            while calls.count(TRIED) < tried + journeys || tries(&pair, &withdrawn).await < calls.count(TRIED) {
                breath().await;
            }
        };
        tokio::time::timeout(PATIENCE, again).await.expect("it is not tried again");
    }
    pair.one.sandbox.set_down(false);
    // The longest pause between two tries is half a minute.
    pass(&pair, SignedDuration::from_secs(60));
    let done = |journey: &pb::Journey| journey.consents[0].revocation() == ProviderDelivery::Done;
    for (number, journey_id) in withdrawn.iter().enumerate() {
        let journey = pair.until(number, journey_id, done).await;
        assert_eq!((journey.state(), journey.consents[0].state()), (JourneyState::Revoked, ConsentState::Revoked));
    }
    let mut otherwise = 0;
    for number in 0..journeys {
        otherwise += usize::from(calls.count_for(REVOKE, &mobile(number)) != 1);
    }
    println!(
        "{journeys} withdrawals while the provider is away for ten minutes: {} acknowledged, refused within {here:?} there and {elsewhere:?} \
         elsewhere, {} tries in vain, {otherwise} not delivered just once within a minute of its return",
        pending,
        calls.count(TRIED)
    );
    assert_eq!((pending, otherwise), (journeys, 0));
    pair.stop().await;
}
