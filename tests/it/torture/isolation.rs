//! One provider accepts every call and answers none. The calls of the other provider go on as fast as before, and a refusal costs next to
//! nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sangam::{
    pb::{JourneyState, Product, StartJourneyRequest},
    sandbox::{SandboxConfig, bank::Bank, customer},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::{full, size};
use crate::{
    harness::{PATIENCE, World, breath, start_request},
    tenants::{BOTH, Two},
};

/// Callers of the provider that answers.
const CALLERS: usize = 10;
/// The least part of the rate that is left while the other provider hangs.
const LEFT: f64 = 0.95;
/// The time that callers give a call to the provider that hangs.
const TIME: Duration = Duration::from_secs(1);

static CUSTOMERS: AtomicUsize = AtomicUsize::new(0);

/// A StartJourney of a customer of its own.
fn opening(provider: &str, credential: &str) -> StartJourneyRequest {
    let mut request = start_request(provider, credential, "01", &[Product::Data]);
    let customer = request.customer.as_mut().unwrap();
    customer.mobile = super::mobile(CUSTOMERS.fetch_add(1, Ordering::Relaxed));
    let person = Bank::person(&customer.mobile);
    (customer.pan, customer.name) = (person.pan, person.name);
    request
}

#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    refused: AtomicU64,
}

/// Callers that each call again as soon as they are answered, whatever the answer says, until `stop`.
fn call(
    world: &World,
    callers: usize,
    way: (&'static str, &'static str),
    stop: &CancellationToken,
) -> (Arc<Counts>, JoinSet<()>) {
    let (counts, mut tasks) = (Arc::new(Counts::default()), JoinSet::new());
    for _ in 0..callers {
        let (mut client, counts, stop) = (world.client.clone(), counts.clone(), stop.clone());
        tasks.spawn(async move {
            while !stop.is_cancelled() {
                let mut request = Request::new(opening(way.0, way.1));
                request.set_timeout(if way.0 == "finpro" { TIME } else { PATIENCE });
                match client.start_journey(request).await {
                    Ok(_) => counts.opened.fetch_add(1, Ordering::Relaxed),
                    Err(_) => counts.refused.fetch_add(1, Ordering::Relaxed),
                };
            }
        });
    }
    (counts, tasks)
}

/// How many calls of the healthy provider are answered in `time`, beside so many callers of the one that hangs. None may fail.
async fn rate(world: &World, hanging: usize, time: Duration) -> (f64, u64) {
    let stop = CancellationToken::new();
    let (refused, hung) = call(world, hanging, ("finpro", "consent"), &stop);
    let (answered, healthy) = call(world, CALLERS, ("finpass", "main"), &stop);
    let begin = Instant::now();
    sleep_until(begin + time).await;
    let count = answered.opened.load(Ordering::Relaxed);
    let per_second = count as f64 / begin.elapsed().as_secs_f64();
    stop.cancel();
    healthy.join_all().await;
    hung.join_all().await;
    assert_eq!(answered.refused.load(Ordering::Relaxed), 0, "a call of the healthy provider failed");
    (per_second, refused.refused.load(Ordering::Relaxed))
}

async fn world() -> World {
    let sandbox = SandboxConfig { calls_per_minute: 100_000_000, webhooks: false, ..SandboxConfig::default() };
    let world = World::with(sandbox, |config| {
        // The polls of the opened journeys would be the larger part of the load.
        config.poller.first_ms = 3_600_000;
        config.poller.max_ms = 3_600_000;
    })
    .await;
    world.sandbox.hold("/finpro");
    world
}

/// Prints the rates, and judges them in a large run on the optimised build.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_healthy_provider_go_on_while_another_hangs() {
    let world = world().await;
    let (time, rounds) = (Duration::from_millis(size(6_000, 400) as u64), size(4, 1));
    // The first seconds of a hanging provider, until its breaker opens, are part of what is measured.
    rate(&world, 0, time).await;
    for hanging in [50, size(200, 60)] {
        let (mut alone, mut beside, mut refused) = (0.0, 0.0, 0);
        for _ in 0..rounds {
            alone += rate(&world, 0, time).await.0;
            let (rate, others) = rate(&world, hanging, time).await;
            (beside, refused) = (beside + rate, refused + others);
        }
        let left = beside / alone;
        println!(
            "{hanging} callers of a provider that hangs: {:.0} calls/s of the other alone, {:.0} beside them ({:.1} %), {refused} refused",
            alone / rounds as f64,
            beside / rounds as f64,
            left * 100.0
        );
        assert!(refused > 0);
        if full() {
            assert!(left >= LEFT, "{hanging} callers of a provider that hangs leave {left:.3} of the rate");
        }
    }
    world.sandbox.release();
    world.stop().await;
}

/// How long journeys of the second tenant take from the customer's approval until they are READY, together.
async fn until_ready(two: &Two, count: usize) -> Duration {
    let tenant = BOTH[1];
    let mut opened = Vec::new();
    for _ in 0..count {
        opened.push(two.client(tenant).start_journey(opening("finpass", "main")).await.unwrap().into_inner());
    }
    let begin = Instant::now();
    for journey in &opened {
        customer::approve(&journey.customer_url).await.unwrap();
    }
    for journey in &opened {
        loop {
            let kept = two.service(tenant).store().journey(tenant, &journey.journey_id).await.unwrap().unwrap();
            if kept.journey.state == JourneyState::Ready {
                break;
            }
            assert!(begin.elapsed() < PATIENCE * 3, "{} waits behind the provider that hangs", journey.journey_id);
            breath().await;
        }
    }
    begin.elapsed()
}

/// Prints how much longer a healthy provider's journeys take while the polls of another one hang, and judges it in a large run.
#[tokio::test(flavor = "multi_thread")]
async fn journeys_are_ready_as_fast_while_another_provider_hangs() {
    let two = Two::with(|_| ()).await;
    let (due, count, rounds) = (size(300, 40), size(60, 8), size(3, 1));
    let mut alone = Duration::ZERO;
    until_ready(&two, count).await;
    for _ in 0..rounds {
        alone += until_ready(&two, count).await;
    }
    let mut opened = Vec::new();
    for _ in 0..due {
        opened.push(two.client(BOTH[0]).start_journey(opening("finpro", "consent")).await.unwrap().into_inner());
    }
    two.sandboxes[0].hold("/finpro");
    for journey in &opened {
        customer::approve(&journey.customer_url).await.unwrap();
    }
    let give_up = Instant::now() + PATIENCE;
    while two.sandboxes[0].calls().count("held") == 0 {
        assert!(Instant::now() < give_up);
        breath().await;
    }
    let mut beside = Duration::ZERO;
    for _ in 0..rounds {
        beside += until_ready(&two, count).await;
    }
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    println!("READY: {alone:?} alone, {beside:?} while {due} journeys of another provider hang ({ratio:.2} x)");
    if full() {
        assert!(ratio <= 1.0 / LEFT + 0.1, "journeys of a healthy provider take {ratio:.2} x as long");
    }
    two.sandboxes[0].release();
    two.stop().await;
}
