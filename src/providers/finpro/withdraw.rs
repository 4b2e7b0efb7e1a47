//! Withdrawal: `/revokeconsent`, and `DELETE /fidata`. Both may be sent again. A receipt is a word that says so: whatever else comes with
//! HTTP 200 proves nothing.

use http::StatusCode;

use super::{ID, envelope, error::message};
use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::OutboundResponse,
    judge::Origin,
    lenient::{self, Members},
    provider::Target,
};

/// What FinPro knows a consent by.
pub(super) fn consent_ref<'a>(target: &Target<'a>, stage: &'static str) -> Result<&'a str, ProviderError> {
    let missing = || ProviderError::new(ErrorKind::Unsupported, ID, stage).with_detail("the consent has no id at the provider");
    target.consent.provider_ref.as_deref().ok_or_else(missing)
}

/// Reads the answer of `/revokeconsent`. Only a word counts: the success of the envelope, or FinPro's sentence that the consent is over
/// already. That sentence comes under the same code as other states, so the words of the message decide.
pub(super) fn read_revoked(origin: Origin, response: &OutboundResponse) -> Result<(), ProviderError> {
    match envelope::read(origin, response) {
        Ok(answer) if is_receipt(response, &answer) && !is_denied(&answer.data()) => Ok(()),
        Ok(_) => Err(unconfirmed(origin)),
        Err(error) if error.kind == ErrorKind::Revoked || is_over(&message(response)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads the answer of `DELETE /fidata`: the word stands inside the envelope, whose own success can hold a failure.
pub(super) fn read_deleted(origin: Origin, response: &OutboundResponse) -> Result<(), ProviderError> {
    let answer = match envelope::read(origin, response) {
        Ok(answer) => answer,
        Err(error) if error.kind == ErrorKind::DataExpired => return Ok(()),
        Err(error) => return Err(error),
    };
    let data = answer.data();
    let status = data.text(&["status"]).map(|status| lenient::word(&status));
    match status.as_deref() {
        Some("SUCCESS") if is_receipt(response, &answer) => Ok(()),
        // Nothing is left to delete. FinPro's second answer is not documented as anything else than a failure.
        Some(word) if is_failure(word) && is_absence(&data) => {
            Err(origin.error(ErrorKind::DataExpired).with_detail("there is no data of the consent"))
        }
        Some(word) if is_failure(word) => Err(origin.error(ErrorKind::Refused).with_detail("a success that holds a failure")),
        _ => Err(unconfirmed(origin)),
    }
}

/// The answer does not say that it was done, nor that it was not.
fn unconfirmed(origin: Origin) -> ProviderError {
    origin.unusable("no documented word of success")
}

/// Whether an envelope says success as FinPro documents it: HTTP 200 (a 202 would only have taken the request), and the plain word.
fn is_receipt(response: &OutboundResponse, answer: &envelope::Answer<'_>) -> bool {
    let says = answer.top.text(&["status"]).is_some_and(|status| lenient::word(&status) == "SUCCESS");
    response.status == StatusCode::OK && says && !hedges(&answer.top)
}

/// Whether the inner status of an answer is there and is another word than success.
fn is_denied(data: &Members<'_>) -> bool {
    let success = data.text(&["status"]).is_some_and(|status| lenient::word(&status) == "SUCCESS");
    (data.raw(&["status"]).is_some() && !success) || hedges(data)
}

/// Whether a message takes the success back: it is on its way, or it did not work.
fn hedges(members: &Members<'_>) -> bool {
    const WORDS: [&str; 12] = [
        "PENDING",
        "PROGRESS",
        "PROCESSING",
        "QUEUED",
        "INITIATED",
        "ACCEPTED",
        "FAILED",
        "FAILURE",
        "NOT",
        "UNABLE",
        "CANNOT",
        "ERROR",
    ];
    let message = members.text(&["message"]).map(|text| lenient::word(&text)).unwrap_or_default();
    message.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

fn is_failure(word: &str) -> bool {
    matches!(word, "FAILURE" | "FAILED" | "FAIL" | "ERROR")
}

fn is_absence(data: &Members<'_>) -> bool {
    let message = data.text(&["message"]).map(|text| text.to_lowercase()).unwrap_or_default();
    ["no fi data", "no data", "already deleted", "data is deleted"].iter().any(|words| message.contains(words))
}

/// FinPro's sentences for a consent that is over: "Consent ID is already in REVOKED state", "Consent ID is in EXPIRED state".
fn is_over(message: &str) -> bool {
    ["in revoked state", "in expired state", "already revoked", "already expired"].iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{error::Effect, finpro::testing, http::CallKind};

    fn revoked(status: u16, body: &str) -> Result<(), ErrorKind> {
        read_revoked(testing::origin(CallKind::Write), &testing::response(status, body)).map_err(|error| error.kind)
    }

    fn deleted(status: u16, body: &str) -> Result<(), ErrorKind> {
        read_deleted(testing::origin(CallKind::Write), &testing::response(status, body)).map_err(|error| error.kind)
    }

    #[test]
    fn what_is_over_already_is_a_success() {
        assert_eq!(revoked(200, r#"{"ver":"1.21.0","status":"success","message":"Successfully revoked."}"#), Ok(()));
        let refused = |text: &str| {
            let body = serde_json::json!({"ver": "1.21.0", "errorCode": "InvalidStatus", "errorMsg": text});
            revoked(400, &body.to_string())
        };
        assert_eq!(refused("Consent ID is already in REVOKED state"), Ok(()));
        assert_eq!(refused("Consent ID is in EXPIRED state"), Ok(()));
        assert_eq!(refused("Consent ID is in PENDING state"), Err(ErrorKind::Refused));
        assert_eq!(refused("Only an ACTIVE consent can be REVOKED"), Err(ErrorKind::Refused));
        let nested = r#"{"status":"failure","error":{"code":"INVALID","message":"Consent ID is already in REVOKED state"}}"#;
        assert_eq!(revoked(400, nested), Ok(()));
        let flat = r#"{"status":"failure","ver":"1.0","message":"Consent ID is in EXPIRED state"}"#;
        assert_eq!(revoked(200, flat), Ok(()));
        let unknown = r#"{"status":"FP0034","errorCode":"InvalidConsentId","errorMsg":"Consent ID does not exist."}"#;
        assert_eq!(revoked(400, unknown), Err(ErrorKind::UnknownReference));
    }

    #[test]
    fn a_success_can_hold_a_failure() {
        let body =
            |status: &str| format!(r#"{{"status":"success","ver":"1.15.0","data":{{"status":"{status}","message":"m"}}}}"#);
        assert_eq!(deleted(200, &body("SUCCESS")), Ok(()));
        assert_eq!(deleted(200, &body("FAILURE")), Err(ErrorKind::Refused));
        let nothing = r#"{"status":"success","data":{"status":"FAILURE","message":"No FI data found"}}"#;
        assert_eq!(deleted(200, nothing), Err(ErrorKind::DataExpired));
        let gone = r#"{"status":"FP0061","errorCode":"DataIsDeleted","errorMsg":"Data is deleted"}"#;
        assert_eq!(deleted(400, gone), Ok(()));
        assert_eq!(deleted(404, r#"{"errorCode":"InvalidConsentId","errorMsg":"x"}"#), Err(ErrorKind::UnknownReference));
    }

    /// Answers with HTTP 200 that do not say that it was done.
    const NO_WORD: &[&str] = &[
        "{}",
        r#"{"ver":"1.21.0"}"#,
        r#"{"ver":"1","status":["success"],"data":"surprise"}"#,
        r#"{"status":["success"]}"#,
        r#"{"status":{"success":true}}"#,
        r#"{"status":true}"#,
        r#"{"data":"surprise"}"#,
        r#"{"data":{}}"#,
        r#"{"status":null,"message":"Success"}"#,
        r#"{"status":"PENDING"}"#,
        r#"{"status":"IN_PROGRESS","message":"Success"}"#,
        r#"{"status":"ACCEPTED"}"#,
        r#"{"status":"success","data":{"status":"PENDING"}}"#,
        r#"{"status":"success","data":{"status":"IN_PROGRESS"}}"#,
        r#"{"status":"success","data":{"status":["SUCCESS"]}}"#,
        r#"{"status":"success","message":"Revocation in progress"}"#,
        r#"{"status":"success","message":"Could not be done: try again, NOT revoked","data":{"status":"SUCCESS"}}"#,
        r#"{"status":"PENDING","data":{"status":"SUCCESS"}}"#,
    ];

    #[test]
    fn only_a_documented_word_is_a_receipt() {
        for body in NO_WORD {
            for read in [read_revoked, read_deleted] {
                let error = read(testing::origin(CallKind::Write), &testing::response(200, body)).unwrap_err();
                // An answer whose own status is no text cannot be read at all, so whether it was done is not known.
                let odd = body.starts_with(r#"{"status":["#) || body.contains(r#""status":["success"],"#);
                let odd = odd || body.starts_with(r#"{"status":{"#) || *body == r#"{"status":true}"#;
                let effect = if odd { Effect::Unknown } else { Effect::Applied };
                assert_eq!((error.kind, error.effect), (ErrorKind::ResponseInvalid, effect), "{body}");
            }
        }
        let good = r#"{"status":"success","data":{"status":"SUCCESS"}}"#;
        assert_eq!((revoked(200, good), deleted(200, good)), (Ok(()), Ok(())));
        assert_eq!((revoked(202, good), deleted(202, good)), (Err(ErrorKind::ResponseInvalid), Err(ErrorKind::ResponseInvalid)));
        assert_eq!(deleted(200, r#"{"status":"success"}"#), Err(ErrorKind::ResponseInvalid), "the word stands inside");
    }

    #[test]
    fn a_lost_answer_leaves_it_open() {
        for read in [read_revoked, read_deleted] {
            let error = read(testing::origin(CallKind::Write), &testing::response(504, "<html>")).unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::Unavailable, Effect::Unknown));
            for body in testing::hostile() {
                assert!(read(testing::origin(CallKind::Write), &testing::bytes_response(200, &body)).is_err());
            }
        }
    }
}
