use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    journey::model::{ConsentState, FetchState, InstitutionHealth},
    providers::{finpro::testing, http::CallKind, provider::ConsentFact},
};

fn seen(body: &Value) -> Observation {
    let response = testing::response(200, &body.to_string());
    let consent = testing::consent("PROD01");
    read(testing::origin(CallKind::Read), &response, "t", &[&consent]).unwrap()
}

fn transaction(status: &str, steps: Value) -> Value {
    json!({"status":status,"transaction_id":"t","message":null,"data":steps})
}

fn aa(status: &str, consent: &str, fetch: &str) -> Value {
    json!({"type":"aa","status":status,"data":{"fips":[{"fip":"FIP-A","status":status}],"consents":[{"consentHandle":"h","consentId":"c",
        "consentStatus":consent,"productId":"PROD01","dataFetchStatus":fetch,
        "accounts":[{"linkRefNumber":"l","fiStatus":"DELIVERED","fipID":"FIP-A","maskedAccountNumber":"XXXXXXXX1234"}]}]}})
}

fn pdf(status: &str, expected: i64, uploaded: i64) -> Value {
    json!({"type":"pdf","status":status,"data":{"expected_fips":["FIP-B","FIP-A"],"total_expected":expected,"uploaded":uploaded,
        "processed":uploaded,"fetched":uploaded}})
}

fn fetches(observation: &Observation) -> Vec<(bool, FetchState, bool)> {
    let of = |consent: &ConsentFact| {
        consent.fetches.iter().map(|fetch| (consent.uploaded, fetch.state, fetch.settled)).collect::<Vec<_>>()
    };
    observation.consents.iter().flat_map(of).collect()
}

#[test]
fn the_documented_fallback_is_read() {
    let steps = json!([
        {"type":"health_check","status":"SUCCESSFUL","data":{"healthy_fips":["FIP-A"],"unhealthy_fips":["FIP-B"],
         "fip_decisions":[{"fip":"FIP-A","decision":"FIP_HEALTHY"},{"fip":"FIP-B","decision":"FIP_UNHEALTHY"}]}},
        aa("FAILED", "CONSENT_APPROVED", "FAILED"), pdf("SUCCESSFUL", 2, 1),
        {"type":"analytics","status":"SUCCESSFUL"},{"type":"smart_routing_decision","status":"SUCCESSFUL","data":{"route":"PDF"}}]);
    let observation = seen(&transaction("SUCCESSFUL", steps));
    let attempt = observation.attempt.as_ref().unwrap();
    assert_eq!((attempt.state, attempt.aa, attempt.skipped), (AttemptState::Done, StepState::Failed, false));
    assert_eq!(
        attempt.pdf,
        Some(PdfProgress { state: StepState::Successful, expected: 2, uploaded: 1, processed: 1, fetched: 1 })
    );
    let steps: Vec<_> = attempt.steps.iter().map(|step| (step.kind.as_str(), step.state, step.text.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("HEALTH_CHECK", StepState::Successful, "SUCCESSFUL"),
            ("AA", StepState::Failed, "FAILED"),
            ("PDF", StepState::Successful, "SUCCESSFUL"),
            ("ANALYTICS", StepState::Successful, "SUCCESSFUL"),
            ("SMART_ROUTING_DECISION", StepState::Successful, "SUCCESSFUL"),
        ]
    );
    assert_eq!(attempt.route.as_deref(), Some("PDF"));
    let names: Vec<_> = attempt.institutions.iter().map(|row| (row.fip.as_str(), row.health, row.aa)).collect();
    assert_eq!(
        names,
        [
            ("FIP-A", InstitutionHealth::Healthy, StepState::Failed),
            ("FIP-B", InstitutionHealth::Unhealthy, StepState::Unspecified)
        ]
    );
    assert_eq!(fetches(&observation), [(false, FetchState::Failed, true), (true, FetchState::Partial, true)]);
    let stand_in = observation.consents.last().unwrap();
    assert_eq!((stand_in.template.as_deref(), stand_in.text.as_str()), (Some(""), "PDF"));
}

