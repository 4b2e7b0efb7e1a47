//! A refusal that is known before a write begins costs one audit row and nothing else.

use bytes::Bytes;
use sangam::{
    access::audit::{Act, AuditRow},
    pb::{
        GetStatusRequest, JourneySummary, ListJourneysRequest, ResumeCallsRequest, ResumeJourneyRequest, StartJourneyRequest,
        provider_service_client::ProviderServiceClient,
    },
};
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    harness::{PATIENCE, channel, metadata, reason},
    replay::{AGGREGATOR, ANALYSER, Answer, CONSENT, ORCHESTRATION},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, Stage, Way},
    writes::uuid,
};

const RARELY: u64 = 600_000;
const LIMITS: &str = "retry_pause_ms = 1, breaker_failures = 0";
const OPENINGS: [(Way, &str, &str); 4] = [
    (CONSENT_WAY, CONSENT, "/v3/requestconsent"),
    (ORCHESTRATION_WAY, ORCHESTRATION, "/v3/requestconsent"),
    (AGGREGATOR_WAY, AGGREGATOR, "/init"),
    (ANALYSER_WAY, ANALYSER, "/init"),
];
/// The credential takes no call for ten minutes.
const PAUSE: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 600\r\ncontent-length: 2\r\n\r\n{}";

async fn journeys(stage: &Stage) -> Vec<JourneySummary> {
    let request = ListJourneysRequest { page_size: 200, ..Default::default() };
    stage.client.clone().list_journeys(request).await.unwrap().into_inner().journeys
}

async fn start(stage: &Stage, request: &StartJourneyRequest) -> Result<sangam::pb::StartJourneyResponse, Status> {
    stage.client.clone().start_journey(request.clone()).await.map(tonic::Response::into_inner)
}

/// A caller's rows of the audit log, once there are so many. They are written behind the answer.
async fn audit_rows(stage: &Stage, count: usize) -> Vec<AuditRow> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let rows = stage.gateway.service().store().audit_rows(None, ("", "", 0), 10_000).await.unwrap();
        let rows: Vec<_> = rows.into_iter().filter(|row| row.text("act") == Act::StartJourney.word()).collect();
        if rows.len() >= count {
            return rows;
        }
        assert!(Instant::now() < give_up, "{} rows", rows.len());
        tokio::task::yield_now().await;
    }
}

/// Has the provider refuse one opening, after which the credential pauses.
async fn pause(stage: &Stage, way: Way, path: &str) {
    stage.replay.set(path, Answer::Bytes(Bytes::from_static(PAUSE)));
    let refused = stage.open(way).await.unwrap_err();
    assert_eq!(reason(&refused), "PROVIDER_RATE_LIMITED", "{refused:?}");
    stage.replay.heal(path);
}

fn assert_refused(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::ResourceExhausted, "PROVIDER_RATE_LIMITED"), "{status:?}");
    assert_eq!(metadata(status, "effect").as_deref(), Some("NONE"));
    let delay = status.get_error_details().retry_info().and_then(|info| info.retry_delay).unwrap();
    assert!((500..=600).contains(&delay.as_secs()), "{delay:?}");
}

#[tokio::test]
async fn a_foreseen_refusal_leaves_one_audit_row_and_no_journey() {
    for (way, prefix, last) in OPENINGS {
        let (stage, path) = (Stage::start(LIMITS, RARELY).await, format!("{prefix}{last}"));
        pause(&stage, way, &path).await;
        let before = (journeys(&stage).await.len(), audit_rows(&stage, 2).await.len(), stage.replay.asked(&path));
        let request = way.request();
        for _ in 0..5 {
            let refused = start(&stage, &request).await.unwrap_err();
            assert_refused(&refused);
            assert_eq!(metadata(&refused, "journey_id"), None, "{way:?}");
        }
        let rows = audit_rows(&stage, before.1 + 5).await;
        assert_eq!((journeys(&stage).await.len(), rows.len(), stage.replay.asked(&path)), (before.0, before.1 + 5, before.2));
        // The request id is not on record: another body under it is no fault.
        let other = StartJourneyRequest { redirect_url: "https://lender.example/other".to_owned(), ..request };
        assert_refused(&start(&stage, &other).await.unwrap_err());
    }
}

#[tokio::test]
async fn an_answered_request_is_replayed_during_a_pause() {
    for (way, prefix, last) in &OPENINGS[1..] {
        let (stage, path) = (Stage::start(LIMITS, RARELY).await, format!("{prefix}{last}"));
        let request = way.request();
        let opened = start(&stage, &request).await.unwrap();
        pause(&stage, *way, &path).await;
        let replay = start(&stage, &request).await.unwrap();
        assert_eq!((replay.replayed, replay.journey_id), (true, opened.journey_id), "{way:?}");
    }
}

