//! Openings at three processes on one database: a customer is asked once, and what was acknowledged is known everywhere.

use std::{collections::HashSet, sync::Arc};

use futures_util::StreamExt;
use sangam::pb::{self, JourneyState};
use tonic::{Code, Status};

use super::{
    Dice, REQUEST_CONSENT, Verdict,
    fleet::{Fleet, Place},
    mobile, opening, size, verdict,
};
use crate::harness::{breath, reason};

/// Callers at once.
const CALLERS: usize = 32;

async fn three() -> Arc<Fleet> {
    Arc::new(Fleet::start(Place::Postgres, 3, |_, text| text).await)
}

async fn stop(fleet: Arc<Fleet>) {
    let Ok(fleet) = Arc::try_unwrap(fleet) else { panic!("somebody still uses the processes") };
    fleet.stop().await;
}

/// Whether another process knows a journey right after it was acknowledged.
async fn readable(fleet: &Fleet, number: usize, journey_id: &str) -> bool {
    for process in number..number + fleet.len() {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        match fleet.client(process).get_status(request).await {
            Ok(_) => return true,
            Err(status) if status.code() == Code::NotFound => return false,
            // A dead one tells nothing.
            Err(_) => {}
        }
    }
    false
}

/// What became of one opening.
struct Outcome {
    mobile: String,
    journey_id: String,
    acknowledged: bool,
    /// Whether it was acknowledged and another process knew nothing of it.
    unread: bool,
    tries: usize,
}