#[test]
fn every_mix_of_steps_has_its_facts() {
    use FetchState::*;
    type Fetches = Vec<(bool, FetchState, bool)>;
    let rows: Vec<(&str, Value, AttemptState, bool, Fetches)> = vec![
        (
            "SUCCESSFUL",
            json!([aa("SUCCESSFUL", "CONSENT_APPROVED", "SUCCESS")]),
            AttemptState::Done,
            false,
            vec![(false, Ready, true)],
        ),
        ("SUCCESS", json!([aa("SUCCESS", "CONSENT_APPROVED", "SUCCESS")]), AttemptState::Done, false, vec![(false, Ready, true)]),
        (
            "SUCCESSFUL",
            json!([aa("SUCCESSFUL", "CONSENT_APPROVED", "NO_DATA")]),
            AttemptState::Done,
            false,
            vec![(false, Empty, true)],
        ),
        (
            "SUCCESSFUL",
            json!([aa("FAILED", "CONSENT_REJECTED", "NOT_ATTEMPTED"), pdf("SUCCESSFUL", 2, 2)]),
            AttemptState::Done,
            false,
            vec![(true, Ready, true)],
        ),
        (
            "SUCCESSFUL",
            json!([aa("SUCCESSFUL", "CONSENT_APPROVED", "SUCCESS"), pdf("PARTIAL", 2, 1)]),
            AttemptState::Done,
            false,
            vec![(false, Partial, true)],
        ),
        ("SUCCESSFUL", json!([]), AttemptState::Done, false, vec![(false, Ready, true)]),
        (
            "SUCCESSFUL",
            json!([{"type":"smart_routing_decision","data":{"route":"PDF"}}]),
            AttemptState::Done,
            false,
            vec![(true, Ready, true)],
        ),
        ("IN_PROGRESS", json!([]), AttemptState::AwaitingCustomer, false, vec![]),
        (
            "IN_PROGRESS",
            json!([aa("IN_PROGRESS", "CONSENT_APPROVED", "PENDING")]),
            AttemptState::AwaitingCustomer,
            false,
            vec![(false, Requested, false)],
        ),
        ("UNKNOWN_WORD", json!([]), AttemptState::AwaitingCustomer, false, vec![]),
        ("UNSUCCESSFUL", json!([aa("FAILED", "CONSENT_REJECTED", "NOT_ATTEMPTED")]), AttemptState::Failed, false, vec![]),
        ("EXPIRED", json!([]), AttemptState::Failed, false, vec![]),
        ("CANCELLED", json!(null), AttemptState::Failed, false, vec![]),
        ("FAILED", json!([aa("FAILED", "CONSENT_APPROVED", "FAILED")]), AttemptState::Failed, false, vec![(false, Failed, true)]),
        ("SKIPPED", json!([]), AttemptState::Done, true, vec![]),
        (
            "UNSUCCESSFUL",
            json!([{"type":"aa","status":"SKIPPED"},{"type":"pdf","status":"SKIPPED"}]),
            AttemptState::Done,
            true,
            vec![],
        ),
        (
            "SUCCESSFUL",
            json!([{"type":"aa","status":"SKIPPED"},{"type":"pdf","status":"SKIPPED"}]),
            AttemptState::Done,
            true,
            vec![],
        ),
    ];
    for (status, steps, state, skipped, expected) in rows {
        let label = format!("{status} {steps}");
        let observation = seen(&transaction(status, steps));
        let attempt = observation.attempt.as_ref().unwrap();
        assert_eq!((attempt.state, attempt.skipped), (state, skipped), "{label}");
        assert_eq!(fetches(&observation), expected, "{label}");
    }
}

/// Two consents of one transaction: for each its `dataFetchStatus`, and the `fiStatus` of each of its accounts.
fn two(step: &str, consents: [(&str, &[&str]); 2]) -> Value {
    let row = |(place, (fetch, accounts)): (usize, (&str, &[&str]))| {
        let account =
            |(at, word): (usize, &&str)| json!({"linkRefNumber":format!("l{place}{at}"),"fiStatus":word,"fipID":"FIP-A"});
        json!({"consentHandle":format!("h{place}"),"consentId":format!("c{place}"),"consentStatus":"CONSENT_APPROVED",
            "productId":format!("PROD0{}", place + 1),"dataFetchStatus":fetch,
            "accounts":accounts.iter().enumerate().map(account).collect::<Vec<_>>()})
    };
    let rows: Vec<Value> = consents.into_iter().enumerate().map(row).collect();
    json!([{"type":"aa","status":step,"data":{"fips":[{"fip":"FIP-A","status":step}],"consents":rows}}])
}

