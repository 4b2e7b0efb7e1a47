//! Readers that keep up.

use tokio::task::JoinSet;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_up_is_told_every_change_and_never_a_snapshot_instead() {
    const CHANGES: i64 = 300;
    let world = roomy_with(|config| {
        config.watch.history_events = 1_000;
        // Nobody else changes the journey.
        config.poller.first_ms = 3_600_000;
        config.poller.max_ms = 3_600_000;
    })
    .await;
    let journey_id = opened(&world, start_request("finpro", "consent", "01", DATA)).await.journey_id;
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let mut stream = status(&world, &journey_id, None, true).await;
        readers.spawn(async move {
            let begin = snapshot(&mut stream).await.journey.unwrap().sequence;
            for expected in begin + 1..=begin + CHANGES {
                match event(&mut stream).await {
                    Some(Event::Change(change)) => assert_eq!(change.sequence, expected),
                    other => panic!("no change: {other:?}"),
                }
            }
        });
    }
    for number in 0..CHANGES {
        let note = vec![number.to_string()];
        world.gateway.service().change("demo", &journey_id, |journey| journey.ignored_inputs.clone_from(&note)).await.unwrap();
    }
    readers.join_all().await;
    world.stop().await;
}
