//! A request that had no effect is repeated under its request id: all its tries are one journey.

use std::collections::BTreeSet;

use bytes::Bytes;
use sangam::{
    pb::{JourneyState, ListJourneysRequest, StartJourneyRequest, StartJourneyResponse},
    sandbox::SandboxConfig,
};
use tonic::{Code, Status};

use crate::{
    harness::{World, metadata, reason},
    replay::{AGGREGATOR, ANALYSER, Answer, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

const RARELY: u64 = 600_000;
const OPENINGS: [(Way, &str, &str); 4] = [
    (CONSENT_WAY, CONSENT, "/v3/requestconsent"),
    (ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent"),
    (AGGREGATOR_WAY, AGGREGATOR, "/init"),
    (ANALYSER_WAY, ANALYSER, "/init"),
];
/// A refusal without an effect; under these limits it begins no pause.
const REFUSAL: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}";

async fn start(stage: &Stage, request: &StartJourneyRequest) -> Result<StartJourneyResponse, Status> {
    stage.client.clone().start_journey(request.clone()).await.map(tonic::Response::into_inner)
}

async fn count(stage: &Stage) -> usize {
    let request = ListJourneysRequest { page_size: 200, ..Default::default() };
    stage.client.clone().list_journeys(request).await.unwrap().into_inner().journeys.len()
}

/// Repeats a request that the provider refuses; returns the journey that all refusals name.
async fn refused(stage: &Stage, request: &StartJourneyRequest, times: usize) -> String {
    let mut names = BTreeSet::new();
    for _ in 0..times {
        let status = start(stage, request).await.unwrap_err();
        assert_eq!(
            (status.code(), metadata(&status, "effect").as_deref()),
            (Code::ResourceExhausted, Some("NONE")),
            "{status:?}"
        );
        names.insert(metadata(&status, "journey_id").unwrap());
    }
    assert_eq!(names.len(), 1, "{names:?}");
    names.pop_first().unwrap()
}

#[tokio::test]
async fn a_repeat_opens_the_journey_of_the_first_try() {
    for (way, prefix, last) in OPENINGS {
        let (stage, path) = (Stage::start(PATIENT, RARELY).await, format!("{prefix}{last}"));
        stage.replay.set(&path, Answer::Bytes(Bytes::from_static(REFUSAL)));
        let request = way.request();
        let journey_id = refused(&stage, &request, 10).await;
        assert_eq!(count(&stage).await, 1, "{way:?}");
        let failed = stage.until(&journey_id, |_| true).await;
        assert_eq!((failed.state(), failed.attempts.len(), failed.consents.len()), (JourneyState::Failed, 1, 1), "{way:?}");
        stage.replay.heal(&path);
        let opened = start(&stage, &request).await.unwrap();
        assert_eq!((&opened.journey_id, opened.replayed), (&journey_id, false), "{way:?}");
        let tree = stage.until(&journey_id, |_| true).await;
        assert!(tree.sequence > failed.sequence, "{way:?}: {} {}", tree.sequence, failed.sequence);
        assert_eq!((tree.attempts.len(), tree.create_time), (1, failed.create_time), "{way:?}");
        let replay = start(&stage, &request).await.unwrap();
        assert_eq!((&replay.journey_id, replay.replayed, count(&stage).await), (&journey_id, true, 1), "{way:?}");
    }
}

#[tokio::test]
async fn a_repeat_supersedes_what_its_first_try_superseded() {
    let (way, path) = (AGGREGATOR_WAY, format!("{AGGREGATOR}/init"));
    let stage = Stage::start(PATIENT, RARELY).await;
    let reference = |request: StartJourneyRequest| StartJourneyRequest { client_reference: "loan-1".to_owned(), ..request };
    stage.replay.set(&path, Answer::status(400, r#"{"success":false,"message":"no"}"#));
    let old = start(&stage, &reference(way.request())).await.unwrap_err();
    let supersedes = metadata(&old, "journey_id").unwrap();
    stage.replay.set(&path, Answer::Bytes(Bytes::from_static(REFUSAL)));
    let request = StartJourneyRequest { supersedes, ..reference(way.request()) };
    let journey_id = refused(&stage, &request, 3).await;
    stage.replay.heal(&path);
    assert_eq!(start(&stage, &request).await.unwrap().journey_id, journey_id);
}

#[tokio::test]
async fn another_body_under_a_freed_id_is_another_journey() {
    let (way, path) = (AGGREGATOR_WAY, format!("{AGGREGATOR}/init"));
    let stage = Stage::start(PATIENT, RARELY).await;
    stage.replay.set(&path, Answer::Bytes(Bytes::from_static(REFUSAL)));
    let request = way.request();
    let failed = refused(&stage, &request, 2).await;
    stage.replay.heal(&path);
    let other = StartJourneyRequest { redirect_url: "https://lender.example/other".to_owned(), ..request.clone() };
    assert_ne!(start(&stage, &other).await.unwrap().journey_id, failed);
    // The id is the other request's now.
    assert_eq!(reason(&start(&stage, &request).await.unwrap_err()), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn repeats_on_a_dead_port_leave_one_journey() {
    let world = World::with(SandboxConfig::default(), |config| {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for credential in config.tenant.providers.finpass.values_mut() {
            credential.base_url = format!("http://127.0.0.1:{port}/");
            credential.limits.breaker_failures = Some(0);
        }
    })
    .await;
    let request = AGGREGATOR_WAY.request();
    let mut names = BTreeSet::new();
    for _ in 0..20 {
        let status = world.client.clone().start_journey(request.clone()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "PROVIDER_UNAVAILABLE"));
        names.insert(metadata(&status, "journey_id").unwrap());
    }
    assert_eq!(names.len(), 1, "{names:?}");
    let list = ListJourneysRequest { page_size: 200, ..Default::default() };
    assert_eq!(world.client.clone().list_journeys(list).await.unwrap().into_inner().journeys.len(), 1);
    world.stop().await;
}