#[tokio::test]
async fn wrong_fields_are_refused_as_such_during_a_pause() {
    let stage = Stage::start(LIMITS, RARELY).await;
    pause(&stage, CONSENT_WAY, &format!("{CONSENT}/v3/requestconsent")).await;
    let mut request = CONSENT_WAY.request();
    request.consents[0].template = "NOSUCH".to_owned();
    assert_eq!(start(&stage, &request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_foreseen_refusal_of_a_resume_changes_no_journey() {
    let (way, path) = (AGGREGATOR_WAY, format!("{AGGREGATOR}/init"));
    // Nothing else moves the journey meanwhile.
    let stage = Stage::with(LIMITS, RARELY, |config| config.poller.first_ms = RARELY).await;
    let journey_id = stage.open(way).await.unwrap().journey_id;
    pause(&stage, way, &path).await;
    let mut client = stage.client.clone();
    let status = GetStatusRequest { journey_id: journey_id.clone() };
    let before = client.get_status(status.clone()).await.unwrap().into_inner().journey;
    let resume = ResumeJourneyRequest { request_id: uuid(), journey_id: journey_id.clone(), ..Default::default() };
    for _ in 0..3 {
        let refused = client.resume_journey(resume.clone()).await.unwrap_err();
        assert_refused(&refused);
        assert_eq!(metadata(&refused, "journey_id").as_ref(), Some(&journey_id));
    }
    assert_eq!(client.get_status(status).await.unwrap().into_inner().journey, before);
}

#[tokio::test]
async fn an_operator_resumes_the_calls_of_one_credential() {
    let (way, path) = (AGGREGATOR_WAY, format!("{AGGREGATOR}/init"));
    let stage = Stage::start(LIMITS, RARELY).await;
    pause(&stage, way, &path).await;
    pause(&stage, CONSENT_WAY, &format!("{CONSENT}/v3/requestconsent")).await;
    let mut providers = ProviderServiceClient::new(channel(&stage.gateway).await);
    let mut resume = async |provider: &str, credential: &str| {
        let request = ResumeCallsRequest { provider: provider.to_owned(), credential: credential.to_owned() };
        providers.resume_calls(request).await.map(|answer| answer.into_inner().credentials)
    };
    assert_eq!(resume("finpass", "").await.unwrap(), ["main"]);
    assert_eq!(resume("finpass", "main").await.unwrap(), [""; 0]);
    stage.open(way).await.unwrap();
    // The other provider's pause lasts.
    assert_refused(&stage.open(CONSENT_WAY).await.unwrap_err());
    assert_eq!(reason(&resume("nosuch", "").await.unwrap_err()), "UNKNOWN_PROVIDER");
    assert_eq!(reason(&resume("finpro", "nosuch").await.unwrap_err()), "INVALID_FIELDS");
}

#[tokio::test]
async fn a_full_concurrency_limit_is_foreseen_while_no_call_ends() {
    let (way, path) = (AGGREGATOR_WAY, format!("{AGGREGATOR}/init"));
    let stage = Stage::start("retry_pause_ms = 1, breaker_failures = 0, concurrency = 1", RARELY).await;
    stage.replay.set(&path, Answer::Held);
    let mut holder = stage.client.clone();
    let held = tokio::spawn(async move { holder.start_journey(way.request()).await });
    stage.replay.until_asked(&path, 1).await;
    let refused = async || {
        let mut request = tonic::Request::new(way.request());
        request.set_timeout(std::time::Duration::from_secs(4));
        let status = stage.client.clone().start_journey(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "PROVIDER_RATE_LIMITED"), "{status:?}");
        assert_eq!(metadata(&status, "effect").as_deref(), Some("NONE"));
        assert!(status.get_error_details().retry_info().is_some_and(|info| info.retry_delay.is_some()));
        status
    };
    // The first one waits for a part of its time; from then on it is known that no call ends.
    refused().await;
    let before = (journeys(&stage).await.len(), audit_rows(&stage, 3).await.len());
    for _ in 0..5 {
        assert_eq!(metadata(&refused().await, "journey_id"), None);
    }
    let rows = audit_rows(&stage, before.1 + 5).await.len();
    assert_eq!((journeys(&stage).await.len(), rows, stage.replay.asked(&path)), (before.0, before.1 + 5, 1));
    held.abort();
}
