//! One process, killed again and again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sangam::pb::{self, JourneyState};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::mpsc;

use super::{
    Dice, REQUEST_CONSENT, Verdict,
    fleet::{Client, Fleet, Place},
    mobile, opening,
    relay::{Moment, Relay},
    size, verdict,
};

/// Callers at once.
const CALLERS: usize = 6;

/// One opening of a caller: the request, and the journey if it was acknowledged.
type Sent = (pb::StartJourneyRequest, Option<String>);

/// Opens journeys until the process dies.
async fn load(mut client: Client, numbers: Arc<AtomicUsize>, told: mpsc::UnboundedSender<Sent>) {
    loop {
        let request = opening(&mobile(numbers.fetch_add(1, Ordering::SeqCst)));
        let answer = client.start_journey(request.clone()).await;
        let journey_id = match answer.map_err(verdict) {
            Ok(opened) => Some(opened.into_inner().journey_id),
            Err(Verdict::Again) => None,
            Err(other) => panic!("{other:?}"),
        };
        let ended = journey_id.is_none();
        if told.send((request, journey_id)).is_err() || ended {
            return;
        }
    }
}

async fn intact(fleet: &Fleet) -> bool {
    let url = format!("sqlite://{}", fleet.file().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let found: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found == "ok"
}

fn asked(fleet: &Fleet, request: &pb::StartJourneyRequest) -> usize {
    fleet.sandbox.calls().count_for(REQUEST_CONSENT, &request.customer.as_ref().unwrap().mobile)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outlives_every_kill_with_all_that_was_acknowledged() {
    let (kills, mut dice) = (size(1_000, 6), Dice::new());
    // Thousands of customers who never decide are not to be looked at.
    let quiet = |_: &_, text: String| text.replace("first_ms = 100\nmax_ms = 5000", "first_ms = 3600000\nmax_ms = 3600000");
    let fleet = Fleet::start(Place::Sqlite, 1, quiet).await;
    let numbers = Arc::new(AtomicUsize::new(0));
    let (mut acknowledged, mut lost, mut twice, mut broken, mut repeated) = (Vec::new(), 0, 0, 0, 0);
    for kill in 0..kills {
        let (tell, mut told) = mpsc::unbounded_channel();
        for _ in 0..CALLERS {
            tokio::spawn(load(fleet.client(0), numbers.clone(), tell.clone()));
        }
        drop(tell);
        let (after, mut sent) = (1 + dice.below(12), Vec::new());
        while let Some(outcome) = told.recv().await {
            sent.push(outcome);
            if sent.len() == after {
                fleet.kill(0);
            }
        }
        // Opening the file rolls its log in, as the next process would; so that is left to the process in most rounds.
        if kill % 50 == 0 || kill + 1 == kills {
            broken += usize::from(!intact(&fleet).await);
        }
        fleet.restart(0).await;
        for (request, journey_id) in sent {
            match journey_id {
                Some(journey_id) => {
                    lost += usize::from(fleet.status(0, &journey_id).await.is_none());
                    acknowledged.push(journey_id);
                }
                None => {
                    repeated += 1;
                    let again = fleet.client(0).start_journey(request.clone()).await.map_err(verdict);
                    assert!(matches!(again, Ok(_) | Err(Verdict::Unknown(_))), "{again:?}");
                }
            }
            twice += usize::from(asked(&fleet, &request) > 1);
        }
    }
    for journey_id in &acknowledged {
        lost += usize::from(fleet.status(0, journey_id).await.is_none());
    }
    println!(
        "{kills} kills of a gateway on SQLite (seed {}): {} acknowledged, {lost} lost, {twice} customers asked twice, {broken} files not \
         intact, {repeated} calls repeated after the kill",
        dice.seed,
        acknowledged.len()
    );
    assert!(acknowledged.len() >= kills);
    assert_eq!((lost, twice, broken), (0, 0, 0));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_around_the_providers_call_sends_nothing_again() {
    let (runs, mut dice) = (size(200, 2), Dice::new());
    let (fleet, relay, mut reached) = Relay::before_fleet(Place::Sqlite, 1, |text| text).await;
    let (mut twice, mut lost, mut unheard) = (0, 0, 0);
    let mut opened = Vec::new();
    for run in 0..runs * Moment::ALL.len() {
        let (moment, request) = (Moment::ALL[run % Moment::ALL.len()], opening(&mobile(run)));
        relay.set(moment);
        let mut feed = Feed::of(&fleet).await;
        let (mut client, first) = (fleet.client(0), request.clone());
        let call = tokio::spawn(async move { client.start_journey(first).await });
        let call = match moment {
            Moment::Acknowledged => {
                let answer = call.await.unwrap();
                assert!(answer.is_ok(), "{answer:?}");
                None
            }
            Moment::Intended | Moment::Committed => {
                feed.until(if moment == Moment::Intended { JourneyState::Created } else { JourneyState::AwaitingCustomer }).await;
                Some(call)
            }
            Moment::Sent | Moment::Acted | Moment::Answered => {
                reached.recv().await.unwrap();
                // The answer gets some way, a little further each time.
                for _ in 0..dice.below(if moment == Moment::Answered { 200 } else { 1 }) {
                    tokio::task::yield_now().await;
                }
                Some(call)
            }
        };
        fleet.kill(0);
        relay.set(Moment::Acknowledged);
        if let Some(call) = call {
            drop(call.await.unwrap());
        }
        fleet.restart(0).await;
        let again = fleet.client(0).start_journey(request.clone()).await.map_err(verdict);
        let journey_id = match again {
            Ok(answer) => answer.into_inner().journey_id,
            Err(Verdict::Unknown(journey_id)) => journey_id,
            Err(other) => panic!("{moment:?}: {other:?}"),
        };
        opened.push((moment, request, journey_id));
    }
    for (moment, request, journey_id) in &opened {
        let asked = asked(&fleet, request);
        twice += usize::from(asked > 1);
        unheard += usize::from(asked == 0);
        match moment {
            Moment::Intended => {}
            _ => assert_eq!(asked == 0, *moment == Moment::Sent, "{moment:?}"),
        }
        lost += usize::from(fleet.status(0, journey_id).await.is_none());
        if asked > 0 {
            fleet.until(0, journey_id, 1, |journey| journey.state() == JourneyState::AwaitingCustomer).await;
        } else if runs > 2 {
            // The limit of a minute passes.
            let failed = fleet.until(0, journey_id, 6, |journey| journey.state() == JourneyState::Failed).await;
            assert_eq!(failed.attempts[0].failure_reason, "OUTCOME_UNKNOWN");
        } else {
            let journey = fleet.status(0, journey_id).await.unwrap();
            let open = [JourneyState::Created, JourneyState::OutcomeUnknown, JourneyState::Failed];
            assert!(open.contains(&journey.state()), "{journey:?}");
        }
    }
    println!(
        "{runs} kills at each of {:?} (seed {}): {twice} customers asked twice, {lost} journeys lost, {unheard} never reached the provider",
        Moment::ALL,
        dice.seed
    );
    assert_eq!((twice, lost), (0, 0));
    assert!((runs..=2 * runs).contains(&unheard), "{unheard}");
    fleet.stop().await;
}

/// What a process tells of a journey that is opened there from now on.
struct Feed(tonic::Streaming<pb::WatchJourneysResponse>);

impl Feed {
    async fn of(fleet: &Fleet) -> Self {
        let mut feed = fleet.client(0).watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap().into_inner();
        // The first message says that it has begun.
        feed.message().await.unwrap().unwrap();
        Self(feed)
    }

    /// Waits until the new journey is in a state.
    async fn until(&mut self, state: JourneyState) {
        let mut new = None;
        loop {
            let message = self.0.message().await.unwrap().unwrap();
            let Some(pb::watch_journeys_response::Event::Change(change)) = message.event else { continue };
            if change.sequence == 1 {
                new = Some(change.journey_id.clone());
            }
            if new.as_ref() == Some(&change.journey_id) && change.state() == state {
                return;
            }
        }
    }
}