#[test]
fn each_consent_has_the_state_of_its_own_data() {
    use FetchState::*;
    const CAME: &[&str] = &["DELIVERED"];
    for (word, step, first, second, expected) in [
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", CAME), ("SUCCESS", CAME), [(Ready, true), (Ready, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", CAME), ("FAILED", CAME), [(Ready, true), (Failed, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("FAILED", &[]), ("SUCCESS", CAME), [(Failed, true), (Ready, true)]),
        ("SUCCESSFUL", "PARTIAL", ("SUCCESS", CAME), ("NO_DATA", &[]), [(Ready, true), (Empty, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", CAME), ("NOT_ATTEMPTED", &[]), [(Ready, true), (Failed, true)]),
        ("SUCCESSFUL", "PARTIAL", ("SUCCESS", CAME), ("SUCCESS", CAME), [(Partial, true), (Partial, true)]),
        ("PARTIAL", "SUCCESSFUL", ("SUCCESS", CAME), ("SUCCESS", CAME), [(Partial, true), (Partial, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", &["DELIVERED", "DENIED"]), ("SUCCESS", CAME), [(Partial, true), (Ready, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", &["READY", "TIMEOUT"]), ("SUCCESS", CAME), [(Partial, true), (Ready, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", &["DENIED"]), ("SUCCESS", &["TIMEOUT"]), [(Denied, true), (Timeout, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", &[]), ("PARTIAL", &[]), [(Ready, true), (Partial, true)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("", CAME), ("PENDING", &[]), [(Ready, true), (Requested, false)]),
        ("SUCCESSFUL", "SUCCESSFUL", ("SUCCESS", CAME), ("A_NEW_WORD", CAME), [(Ready, true), (Requested, false)]),
        ("IN_PROGRESS", "IN_PROGRESS", ("SUCCESS", CAME), ("FAILED", &[]), [(Requested, false), (Requested, false)]),
        ("UNSUCCESSFUL", "FAILED", ("SUCCESS", CAME), ("NO_DATA", &[]), [(Failed, true), (Empty, true)]),
    ] {
        let steps = two(step, [first, second]);
        let label = format!("{word} {steps}");
        let found: Vec<_> =
            fetches(&seen(&transaction(word, steps))).into_iter().map(|(_, state, settled)| (state, settled)).collect();
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn an_account_without_a_status_came_if_its_consents_data_did() {
    let mut steps = two("SUCCESSFUL", [("SUCCESS", &["DELIVERED"]), ("SUCCESS", &["DELIVERED"])]);
    steps[0]["data"]["consents"][0]["accounts"][0].as_object_mut().unwrap().remove("fiStatus");
    let observation = seen(&transaction("SUCCESSFUL", steps));
    assert_eq!(observation.consents[0].fetches[0].accounts[0].state, FetchState::Ready);
    assert_eq!(observation.consents[0].fetches[0].state, FetchState::Ready);
}

#[test]
fn a_rejected_consent_is_not_taken_for_the_one_that_was_given() {
    let mut steps = two("SUCCESSFUL", [("NOT_ATTEMPTED", &[]), ("SUCCESS", &["DELIVERED"])]);
    let rejected = &mut steps[0]["data"]["consents"][0];
    rejected["consentStatus"] = json!("CONSENT_REJECTED");
    for name in ["productId", "consentId"] {
        rejected[name] = Value::Null;
    }
    let response = testing::response(200, &transaction("SUCCESSFUL", steps).to_string());
    let asked = [testing::consent("PROD02"), testing::consent("PROD01")];
    let observation = read(testing::origin(CallKind::Read), &response, "t", &[&asked[0], &asked[1]]).unwrap();
    let found: Vec<_> = observation.consents.iter().map(|fact| (fact.template.as_deref(), fact.state)).collect();
    assert_eq!(found, [(Some("PROD01"), Some(ConsentState::Rejected)), (Some("PROD02"), Some(ConsentState::Active))]);
}

#[test]
fn a_withdrawn_consent_still_reports_what_it_brought() {
    let mut steps = two("SUCCESSFUL", [("SUCCESS", &["DELIVERED"]), ("SUCCESS", &["DELIVERED"])]);
    for (place, word) in [(0, "CONSENT_REVOKED"), (1, "CONSENT_EXPIRED")] {
        steps[0]["data"]["consents"][place]["consentStatus"] = json!(word);
    }
    let observation = seen(&transaction("SUCCESSFUL", steps));
    assert_eq!(fetches(&observation).len(), 2);
}

#[test]
fn statements_beside_accounts_stand_apart() {
    let mut steps = two("FAILED", [("SUCCESS", &["DELIVERED"]), ("FAILED", &[])]);
    steps.as_array_mut().unwrap().push(pdf("SUCCESSFUL", 1, 1));
    let found = fetches(&seen(&transaction("SUCCESSFUL", steps)));
    assert_eq!(found, [(false, FetchState::Ready, true), (false, FetchState::Failed, true), (true, FetchState::Ready, true)]);
}

#[test]
fn a_failed_bank_beside_one_that_came_is_partial() {
    let mut step = aa("SUCCESSFUL", "CONSENT_APPROVED", "SUCCESS");
    step["data"]["fips"] = json!([{"fip":"FIP-A","status":"SUCCESSFUL"},{"fip":"FIP-C","status":"FAILED"}]);
    assert_eq!(fetches(&seen(&transaction("SUCCESSFUL", json!([step])))), [(false, FetchState::Partial, true)]);
}

#[test]
fn a_rejected_consent_without_template_is_the_one_that_was_asked() {
    let step = json!({"type":"aa","status":"FAILED","data":{"consents":[{"consentHandle":"h","consentId":null,"productID":null,
        "consentStatus":"CONSENT_REJECTED","dataFetchStatus":"NOT_ATTEMPTED","accounts":[]}]}});
    let observation = seen(&transaction("UNSUCCESSFUL", json!([step])));
    let consent = &observation.consents[0];
    assert_eq!((consent.template.as_deref(), consent.state), (Some("PROD01"), Some(ConsentState::Rejected)));
}

#[test]
fn an_answer_about_another_transaction_is_refused() {
    let response = testing::response(200, r#"{"status":"SUCCESSFUL","transaction_id":"x","data":[]}"#);
    assert!(read(testing::origin(CallKind::Read), &response, "t", &[]).is_err());
}

#[test]
fn hostile_bodies_say_nothing_good() {
    for body in testing::hostile() {
        let found = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "t", &[]);
        assert!(found.is_err(), "{}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "t", &[]);
    }
}
