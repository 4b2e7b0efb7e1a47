//! Without a single message from a provider every journey still comes to its end, because the background looks by itself.

use std::sync::Arc;

use futures_util::StreamExt;
use sangam::{
    clock::SharedClock,
    pb::{JourneyState, Product, WatchStatusRequest, watch_status_response::Event},
    sandbox::{SandboxConfig, customer},
};

use crate::{
    harness::{ShiftedClock, World, start_request},
    scenarios::{opened, roomy},
    torture,
};

const DATA: &[Product] = &[Product::Data];
const WAYS: [(&str, &str); 3] = [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")];

/// Customers at once.
const CUSTOMERS: usize = 16;

/// What became of journeys.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub opened: usize,
    pub ready: usize,
    pub providers_asked_twice: usize,
}

/// Opens so many journeys of all kinds, lets every customer approve, drops every message, and waits until each has ended.
pub async fn without_messages(world: &World, journeys: usize) -> Counts {
    let tasks = (0..journeys).map(|number| {
        let (provider, credential) = WAYS[number % WAYS.len()];
        let (mut client, request) = (world.client.clone(), start_request(provider, credential, "01", DATA));
        async move {
            let opened = client.start_journey(request).await.unwrap().into_inner();
            customer::approve(&opened.customer_url).await.unwrap();
            opened.journey_id
        }
    });
    let approved: Vec<_> = futures_util::stream::iter(tasks).buffer_unordered(CUSTOMERS).collect().await;
    let mut counts = Counts { opened: 0, ready: 0, providers_asked_twice: 0 };
    for journey_id in approved {
        let journey = world.until_settled(&journey_id).await;
        counts.opened += 1;
        counts.ready += usize::from(journey.state() == JourneyState::Ready);
        let fetches: usize = journey.consents.iter().map(|consent| consent.fetches.len()).sum();
        counts.providers_asked_twice += usize::from(journey.attempts.len() != 1 || fetches != 1);
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_approved_journey_is_ready_though_no_message_comes() {
    let (world, journeys) = (roomy().await, torture::size(500, 30));
    let counts = without_messages(&world, journeys).await;
    println!("no message comes: {counts:?}");
    assert_eq!(counts, Counts { opened: journeys, ready: journeys, providers_asked_twice: 0 });
    world.stop().await;
}

#[tokio::test]
async fn a_customer_who_is_gone_is_given_up_and_one_who_comes_back_is_served() {
    let clock = Arc::new(ShiftedClock::default());
    let shared: SharedClock = clock.clone();
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    let world = World::at(shared, sandbox, |_| ()).await;
    let mut journeys = Vec::new();
    for (provider, credential) in WAYS {
        journeys.push(opened(&world, start_request(provider, credential, "01", DATA)).await);
    }
    clock.advance(71);
    for first in &journeys {
        world.gateway.service().nudge(&first.journey_id).await.unwrap();
        assert_eq!(world.status(&first.journey_id).await.state(), JourneyState::AwaitingCustomer);
    }
    clock.advance(2);
    for first in &journeys {
        world.until_state(&first.journey_id, JourneyState::Abandoned).await;
    }
    let mut watches = Vec::new();
    for first in &journeys {
        let request = WatchStatusRequest { journey_id: first.journey_id.clone(), after_sequence: None, follow: true };
        let mut watch = world.client.clone().watch_status(request).await.unwrap().into_inner();
        let Some(Event::Snapshot(begin)) = watch.message().await.unwrap().unwrap().event else { panic!("no snapshot") };
        assert_eq!(begin.journey.unwrap().state(), JourneyState::Abandoned);
        customer::approve(&first.customer_url).await.unwrap();
        watches.push(watch);
    }
    // No message tells it: the next look by itself does, an hour later. Any news makes the background ask what is due.
    clock.advance(25);
    opened(&world, start_request("finpro", "consent", "01", DATA)).await;
    for (first, mut watch) in journeys.iter().zip(watches) {
        world.until_state(&first.journey_id, JourneyState::Ready).await;
        let mut last = JourneyState::Abandoned;
        while last != JourneyState::Ready {
            let message = watch.message().await.unwrap().unwrap();
            if let Some(Event::Change(change)) = message.event {
                last = change.journey.unwrap().state();
            }
        }
    }
    world.stop().await;
}
