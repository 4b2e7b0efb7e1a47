//! What it costs that the others are told of each change.

use std::{sync::Arc, time::Instant};

use sangam::{
    journey::model::{ConsentState, Journey},
    store::{Changed, Store},
};

use super::{full, size};
use crate::stores::{Kit, testing};

/// Writers at once.
const WRITERS: usize = 16;

/// Commits so many changes of each writer's own journey; answers how many a second.
async fn commits(store: &Store, journeys: &[Journey], each: usize, tell: bool) -> f64 {
    let began = Instant::now();
    let writers = journeys.iter().map(|journey| {
        let (store, id) = (store.clone(), journey.id.clone());
        tokio::spawn(async move {
            let mut kept = store.journey("default", &id).await.unwrap().unwrap();
            for round in 0..each {
                let state = if round % 2 == 0 { ConsentState::Paused } else { ConsentState::Active };
                kept.journey.consents[0].state = state;
                kept.journey.sequence += 1;
                let now = jiff::Timestamp::from_second(1_000).unwrap();
                assert!(store.save_journey(&kept.journey, kept.version, None, now).await.unwrap());
                kept.version += 1;
                if tell {
                    let (tenant, sequence) = ("default".to_owned(), kept.journey.sequence);
                    store.tell(Changed { tenant, journey_id: id.clone(), sequence, news: true });
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    f64::from(u32::try_from(journeys.len() * each).unwrap()) / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_hear_of_every_journey_and_telling_them_costs_little() {
    let (rounds, each) = (size(8, 2), size(100, 10));
    let kit = Kit::postgres().await;
    let listener = kit.replica(10_000).await;
    let heard = Arc::new(std::sync::Mutex::new(std::collections::BTreeMap::new()));
    let (ear, (told, mut news)) = (heard.clone(), tokio::sync::watch::channel(()));
    listener.hear(Arc::new(move |change| {
        if let sangam::store::Told::Changed(change) = change {
            ear.lock().unwrap().insert(change.journey_id, change.sequence);
            told.send_replace(());
        }
    }));
    let mut journeys = Vec::new();
    for number in 0..WRITERS {
        let mut journey = testing::journey();
        journey.id = format!("jrn_{number}");
        kit.store.insert_journey(&journey, None, jiff::Timestamp::from_second(1_000).unwrap()).await.unwrap();
        journeys.push(journey);
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(commits(&kit.store, &journeys, each, false).await);
        with.push(commits(&kit.store, &journeys, each, true).await);
    }
    let last = i64::try_from(rounds * each * 2).unwrap() + journeys[0].sequence;
    let all = async {
        while heard.lock().unwrap().values().filter(|sequence| **sequence == last).count() < WRITERS {
            news.changed().await.unwrap();
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, all).await.expect("the last change of a journey is not told");
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let (with, without) = (median(&mut with), median(&mut without));
    println!(
        "{} commits by {WRITERS} writers: {with:.0} a second with notices, {without:.0} without, {:.2} of it; every last change told",
        rounds * each * 2 * WRITERS,
        with / without
    );
    assert!(!full() || with >= 0.8 * without, "notices cost more than a fifth");
}
