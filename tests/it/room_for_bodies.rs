//! Large bodies under a small budget of memory: they wait for their turn, and all come in the end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use sangam::{
    memory::Room,
    pb::{self, JourneyState, View},
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    harness::reason,
    replay::{Answer, CONSENT, documented},
    stage::{CONSENT_WAY, PATIENT, Stage},
};

const MIB: usize = 1024 * 1024;
/// Bytes of each body; the documented one with spaces behind.
const BODY: usize = MIB;
/// Two bodies of one credential, at the factor that a body takes.
const BUDGET: u64 = 12 * MIB as u64;
const JOURNEYS: usize = 12;

fn data_path() -> String {
    format!("{CONSENT}/getallfidata")
}

fn large() -> Bytes {
    let mut body = documented(&data_path()).as_bytes().to_vec();
    body.resize(BODY, b' ');
    body.into()
}

/// The same body in chunks, without a stated length.
fn in_chunks() -> Answer {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = large();
    let mut sent = head.as_bytes().to_vec();
    for piece in body.chunks(0x10000) {
        sent.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        sent.extend(piece);
        sent.extend(b"\r\n");
    }
    sent.extend(b"0\r\n\r\n");
    Answer::Bytes(sent.into())
}

async fn stage(budget: u64) -> Stage {
    Stage::with(PATIENT, 50, |config| config.memory.bodies_max_bytes = Some(budget)).await
}

fn gauge(stage: &Stage, name: &str) -> u64 {
    let bodies = &stage.gateway.tenants().shared().bodies;
    match name {
        "peak" => bodies.peak(),
        "waiting" => bodies.waiting(),
        _ => bodies.in_use(),
    }
}

/// All reservations come back, though the last of them may end a moment after the answer.
async fn all_given_back(stage: &Stage) {
    while gauge(stage, "in use") > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gauge(stage, "waiting"), 0);
}

async fn all_become_ready(answer: Answer) {
    let stage = stage(BUDGET).await;
    stage.replay.set(&data_path(), answer);
    let opened = join_all((0..JOURNEYS).map(|_| stage.open(CONSENT_WAY))).await;
    for journey in opened {
        let journey_id = journey.unwrap().journey_id;
        stage.until(&journey_id, |journey| journey.state() == JourneyState::Ready && picked_up(journey)).await;
    }
    let peak = gauge(&stage, "peak");
    assert!(peak <= BUDGET && peak >= 3 * BODY as u64, "{peak} of {BUDGET} bytes at once");
    all_given_back(&stage).await;
    println!("{JOURNEYS} bodies of {BODY} bytes within {peak} of {BUDGET} bytes");
}

#[tokio::test]
async fn many_large_bodies_stay_within_the_budget_and_all_come() {
    all_become_ready(Answer::json(large())).await;
}

#[tokio::test]
async fn bodies_of_unknown_length_stay_within_the_budget() {
    all_become_ready(in_chunks()).await;
}

#[tokio::test]
async fn a_budget_below_one_body_takes_them_one_by_one() {
    let stage = stage(64 * 1024).await;
    stage.replay.set(&data_path(), Answer::json(large()));
    let journeys = [stage.ready(CONSENT_WAY).await, stage.ready(CONSENT_WAY).await];
    for page in join_all(journeys.iter().map(|journey_id| stage.data(journey_id, View::Masked))).await {
        assert_eq!(page.unwrap().accounts.len(), 1);
    }
    assert_eq!(gauge(&stage, "peak"), 64 * 1024);
    all_given_back(&stage).await;
}

/// All of the budget, held.
async fn everything(stage: &Stage) -> Room {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    stage.gateway.tenants().shared().bodies.reserve(BUDGET, deadline).await.unwrap()
}

fn picked_up(journey: &pb::Journey) -> bool {
    journey.consents.iter().flat_map(|consent| &consent.fetches).any(|fetch| fetch.account_count > 0)
}

#[tokio::test]
async fn a_read_without_room_in_time_may_come_again() {
    let stage = Stage::with(PATIENT, 50, |config| {
        config.memory.bodies_max_bytes = Some(BUDGET);
        config.tenant.retain_evidence = true;
    })
    .await;
    stage.replay.set(&data_path(), Answer::json(large()));
    let journey_id = stage.ready(CONSENT_WAY).await;
    stage.until(&journey_id, picked_up).await;
    all_given_back(&stage).await;
    let evidence = async |timeout| {
        let mut request = tonic::Request::new(pb::GetEvidenceRequest { journey_id: journey_id.clone(), ..Default::default() });
        request.set_timeout(timeout);
        let mut parts = stage.client.clone().get_evidence(request).await?.into_inner();
        let mut bytes = 0;
        while let Some(part) = parts.message().await? {
            if let Some(pb::get_evidence_response::Part::Chunk(payload)) = part.part {
                bytes += payload.len();
            }
        }
        Ok::<_, tonic::Status>(bytes)
    };
    let all = everything(&stage).await;
    let refused = evidence(Duration::from_millis(500)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "OVERLOADED"));
    assert!(refused.get_error_details().retry_info().unwrap().retry_delay.is_some());
    drop(all);
    assert_eq!(evidence(Duration::from_secs(20)).await.unwrap(), BODY);
    all_given_back(&stage).await;
}

#[tokio::test]
async fn small_bodies_pass_while_large_ones_wait() {
    let stage = stage(BUDGET).await;
    let all = everything(&stage).await;
    stage.replay.set(&data_path(), Answer::json(large()));
    let waits = stage.open(CONSENT_WAY).await.unwrap().journey_id;
    while gauge(&stage, "waiting") == 0 {
        tokio::task::yield_now().await;
    }
    stage.replay.heal(&data_path());
    let small = stage.ready(CONSENT_WAY).await;
    stage.until(&small, picked_up).await;
    let waiting = stage.until(&waits, |_| true).await;
    assert!(!picked_up(&waiting), "it has no room yet");
    drop(all);
    stage.until(&waits, picked_up).await;
    all_given_back(&stage).await;
}
