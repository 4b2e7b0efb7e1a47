//! Until when data may be kept: the shortest of the provider's date, the template's data life and the configured one; the tenant's
//! assumption where none of them is known. One test for each source, in each style.

use sangam::{
    config::Config,
    pb::{self, Certainty, ConsentMode, Fetch, View, get_evidence_response::Part},
    providers::finpro::Mode,
};
use tonic::Code;

use crate::{
    partial_reads::by_aggregator,
    replay::{Answer, CONSENT, ORCHESTRATION, documented},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

const RARELY: u64 = 600_000;
/// When the documented session was fetched.
const FETCHED: &str = "2025-03-24T17:52:03Z";
const DAY: i64 = 86_400;

fn template(stage: &Stage, prefix: &str, unit: &str, value: u32) {
    let path = format!("{prefix}/productslist");
    let unit = format!("\"dataLifeUnit\": \"{unit}\"");
    let body = documented(&path).replace("\"dataLifeUnit\": \"DAY\"", &unit);
    let body = body.replace("\"dataLifeValue\": 1", &format!("\"dataLifeValue\": {value}"));
    stage.replay.set(&path, Answer::json(body));
}

fn session_date(stage: &Stage, date: &str) {
    let path = format!("{CONSENT}/consent/firequest/status");
    stage.replay.set(&path, Answer::json(documented(&path).replace("2025-03-25T17:52:03.000Z", date)));
}

fn configured(credential: &'static str, days: u32) -> impl FnOnce(&mut Config) {
    move |config: &mut Config| {
        let finpro = config.tenant.providers.finpro.get_mut(credential).unwrap();
        finpro.templates.entry("PROD01".to_owned()).or_default().data_life_days = Some(days);
    }
}

async fn fetch(stage: &Stage, way: Way) -> Fetch {
    let journey_id = stage.ready(way).await;
    let journey = stage.until(&journey_id, |_| true).await;
    journey.consents.iter().flat_map(|consent| &consent.fetches).next().unwrap().clone()
}

/// Days from the fetch to its data's end.
async fn by_consent(stage: &Stage) -> (i64, Certainty) {
    let fetch = fetch(stage, CONSENT_WAY).await;
    let fetched: jiff::Timestamp = FETCHED.parse().unwrap();
    let certainty = fetch.data_expire_certainty();
    ((fetch.data_expire_time.unwrap().seconds - fetched.as_second()) / DAY, certainty)
}

/// Days from the request of a fetch to its data's end.
async fn since_request(stage: &Stage, way: Way) -> (i64, Certainty) {
    let fetch = fetch(stage, way).await;
    let certainty = fetch.data_expire_certainty();
    ((fetch.data_expire_time.unwrap().seconds - fetch.request_time.unwrap().seconds) / DAY, certainty)
}

#[tokio::test]
async fn the_providers_date_counts_where_it_is_the_shortest() {
    let stage = Stage::with(PATIENT, RARELY, configured("consent", 9)).await;
    template(&stage, CONSENT, "DAY", 5);
    assert_eq!(by_consent(&stage).await, (1, Certainty::Provider));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn the_templates_life_counts_where_it_is_the_shortest() {
    let stage = Stage::with(PATIENT, RARELY, configured("consent", 9)).await;
    template(&stage, CONSENT, "DAY", 2);
    session_date(&stage, "2025-05-24T17:52:03.000Z");
    assert_eq!(by_consent(&stage).await, (2, Certainty::Template));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn the_configured_life_counts_where_it_is_the_shortest() {
    let stage = Stage::with(PATIENT, RARELY, configured("consent", 3)).await;
    template(&stage, CONSENT, "MONTH", 1);
    session_date(&stage, "2025-05-24T17:52:03.000Z");
    assert_eq!(by_consent(&stage).await, (3, Certainty::Assumed));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn the_assumption_counts_where_nothing_is_known() {
    let stage = Stage::start(PATIENT, RARELY).await;
    template(&stage, CONSENT, "INF", 0);
    session_date(&stage, "");
    assert_eq!(since_request(&stage, CONSENT_WAY).await, (30, Certainty::Assumed));
    for way in [AGGREGATOR_WAY, ANALYSER_WAY] {
        assert_eq!(since_request(&stage, way).await, (30, Certainty::Assumed), "{way:?}");
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn an_orchestrated_fetch_lives_by_its_template_and_configuration() {
    for (days, life, expected) in [
        (9, ("DAY", 2), (2, Certainty::Template)),
        (3, ("MONTH", 1), (3, Certainty::Assumed)),
        (4, ("INF", 0), (4, Certainty::Assumed)),
    ] {
        let stage = Stage::with(PATIENT, RARELY, configured("orchestration", days)).await;
        template(&stage, ORCHESTRATION, life.0, life.1);
        stage.replay.set(&format!("{ORCHESTRATION}/transaction/status"), Answer::json(by_aggregator()));
        assert_eq!(since_request(&stage, ORCHESTRATION_WAY).await, expected, "{life:?}");
        stage.gateway.stop().await;
    }
    let stage = Stage::start(PATIENT, RARELY).await;
    template(&stage, ORCHESTRATION, "INF", 0);
    stage.replay.set(&format!("{ORCHESTRATION}/transaction/status"), Answer::json(by_aggregator()));
    assert_eq!(since_request(&stage, ORCHESTRATION_WAY).await, (30, Certainty::Assumed));
    stage.gateway.stop().await;
}

/// Until when the provider's own bytes of a journey's fetch are kept.
async fn kept_until(stage: &Stage, journey_id: &str) -> i64 {
    let request = pb::GetEvidenceRequest { journey_id: journey_id.to_owned(), ..Default::default() };
    let mut stream = stage.client.clone().get_evidence(request).await.unwrap().into_inner();
    match stream.message().await.unwrap().unwrap().part.unwrap() {
        Part::Head(head) => head.purge_time.unwrap().seconds,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_end_that_moves_after_the_pick_up_moves_what_is_kept() {
    let stage = Stage::with(PATIENT, 20, |config| config.tenant.retain_evidence = true).await;
    template(&stage, CONSENT, "INF", 0);
    session_date(&stage, "2025-05-24T17:52:03.000Z");
    let journey_id = stage.ready(CONSENT_WAY).await;
    stage.data(&journey_id, View::Full).await.unwrap();
    let second = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(kept_until(&stage, &journey_id).await, second("2025-05-24T17:52:03Z"));
    for (date, kept) in [
        ("2025-03-27T00:00:00.000Z", "2025-03-27T00:00:00Z"),
        // A later date does not bring back what was promised to end.
        ("2025-03-28T00:00:00.000Z", "2025-03-27T00:00:00Z"),
    ] {
        session_date(&stage, date);
        let shown = second(date);
        stage.clock.advance(2);
        stage
            .until(&journey_id, |journey| {
                let fetch = &journey.consents[0].fetches[0];
                fetch.data_expire_time.is_some_and(|end| end.seconds == shown)
            })
            .await;
        assert_eq!(kept_until(&stage, &journey_id).await, second(kept), "{date}");
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_template_that_shortens_its_life_moves_what_is_kept() {
    let stage = Stage::with(PATIENT, 20, |config| config.tenant.retain_evidence = true).await;
    template(&stage, CONSENT, "MONTH", 1);
    session_date(&stage, "2025-05-24T17:52:03.000Z");
    let journey_id = stage.ready(CONSENT_WAY).await;
    stage.data(&journey_id, View::Full).await.unwrap();
    let before = kept_until(&stage, &journey_id).await;
    template(&stage, CONSENT, "DAY", 2);
    stage.clock.advance(2);
    let fetched: jiff::Timestamp = FETCHED.parse().unwrap();
    let shorter = fetched.as_second() + 2 * DAY;
    assert!(before > shorter);
    stage
        .until(&journey_id, |journey| journey.consents[0].fetches[0].data_expire_time.is_some_and(|end| end.seconds == shorter))
        .await;
    assert_eq!(kept_until(&stage, &journey_id).await, shorter);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn nothing_is_kept_before_the_list_tells_the_mode() {
    let stage = Stage::start(PATIENT, 20).await;
    let path = format!("{CONSENT}/productslist");
    stage.replay.set(&path, Answer::status(503, "{}"));
    let journey_id = stage.ready(CONSENT_WAY).await;
    let refused = stage.data(&journey_id, View::Full).await.unwrap_err();
    assert_eq!((refused.code(), crate::harness::reason(&refused)), (Code::FailedPrecondition, "DATA_NOT_READY".to_owned()));
    let journey = stage.until(&journey_id, |_| true).await;
    assert_eq!(journey.consents[0].mode(), ConsentMode::Unspecified);
    assert_eq!(stage.replay.asked(&format!("{CONSENT}/getallfidata")), 0);
    stage.replay.set(&path, Answer::json(documented(&path)));
    stage.until(&journey_id, |journey| journey.consents[0].mode() == ConsentMode::Store).await;
    assert!(!stage.data(&journey_id, View::Full).await.unwrap().accounts.is_empty());
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_configured_life_stands_for_a_list_that_cannot_be_read() {
    let stage = Stage::with(PATIENT, 20, configured("consent", 3)).await;
    assert_kept_without_a_list(&stage).await;
}

#[tokio::test]
async fn a_configured_mode_stands_for_a_list_that_cannot_be_read() {
    let stage = Stage::with(PATIENT, 20, |config| {
        let finpro = config.tenant.providers.finpro.get_mut("consent").unwrap();
        finpro.templates.entry("PROD01".to_owned()).or_default().mode = Some(Mode::Store);
    });
    assert_kept_without_a_list(&stage.await).await;
}

async fn assert_kept_without_a_list(stage: &Stage) {
    stage.replay.set(&format!("{CONSENT}/productslist"), Answer::status(503, "{}"));
    let journey_id = stage.ready(CONSENT_WAY).await;
    assert!(!stage.data(&journey_id, View::Full).await.unwrap().accounts.is_empty());
}
