//! The status call of the analysed product. Only some of its words are documented; the others are judged by what they contain.

use super::Held;
use crate::{
    journey::model::{AttemptState, ConsentState, FetchState},
    providers::{
        error::ProviderError,
        finpass::{envelope, error::Reason, words},
        http::OutboundResponse,
        judge::Origin,
        lenient,
        provider::Observation,
    },
};

/// Reads the answer of `aa-bsa-journey/status`.
pub(super) fn read(
    origin: Origin,
    response: &OutboundResponse,
    client_id: &str,
    held: Held<'_>,
) -> Result<Observation, ProviderError> {
    let answer = match envelope::read(origin, response) {
        Ok(answer) => answer,
        Err(refusal) if refusal.reason == Reason::Expired => return Ok(expired(held, "EXPIRED")),
        Err(refusal) => return Err(refusal.error),
    };
    let data = answer.object(origin)?;
    if data.has_odd_text(&["client_id"]) || data.has_odd_word(&["status"]) {
        return Err(origin.unusable("the session's id or status is no text"));
    }
    if data.text(&["client_id"]).is_some_and(|told| told != client_id) {
        return Err(origin.unusable("the answer is about another session"));
    }
    let status = data.text(&["status"]).ok_or_else(|| origin.unusable("the answer has no status"))?;
    Ok(judge(&lenient::word(&status), held))
}

fn expired(held: Held<'_>, text: &str) -> Observation {
    if held.given {
        let fetch = held.fetch(FetchState::Timeout, true, text);
        return held.seen(AttemptState::Done, ConsentState::Active, Some(fetch), text);
    }
    held.seen(AttemptState::Done, ConsentState::Expired, None, text)
}

fn judge(word: &str, held: Held<'_>) -> Observation {
    let text = words::STATES.shown(word);
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let fetching = || {
        let fetch = held.fetch(FetchState::Requested, false, &text);
        held.seen(AttemptState::Done, ConsentState::Active, Some(fetch), &text)
    };
    match word {
        "INITIATED" | "CONSENT_PENDING" => held.seen(AttemptState::AwaitingCustomer, ConsentState::Pending, None, &text),
        "ANALYSIS_COMPLETE" | "ANALYSIS_COMPLETED" | "COMPLETED" => {
            let fetch = held.fetch(FetchState::Ready, true, &text);
            held.seen(AttemptState::Done, ConsentState::Active, Some(fetch), &text)
        }
        _ if has(&["DENIED", "REJECT"]) => held.seen(AttemptState::Done, ConsentState::Rejected, None, &text),
        _ if has(&["REVOK"]) => held.seen(AttemptState::Done, ConsentState::Revoked, None, &text),
        _ if has(&["EXPIRE"]) => expired(held, &text),
        _ if has(&["FAIL", "ERROR", "CANCEL"]) => failed(held, &text),
        _ if has(&["GRANTED", "DATA_FETC", "PROCESSING", "ANALYSING", "ANALYSIS"]) => fetching(),
        // A word nobody knows says nothing: keep waiting.
        _ => Observation::default(),
    }
}

/// After approval it was the data that failed, before it the consent.
fn failed(held: Held<'_>, text: &str) -> Observation {
    if held.given {
        let fetch = held.fetch(FetchState::Failed, true, text);
        return held.seen(AttemptState::Done, ConsentState::Active, Some(fetch), text);
    }
    held.seen(AttemptState::Failed, ConsentState::Failed, None, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        journey::model::Purpose,
        providers::{error::ErrorKind, finpass::testing, http::CallKind},
    };

    fn held(given: bool) -> Held<'static> {
        Held { purpose: Purpose::Underwriting, template: "loan_underwriting", refresh_id: None, given, refreshes: false }
    }

    fn seen(status: &str, given: bool) -> Observation {
        let body = serde_json::json!({"success":true,"message":"ok","data":{"client_id":"bsa_1","status":status,"mobile_number":"XXXXXX0001"}});
        read(testing::origin(CallKind::Read), &testing::response(200, &body.to_string()), "bsa_1", held(given)).unwrap()
    }

    #[test]
    fn every_word_is_a_state() {
        use ConsentState::*;
        use FetchState::*;
        let rows = [
            ("initiated", false, Some(Pending), None),
            ("consent_pending", false, Some(Pending), None),
            ("consent_granted", false, Some(Active), Some((Requested, false))),
            ("data_fetched", true, Some(Active), Some((Requested, false))),
            ("data_fetching", true, Some(Active), Some((Requested, false))),
            ("analysis_complete", true, Some(Active), Some((Ready, true))),
            ("Completed", true, Some(Active), Some((Ready, true))),
            ("consent_denied", false, Some(Rejected), None),
            ("consent_rejected", false, Some(Rejected), None),
            ("consent_revoked", true, Some(Revoked), None),
            ("expired", false, Some(Expired), None),
            ("expired", true, Some(Active), Some((Timeout, true))),
            ("failed", false, Some(ConsentState::Failed), None),
            ("analysis_failed", true, Some(Active), Some((FetchState::Failed, true))),
            ("cancelled", false, Some(ConsentState::Failed), None),
            ("something_new", false, None, None),
        ];
        for (word, given, consent, fetch) in rows {
            let observation = seen(word, given);
            let fact = observation.consents.first();
            assert_eq!(fact.and_then(|fact| fact.state), consent, "{word}");
            let told = fact.and_then(|fact| fact.fetches.first()).map(|fetch| (fetch.state, fetch.settled));
            assert_eq!(told, fetch, "{word}");
        }
    }

    #[test]
    fn a_status_of_another_shape_is_refused() {
        for data in [
            "null",
            "{}",
            "[]",
            "7",
            r#""failed""#,
            r#"{"status":["failed"]}"#,
            r#"{"status":{}}"#,
            r#"{"status":"failed","client_id":{}}"#,
        ] {
            let body = format!(r#"{{"success":true,"data":{data}}}"#);
            let error = read(testing::origin(CallKind::Read), &testing::response(200, &body), "bsa_1", held(false)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ResponseInvalid, "{data}");
        }
        let foreign = testing::response(200, r#"{"ver":1,"status":["success"],"data":{"status":"failed"}}"#);
        assert!(read(testing::origin(CallKind::Read), &foreign, "bsa_1", held(false)).is_err());
    }

    #[test]
    fn another_session_is_refused() {
        let body = r#"{"success":true,"data":{"client_id":"bsa_2","status":"completed"}}"#;
        let error = read(testing::origin(CallKind::Read), &testing::response(200, body), "bsa_1", held(false)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ResponseInvalid);
    }

    #[test]
    fn hostile_bodies_are_errors() {
        for body in testing::hostile() {
            assert!(read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c", held(false)).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c", held(true));
        }
    }
}
