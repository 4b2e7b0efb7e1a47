//! What only a signed message holds reaches its journey: pushed data as a fetch, uploaded statements as rows of the attempt.

use sangam::{
    pb::{self, FactSource, FetchState, JourneyState, Product, View},
    sandbox::credentials::{FINPRO_CONSENT, FINPRO_ORCHESTRATION, FinProCredential},
};
use serde_json::{Value, json};

use super::{attempt_id, event, inbox, quiet, signed, until_applied};
use crate::harness::{World, data_request, start_request};

/// A journey of customer 01 whose approval the gateway knows; with FinPro's id of its consent.
async fn approved(world: &World) -> (String, String) {
    let journey_id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let attempt = attempt_id(&world.status(&journey_id).await);
    signed(world, &FINPRO_CONSENT, &event(&attempt, "CONSENT_APPROVED", 1)).await;
    world.until_settled(&journey_id).await;
    let tree = world.gateway.service().store().journey("demo", &journey_id).await.unwrap().unwrap().journey;
    (journey_id, tree.consents[0].provider_ref.clone().unwrap())
}

/// The accounts of the documented answer of getallfidata as FinPro pushes them.
fn push(consent: &str, number: usize) -> String {
    let documented: Value = serde_json::from_str(include_str!("../documented/finpro_data.json")).unwrap();
    json!({
        "eventType": "DATA_EXT", "eventStatus": "DATA_PUSH", "consentId": consent, "eventMessage": format!("number {number}"),
        "data": documented["data"], "linkRefNumbers": [{"linkRefNumber": "l-1", "fiStatus": "READY", "fipId": "testbank"}],
    })
    .to_string()
}

fn pushed(journey: &pb::Journey) -> Vec<&pb::Fetch> {
    let fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
    fetches.filter(|fetch| fetch.evidence.as_ref().is_some_and(|why| why.provider_text == "DATA_PUSH")).collect()
}

async fn send(world: &World, credential: &FinProCredential, body: &str) {
    assert!(signed(world, credential, body).await.is_success());
    until_applied(world).await;
}

#[tokio::test]
async fn pushed_data_become_a_fetch_that_is_served() {
    let world = quiet().await;
    let (journey_id, consent) = approved(&world).await;
    send(&world, &FINPRO_CONSENT, &push(&consent, 1)).await;
    let journey = world.until(&journey_id, |journey| pushed(journey).iter().any(|fetch| fetch.pick_up_time.is_some())).await;
    let [fetch] = pushed(&journey).try_into().unwrap();
    assert_eq!((fetch.state(), fetch.settled), (FetchState::Ready, true));
    assert_eq!(fetch.evidence.as_ref().unwrap().source(), FactSource::Webhook);
    assert_eq!(fetch.accounts[0].source(), FactSource::Webhook);
    let mut request = data_request(&journey_id, View::Masked);
    request.fetch_id.clone_from(&fetch.fetch_id);
    let (accounts, transactions) = world.data(request).await.unwrap();
    assert!(!accounts.is_empty() && !transactions.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn pushed_data_of_a_stranger_bring_nothing() {
    let world = quiet().await;
    let (journey_id, consent) = approved(&world).await;
    let other = push("a-consent-of-another-journey", 1);
    let attempt = attempt_id(&world.status(&journey_id).await);
    let named = other.replace("\"eventType\"", &format!("\"accountID\":\"{attempt}\",\"eventType\""));
    send(&world, &FINPRO_CONSENT, &named).await;
    assert!(pushed(&world.status(&journey_id).await).is_empty());
    // The same journey takes what its own consent brings.
    send(&world, &FINPRO_CONSENT, &push(&consent, 2)).await;
    world.until(&journey_id, |journey| pushed(journey).len() == 1).await;
    world.stop().await;
}

#[tokio::test]
async fn pushed_data_of_a_revoked_consent_are_not_kept() {
    let world = quiet().await;
    let (journey_id, consent) = approved(&world).await;
    let request_id = uuid::Uuid::new_v4().to_string();
    let journey = journey_id.clone();
    let revoke = pb::RevokeConsentRequest { request_id, journey_id: journey, all_consents: true, ..Default::default() };
    world.client.clone().revoke_consent(revoke).await.unwrap();
    send(&world, &FINPRO_CONSENT, &push(&consent, 1)).await;
    let journey = world.status(&journey_id).await;
    assert_eq!((journey.state(), pushed(&journey).len()), (JourneyState::Revoked, 0));
    let store = world.gateway.service().store();
    for message in inbox(&world).await {
        let body = store.message_body(&message).await.unwrap();
        let kept = body.is_some_and(|body| body.windows(9).any(|word| word == b"DATA_PUSH"));
        assert!(!kept || message.purge_at <= jiff::Timestamp::now(), "{message:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn uploaded_statements_of_a_message_are_shown_once() {
    let world = quiet().await;
    let request = start_request("finpro", "orchestration", "01", &[Product::Data]);
    let journey_id = world.client.clone().start_journey(request).await.unwrap().into_inner().journey_id;
    let attempt = attempt_id(&world.status(&journey_id).await);
    for number in [1, 2] {
        let body = json!({
            "eventType": "JOURNEY_COMPLETE", "eventStatus": "SUCCESS", "accountID": attempt, "eventMessage": number,
            "eventData": [{"type": "PDF", "status": "SUCCESS", "accounts": [{"maskedAccountNumber": "10000000001",
                "bankName": "idfc", "accountType": "saving", "startDate": "02-09-2025", "endDate": "28-02-2026"}]}],
        });
        send(&world, &FINPRO_ORCHESTRATION, &body.to_string()).await;
    }
    let journey = world.until(&journey_id, |journey| !journey.attempts[0].statements.is_empty()).await;
    let [statement] = journey.attempts[0].statements.as_slice() else { panic!("{:?}", journey.attempts[0].statements) };
    assert_eq!((statement.institution.as_str(), statement.masked_number.as_str()), ("idfc", "XXXX0001"));
    let day = |year, month, day| Some(pb::Date { year, month, day });
    assert_eq!(statement.range, Some(pb::DateRange { from: day(2025, 9, 2), to: day(2026, 2, 28) }));
    assert_eq!(statement.source(), FactSource::Webhook);
    assert!(statement.as_of.is_some());
    world.stop().await;
}