/// One caller: whatever breaks, the same request goes to the next process.
async fn call(fleet: Arc<Fleet>, number: usize) -> Outcome {
    let mobile = mobile(number);
    let request = opening(&mobile);
    let mut tries = 0;
    loop {
        let answer = fleet.client(number + tries).start_journey(request.clone()).await;
        tries += 1;
        match answer.map_err(verdict) {
            Ok(opened) => {
                let journey_id = opened.into_inner().journey_id;
                let unread = !readable(&fleet, number + tries, &journey_id).await;
                return Outcome { mobile, journey_id, acknowledged: true, unread, tries };
            }
            Err(Verdict::Again) => breath().await,
            Err(Verdict::Unknown(journey_id)) => {
                return Outcome { mobile, journey_id, acknowledged: false, unread: false, tries };
            }
            Err(Verdict::Refused(status)) => panic!("{status:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_gateways_is_killed_and_no_customer_is_asked_twice_or_lost() {
    let (openings, fleet, mut dice) = (size(500, 24), three().await, Dice::new());
    let (kill_after, victim) = (openings / 4 + dice.below(openings / 2), dice.below(3));
    let calls = (0..openings).map(|number| tokio::spawn(call(fleet.clone(), number)));
    let mut answers = futures_util::stream::iter(calls).buffer_unordered(CALLERS);
    let mut outcomes = Vec::new();
    while let Some(outcome) = answers.next().await {
        outcomes.push(outcome.unwrap());
        if outcomes.len() == kill_after {
            fleet.kill(victim);
            fleet.restart(victim).await;
        }
    }
    drop(answers);
    let (mut twice, mut lost, mut unknown, mut never, mut again, mut late) = (0, 0, 0, 0, 0, 0);
    for Outcome { mobile, journey_id, acknowledged, unread, tries } in &outcomes {
        late += usize::from(*unread);
        let asked = fleet.sandbox.calls().count_for(REQUEST_CONSENT, mobile);
        twice += usize::from(asked > 1);
        again += tries - 1;
        unknown += usize::from(!acknowledged);
        never += usize::from(asked == 0);
        assert!(asked > 0 || !acknowledged, "nobody asked the customer of {journey_id}");
        for gateway in 0..fleet.len() {
            lost += usize::from(fleet.status(gateway, journey_id).await.is_none());
        }
        if asked > 0 {
            // Also what only the provider knew is found again.
            fleet.until(0, journey_id, 3, |journey| journey.state() == JourneyState::AwaitingCustomer).await;
        }
    }
    println!(
        "{openings} openings at three gateways, one killed after {kill_after} (seed {}): {twice} customers asked twice, {lost} journeys \
         lost, {late} not known elsewhere at once, {again} calls repeated, {unknown} answered as unknown, {never} of them never sent",
        dice.seed
    );
    assert_eq!((outcomes.len(), twice, lost, late), (openings, 0, 0, 0));
    stop(fleet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_one_request_id_get_one_journey() {
    let (callers, fleet) = (size(1_000, 60), three().await);
    let request = opening(&mobile(0));
    let calls = (0..callers).map(|number| {
        let (mut client, request) = (fleet.client(number), request.clone());
        tokio::spawn(async move { client.start_journey(request).await.map(tonic::Response::into_inner) })
    });
    let (mut journeys, mut replayed, mut again) = (HashSet::new(), 0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap().map_err(verdict) {
            Ok(answer) => {
                replayed += usize::from(answer.replayed);
                journeys.insert((answer.journey_id, answer.customer_url));
            }
            Err(Verdict::Again) => again += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    let asked = fleet.sandbox.calls().count(REQUEST_CONSENT);
    println!(
        "{callers} calls with one request id at three gateways: {asked} call to the provider, {} journey, {replayed} answered again, \
         {again} told to come again",
        journeys.len()
    );
    assert_eq!((asked, journeys.len(), replayed + again), (1, 1, callers - 1));
    stop(fleet).await;
}

/// Another request in one of the ways in which requests differ.
fn mutated(request: &pb::StartJourneyRequest, dice: &mut Dice, number: usize) -> pb::StartJourneyRequest {
    let mut request = request.clone();
    let mut customer = request.customer.clone().unwrap();
    match dice.below(10) {
        0 => customer.mobile = mobile(number + 1),
        1 => customer.name.push_str(&format!(" {number}")),
        2 => customer.email = format!("somebody{number}@lender.example"),
        3 => customer.pan = format!("AAAPB{:04}A", number % 10_000),
        4 => request.redirect_url.push_str(&format!("/{number}")),
        5 => request.client_reference = format!("ref-{number}"),
        6 => request.institutions = vec![format!("FIP-{number}")],
        7 => request.products.push(pb::Product::Analytics.into()),
        8 => request.allow_ignored = !request.allow_ignored,
        _ => request.consents[0].purpose = pb::Purpose::Monitoring.into(),
    }
    request.customer = Some(customer);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_with_another_body_is_refused_and_with_an_equal_one_answered_again() {
    let (mutations, fleet, mut dice) = (size(10_000, 200), three().await, Dice::new());
    let request = opening(&mobile(0));
    let first = fleet.client(0).start_journey(request.clone()).await.unwrap().into_inner();
    let received = "finpro:received:/v3/requestconsent";
    let before = fleet.sandbox.calls().count(received);
    let calls: Vec<_> = (0..mutations).map(|number| (fleet.client(number), mutated(&request, &mut dice, number))).collect();
    let calls = calls.into_iter().map(|(mut client, request)| async move { client.start_journey(request).await });
    let mut answers = futures_util::stream::iter(calls).buffer_unordered(CALLERS);
    let (mut refused, mut otherwise) = (0, Vec::new());
    let reused = |status: &Status| status.code() == Code::InvalidArgument && reason(status) == "REQUEST_ID_REUSED";
    while let Some(answer) = answers.next().await {
        match answer {
            Err(status) if reused(&status) => refused += 1,
            other => otherwise.push(other),
        }
    }
    for gateway in 0..fleet.len() {
        let again = fleet.client(gateway).start_journey(request.clone()).await.unwrap().into_inner();
        assert_eq!((again.replayed, &again.journey_id), (true, &first.journey_id));
    }
    let asked = fleet.sandbox.calls().count(received) - before;
    println!(
        "{mutations} other bodies under one request id (seed {}): {refused} refused, {} answered otherwise, {asked} calls to the provider",
        dice.seed,
        otherwise.len()
    );
    assert!(otherwise.is_empty(), "{:?}", otherwise.first());
    assert_eq!((refused, asked), (mutations, 0));
    stop(fleet).await;
}
