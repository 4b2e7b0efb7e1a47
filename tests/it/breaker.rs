//! A provider that is gone is left alone, and whoever needs it hears so at once.

use sangam::pb::Product;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    harness::{PATIENCE, World, metadata, reason, start_request},
    metrics::scrape,
    webhooks::quiet,
};

fn sent_in_vain(world: &World) -> usize {
    world.sandbox.calls().all().iter().filter(|(call, _)| call.starts_with("down:")).map(|(_, times)| times).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_provider_is_called_a_few_times_and_then_answered_for_until_it_is_back() {
    let world = quiet().await;
    let open = || {
        let mut client = world.client.clone();
        async move { client.start_journey(start_request("finpass", "main", "01", &[Product::Data])).await }
    };
    world.sandbox.set_down(true);
    let mut unsent = Vec::new();
    for _ in 0..60 {
        let answer = open().await.unwrap_err();
        // One that was sent in vain may have been heard.
        if metadata(&answer, "effect").as_deref() == Some("NONE") {
            unsent.push(answer);
        }
    }
    assert_eq!(unsent.len() + sent_in_vain(&world), 60, "{:?}", world.sandbox.calls().all());
    assert!(unsent.len() >= 40, "{:?}", world.sandbox.calls().all());
    for answer in unsent {
        assert_eq!((answer.code(), reason(&answer).as_str()), (Code::Unavailable, "PROVIDER_UNAVAILABLE"));
        assert!(answer.get_error_details().retry_info().is_some_and(|info| info.retry_delay.is_some()));
    }
    let text = scrape(&world).await;
    let state =
        |state: &str| format!("sangam_provider_breaker_state{{credential=\"main\",provider=\"finpass\",state=\"{state}\"}}");
    assert!(text.contains(&format!("{} 0\n", state("closed"))), "{text}");
    assert!(text.contains("outcome=\"breaker_open\",provider=\"finpass\""), "{text}");
    // Another credential's calls know nothing of it.
    assert!(
        text.contains("sangam_provider_breaker_state{credential=\"consent\",provider=\"finpro\",state=\"closed\"} 1\n"),
        "{text}"
    );

    world.sandbox.set_down(false);
    let give_up = Instant::now() + PATIENCE;
    while open().await.is_err() {
        assert!(Instant::now() < give_up, "nobody has noticed that it is back");
        tokio::task::yield_now().await;
    }
    assert!(scrape(&world).await.contains(&format!("{} 1\n", state("closed"))));
    world.stop().await;
}
