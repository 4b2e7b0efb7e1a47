//! What counts as a provider's receipt of a withdrawal or a deletion: its documented word, and nothing else that comes with HTTP 200.

use sangam::pb::{self, ProviderDelivery, RevokeConsentRequest};

use crate::{
    replay::{Answer, CONSENT},
    stage::{CONSENT_WAY, PATIENT, Stage},
    writes::{purge, revoke},
};

const OFTEN: u64 = 20;
const DONE: &str = r#"{"ver":"1.21.0","status":"success","message":"Successfully revoked."}"#;

/// So many answers without a word make a delivery FAILED.
const TRIES: usize = 8;

fn path(last: &str) -> String {
    format!("{CONSENT}{last}")
}

/// Revokes a fresh journey while the provider answers this.
async fn revoked(stage: &Stage, answer: Answer) -> String {
    stage.replay.set(&path("/revokeconsent"), answer);
    let journey_id = stage.ready(CONSENT_WAY).await;
    let request: RevokeConsentRequest = revoke(&journey_id);
    stage.client.clone().revoke_consent(request).await.unwrap();
    journey_id
}

async fn until_revocation(stage: &Stage, journey_id: &str, wanted: ProviderDelivery) -> pb::Journey {
    stage.until(journey_id, |journey| journey.consents[0].revocation() == wanted).await
}

#[tokio::test]
async fn an_answer_without_a_word_is_asked_again_then_failed() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    for body in [
        "{}",
        r#"{"ver":1,"status":["success"],"data":"surprise"}"#,
        r#"{"data":"surprise"}"#,
        r#"{"status":"PENDING"}"#,
        r#"{"status":"IN_PROGRESS"}"#,
        r#"{"status":"success","data":{"status":"PENDING"}}"#,
    ] {
        let before = stage.replay.asked(&path("/revokeconsent"));
        let journey_id = revoked(&stage, Answer::json(body)).await;
        until_revocation(&stage, &journey_id, ProviderDelivery::Failed).await;
        assert_eq!(stage.replay.asked(&path("/revokeconsent")) - before, TRIES, "{body}");
        // An operator has mended it: a further call sends it again.
        stage.replay.set(&path("/revokeconsent"), Answer::json(DONE));
        stage.client.clone().revoke_consent(revoke(&journey_id)).await.unwrap();
        until_revocation(&stage, &journey_id, ProviderDelivery::Done).await;
    }
    stage.gateway.stop().await;
}

async fn overdue(stage: &Stage) -> pb::ListOverdueResponse {
    stage.client.clone().list_overdue(pb::ListOverdueRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_failed_revocation_is_overdue_until_confirmed() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let refused = r#"{"ver":"1.21.0","errorCode":"InvalidConsentId","errorMsg":"Consent ID does not exist.","status":"FP0034"}"#;
    let journey_id = revoked(&stage, Answer::status(400, refused)).await;
    let journey = until_revocation(&stage, &journey_id, ProviderDelivery::Failed).await;
    let listed = overdue(&stage).await;
    let [item] = listed.items.as_slice() else { panic!("{listed:?}") };
    assert_eq!((item.kind(), item.provider()), (pb::KeptKind::ConsentAtProvider, ProviderDelivery::Failed));
    assert_eq!((&item.journey_id, &item.consent_id), (&journey_id, &journey.consents[0].consent_id));
    assert_eq!(listed.total_count, 1);
    assert!(item.purge_time.is_some());
    stage.replay.set(&path("/revokeconsent"), Answer::json(DONE));
    stage.client.clone().revoke_consent(revoke(&journey_id)).await.unwrap();
    until_revocation(&stage, &journey_id, ProviderDelivery::Done).await;
    assert_eq!(overdue(&stage).await, pb::ListOverdueResponse::default());
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_failed_deletion_is_overdue() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    stage.replay.set(&path("/fidata"), Answer::status(400, r#"{"errorCode":"InvalidConsentId","status":"FP0034"}"#));
    let journey_id = stage.ready(CONSENT_WAY).await;
    let journey = stage.until(&journey_id, |journey| journey.consents[0].fetches[0].pick_up_time.is_some()).await;
    stage.client.clone().purge_data(purge(&journey_id, &journey.consents[0].consent_id)).await.unwrap();
    stage.until(&journey_id, |journey| journey.consents[0].data_deletion() == ProviderDelivery::Failed).await;
    let listed = overdue(&stage).await;
    let kinds: Vec<_> = listed.items.iter().map(|item| (item.kind(), item.provider())).collect();
    assert_eq!(kinds, [(pb::KeptKind::DataAtProvider, ProviderDelivery::Failed)]);
    stage.gateway.stop().await;
}

#[tokio::test]
async fn an_unreached_provider_is_overdue_after_an_hour() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let journey_id = revoked(&stage, Answer::status(503, "{}")).await;
    stage.replay.until_asked(&path("/revokeconsent"), 1).await;
    assert_eq!(overdue(&stage).await, pb::ListOverdueResponse::default());
    stage.clock.turn(jiff::SignedDuration::from_secs(3_601));
    let listed = overdue(&stage).await;
    let [item] = listed.items.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&item.journey_id, item.provider()), (&journey_id, ProviderDelivery::Pending));
    stage.gateway.stop().await;
}

#[tokio::test]
async fn work_in_progress_is_asked_again_until_the_word_comes() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let before = stage.replay.asked(&path("/revokeconsent"));
    let journey_id = revoked(&stage, Answer::status(202, r#"{"status":"success","data":{"status":"IN_PROGRESS"}}"#)).await;
    stage.replay.until_asked(&path("/revokeconsent"), before + 2).await;
    let already = r#"{"ver":"1.21.0","errorCode":"InvalidStatus","errorMsg":"Consent ID is already in REVOKED state"}"#;
    stage.replay.set(&path("/revokeconsent"), Answer::status(400, already));
    until_revocation(&stage, &journey_id, ProviderDelivery::Done).await;
    stage.gateway.stop().await;
}

#[tokio::test]
async fn an_outage_is_waited_out_however_long_it_takes() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    let before = stage.replay.asked(&path("/revokeconsent"));
    let journey_id = revoked(&stage, Answer::status(503, "{}")).await;
    stage.replay.until_asked(&path("/revokeconsent"), before + TRIES).await;
    stage.replay.set(&path("/revokeconsent"), Answer::json(DONE));
    until_revocation(&stage, &journey_id, ProviderDelivery::Done).await;
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_deletion_needs_the_word_inside_the_envelope() {
    let stage = Stage::start(PATIENT, OFTEN).await;
    for (body, wanted) in [
        (r#"{"status":"success","data":{"status":"SUCCESS","message":"FI data deleted successfully"}}"#, ProviderDelivery::Done),
        (r#"{"status":"success","data":{"status":"IN_PROGRESS"}}"#, ProviderDelivery::Failed),
        (r#"{"status":"success","data":"surprise"}"#, ProviderDelivery::Failed),
        ("{}", ProviderDelivery::Failed),
    ] {
        stage.replay.set(&path("/fidata"), Answer::json(body));
        let journey_id = stage.ready(CONSENT_WAY).await;
        let journey = stage.until(&journey_id, |journey| journey.consents[0].fetches[0].pick_up_time.is_some()).await;
        stage.client.clone().purge_data(purge(&journey_id, &journey.consents[0].consent_id)).await.unwrap();
        let told = |journey: &pb::Journey| journey.consents[0].data_deletion() == wanted;
        stage.until(&journey_id, told).await;
    }
    stage.gateway.stop().await;
}
