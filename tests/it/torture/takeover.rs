//! Refreshes and withdrawals at three processes on one database.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use sangam::{
    pb::{self, ConsentState, JourneyState, ProviderDelivery, Purpose, View},
    sandbox::customer,
};

use super::{
    Verdict,
    fleet::{Fleet, Place},
    mobile, opening, size, verdict,
};
use crate::{
    harness::{breath, data_request, reason},
    writes::{FI_REQUEST, REVOKE, refresh, revoke},
};

/// A monitoring journey of a customer whose data is kept.
async fn ready(fleet: &Fleet, mobile: &str) -> String {
    let mut request = opening(mobile);
    request.consents[0].purpose = Purpose::Monitoring.into();
    let opened = fleet.client(0).start_journey(request).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    let kept = |journey: &pb::Journey| {
        let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
        fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some())
    };
    fleet.until(0, &opened.journey_id, 2, kept).await;
    opened.journey_id
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_refreshes_at_three_gateways_ask_the_provider_once() {
    let (journeys, callers) = (size(50, 2), size(60, 18));
    let fleet = Fleet::start(Place::Postgres, 3, |_, text| text).await;
    let (mut asked, mut fetched, mut again) = (0, 0, 0);
    for number in 0..journeys {
        let mobile = mobile(number);
        let journey_id = ready(&fleet, &mobile).await;
        let before = fleet.sandbox.calls().count_for(FI_REQUEST, &mobile);
        let request = refresh(&journey_id);
        let calls = (0..callers).map(|caller| {
            let (mut client, request) = (fleet.client(caller), request.clone());
            tokio::spawn(async move { client.refresh_data(request).await.map(tonic::Response::into_inner) })
        });
        let mut fetches = HashSet::new();
        for call in calls.collect::<Vec<_>>() {
            match call.await.unwrap().map_err(verdict) {
                Ok(answer) => drop(fetches.insert(answer.fetch.unwrap().fetch_id)),
                Err(Verdict::Again) => again += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        let journey = fleet.status(1, &journey_id).await.unwrap();
        assert_eq!(journey.consents[0].fetches.len(), 2, "{journey:?}");
        asked += fleet.sandbox.calls().count_for(FI_REQUEST, &mobile) - before;
        fetched += fetches.len();
    }
    println!(
        "{journeys} refreshes, each {callers} times at three gateways: {asked} calls to the provider, {fetched} fetches, {again} told to \
         come again"
    );
    assert_eq!((asked, fetched), (journeys, journeys));
    fleet.stop().await;
}

/// How long a process goes on serving after a withdrawal elsewhere.
async fn served_for(fleet: &Fleet, gateway: usize, journey_id: &str) -> Duration {
    let began = Instant::now();
    loop {
        match fleet.client(gateway).fetch_data(data_request(journey_id, View::Masked)).await {
            Ok(_) => breath().await,
            Err(status) if reason(&status) == "CONSENT_REVOKED" => return began.elapsed(),
            Err(status) => panic!("{status:?}"),
        }
    }
}

fn told(journey: &pb::Journey) -> bool {
    journey.consents.iter().all(|consent| consent.revocation() == ProviderDelivery::Done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_holds_everywhere_and_is_told_once_though_its_gateway_dies_and_the_provider_was_down() {
    let journeys = size(50, 3);
    let fleet = Fleet::start(Place::Postgres, 3, |_, text| text).await;
    let mut withdrawn = Vec::new();
    for number in 0..journeys {
        let mobile = mobile(number);
        let journey_id = ready(&fleet, &mobile).await;
        for gateway in 0..fleet.len() {
            // So that each has the rows in memory.
            fleet.client(gateway).fetch_data(data_request(&journey_id, View::Masked)).await.unwrap();
        }
        withdrawn.push((mobile, journey_id));
    }
    fleet.sandbox.set_down(true);
    let (mut here, mut elsewhere) = (Duration::ZERO, Duration::ZERO);
    let mut still_served = 0;
    for (_, journey_id) in &withdrawn {
        let answer = fleet.client(0).revoke_consent(revoke(journey_id)).await.unwrap().into_inner();
        assert_eq!(answer.consents[0].provider(), ProviderDelivery::Pending);
        let began = Instant::now();
        let local = fleet.client(0).fetch_data(data_request(journey_id, View::Masked)).await;
        still_served += usize::from(local.is_ok());
        here = here.max(began.elapsed());
        let both = tokio::join!(served_for(&fleet, 1, journey_id), served_for(&fleet, 2, journey_id));
        elsewhere = elsewhere.max(both.0).max(both.1);
    }
    // Whoever acknowledged it dies before the provider is back.
    fleet.kill(0);
    fleet.sandbox.set_down(false);
    let recovered = Instant::now();
    let mut doubled = 0;
    for (_, journey_id) in &withdrawn {
        let journey = fleet.until(1, journey_id, 3, told).await;
        assert_eq!((journey.state(), journey.consents[0].state()), (JourneyState::Revoked, ConsentState::Revoked));
    }
    let delivered = recovered.elapsed();
    fleet.restart(0).await;
    let mut undelivered = 0;
    for (mobile, journey_id) in &withdrawn {
        let times = fleet.sandbox.calls().count_for(REVOKE, mobile);
        doubled += times.saturating_sub(1);
        undelivered += usize::from(times == 0);
        still_served += usize::from(fleet.client(0).fetch_data(data_request(journey_id, View::Masked)).await.is_ok());
    }
    println!(
        "{journeys} withdrawals while the provider is down, their gateway killed: {undelivered} not delivered, {doubled} delivered twice, \
         {still_served} still served; refused within {here:?} there and {elsewhere:?} elsewhere, delivered within {delivered:?}"
    );
    assert_eq!((undelivered, doubled, still_served), (0, 0, 0));
    fleet.stop().await;
}
