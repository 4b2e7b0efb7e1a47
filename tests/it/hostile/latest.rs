//! Asking for the latest data, which a provider gives once: whatever it answers, it is not asked again for the same request unless it
//! surely did nothing.

use sangam::{
    config::FairUseMode,
    pb::{ChangesMode, FetchChangesRequest, FetchChangesResponse, View},
};
use tonic::Status;

use super::{all_cases, assert_clean, assert_told, capture};
use crate::{
    harness::{metadata, reason},
    hostile_server::{Case, silent, unusable},
    replay::{Answer, CONSENT, documented},
    stage::{CONSENT_WAY, PATIENT, STRICT, Stage},
};

const RARELY: u64 = 600_000;

fn path() -> String {
    format!("{CONSENT}/getalllatestfidata")
}

/// A journey whose consent is periodic.
async fn periodic(limits: &str) -> (Stage, String) {
    // The documented template is for one fetch; as a periodic one it is none that fair use allows for its purpose.
    let stage = Stage::with(limits, RARELY, |config| config.tenant.fair_use.mode = FairUseMode::Report).await;
    let list = format!("{CONSENT}/productslist");
    stage.replay.set(&list, Answer::json(documented(&list).replace("ONETIME", "PERIODIC")));
    let journey_id = stage.ready(CONSENT_WAY).await;
    (stage, journey_id)
}

fn request(journey_id: &str) -> FetchChangesRequest {
    FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        mode: ChangesMode::Provider.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        view: View::Full.into(),
        ..Default::default()
    }
}

async fn page(stage: &Stage, request: &FetchChangesRequest) -> Result<FetchChangesResponse, Status> {
    stage.client.clone().fetch_changes(request.clone()).await.map(tonic::Response::into_inner)
}

async fn one_case(stage: &Stage, journey_id: &str, case: &Case) {
    let asked = stage.replay.asked(&path());
    stage.replay.set(&path(), case.answer.clone());
    let request = request(journey_id);
    let first = page(stage, &request).await;
    assert_eq!(stage.replay.asked(&path()), asked + 1, "{}: sent once", case.name);
    stage.replay.heal(&path());
    let again = page(stage, &request).await;
    let asked_again = stage.replay.asked(&path()) - asked - 1;
    match first {
        Err(status) => {
            assert_told(case, &status);
            if metadata(&status, "effect").as_deref() == Some("NONE") {
                return;
            }
            assert_eq!(asked_again, 0, "{}: what may be lost is not asked for again", case.name);
            let said = reason(&again.expect_err(&case.name));
            assert!(said == "OUTCOME_UNKNOWN" || said == reason(&status), "{}: {said}", case.name);
        }
        // A body whose frame is right is read as far as it goes.
        Ok(answer) => {
            assert!(!unusable(&path()).iter().any(|unusable| unusable.name == case.name), "{} was served", case.name);
            assert_eq!((asked_again, again.unwrap().replayed), (0, true), "{}", case.name);
            assert_clean(&case.name, &format!("{:?}", answer.counts));
        }
    }
}

#[tokio::test]
async fn the_latest_data_survives_every_answer_and_is_asked_for_once() {
    capture::watch();
    let (stage, journey_id) = periodic(PATIENT).await;
    for case in all_cases(&path()) {
        one_case(&stage, &journey_id, &case).await;
    }
    assert_eq!(stage.replay.asked("/stolen"), 0, "a redirect was followed");
    stage.assert_serving().await;
}

#[tokio::test]
async fn silence_instead_of_the_latest_data_loses_it() {
    let (stage, journey_id) = periodic(STRICT).await;
    for case in silent() {
        one_case(&stage, &journey_id, &case).await;
    }
    stage.assert_serving().await;
}

#[tokio::test]
async fn the_documented_answers_are_read() {
    let (stage, journey_id) = periodic(PATIENT).await;
    let answer = page(&stage, &request(&journey_id)).await.unwrap();
    assert_eq!((answer.accounts.len(), answer.transactions.len()), (1, 2));
    let whole = stage.data(&journey_id, View::Full).await.unwrap();
    assert!(answer.transactions.iter().map(|one| one.after.clone().unwrap()).eq(whole.transactions));
    let refused = |code: &str, text: &str| format!(r#"{{"ver":"1.21.0","errorCode":"{code}","errorMsg":"{text}"}}"#);
    for status in [200, 400, 404] {
        stage.replay.set(&path(), Answer::status(status, refused("NoIncrementalData", "No new data available")));
        let nothing = page(&stage, &request(&journey_id)).await.unwrap();
        assert_eq!((nothing.accounts.len(), nothing.transactions.len()), (0, 0), "{status}");
    }
    stage.replay.set(&path(), Answer::status(400, refused("ConsentNotActive", "Consent is not active")));
    let ended = page(&stage, &request(&journey_id)).await.unwrap_err();
    assert_eq!(
        (reason(&ended).as_str(), metadata(&ended, "provider_code").as_deref()),
        ("CONSENT_NOT_ACTIVE", Some("ConsentNotActive"))
    );
    stage.gateway.stop().await;
}
