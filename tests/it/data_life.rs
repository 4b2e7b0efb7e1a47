//! Until when data may be kept: the shortest of the provider's date, the template's data life and the configured one; the tenant's
//! assumption where none of them is known. One test for each source, in each style.

use sangam::{
    config::Config,
    pb::{Certainty, Fetch},
};

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
