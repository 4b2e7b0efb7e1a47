//! Taking back: `/revokeconsent`, and `DELETE /fidata`. Both may be sent again; what FinPro then says is a success.

use super::{ID, envelope};
use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::OutboundResponse,
    judge::Origin,
    lenient,
    provider::Target,
};

/// What FinPro knows a consent by.
pub(super) fn consent_ref<'a>(target: &Target<'a>, stage: &'static str) -> Result<&'a str, ProviderError> {
    let missing = || ProviderError::new(ErrorKind::Unsupported, ID, stage).with_detail("the consent has no id at the provider");
    target.consent.provider_ref.as_deref().ok_or_else(missing)
}

/// Reads the answer of `/revokeconsent`. FinPro refuses what is revoked or expired already, by the same code as other states: the words
/// of the message tell.
pub(super) fn read_revoked(origin: Origin, response: &OutboundResponse) -> Result<(), ProviderError> {
    let Err(error) = envelope::read(origin, response) else { return Ok(()) };
    let message = response.members().and_then(|top| top.text(&["errorMsg", "errorMessage", "message"]));
    let word = message.map(|text| lenient::word(&text)).unwrap_or_default();
    let over = error.kind == ErrorKind::Refused && (word.contains("REVOKED") || word.contains("EXPIRED"));
    if over || error.kind == ErrorKind::Revoked { Ok(()) } else { Err(error) }
}

/// Reads the answer of `DELETE /fidata`: its success can hold a failure. Data that is deleted already is a success.
pub(super) fn read_deleted(origin: Origin, response: &OutboundResponse) -> Result<(), ProviderError> {
    let answer = match envelope::read(origin, response) {
        Ok(answer) => answer,
        Err(error) if error.kind == ErrorKind::DataExpired => return Ok(()),
        Err(error) => return Err(error),
    };
    let status = answer.data().text(&["status"]).map(|status| lenient::word(&status)).unwrap_or_default();
    match status.as_str() {
        "FAILURE" | "FAILED" | "FAIL" | "ERROR" => {
            // Nothing was there, or it could not be deleted: FinPro does not tell which.
            Err(origin.error(ErrorKind::Refused).with_detail("a success that holds a failure"))
        }
        _ => Ok(()),
    }
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
        let unknown = r#"{"status":"FP0034","errorCode":"InvalidConsentId","errorMsg":"Consent ID does not exist."}"#;
        assert_eq!(revoked(400, unknown), Err(ErrorKind::UnknownReference));
    }

    #[test]
    fn a_success_can_hold_a_failure() {
        let body =
            |status: &str| format!(r#"{{"status":"success","ver":"1.15.0","data":{{"status":"{status}","message":"m"}}}}"#);
        assert_eq!(deleted(200, &body("SUCCESS")), Ok(()));
        assert_eq!(deleted(200, &body("FAILURE")), Err(ErrorKind::Refused));
        let gone = r#"{"status":"FP0061","errorCode":"DataIsDeleted","errorMsg":"Data is deleted"}"#;
        assert_eq!(deleted(400, gone), Ok(()));
        assert_eq!(deleted(404, r#"{"errorCode":"InvalidConsentId","errorMsg":"x"}"#), Err(ErrorKind::UnknownReference));
    }

    #[test]
    fn a_lost_answer_leaves_it_open() {
        for read in [read_revoked, read_deleted] {
            let error = read(testing::origin(CallKind::Write), &testing::response(504, "<html>")).unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::Unavailable, Effect::Unknown));
            for body in testing::hostile() {
                let answer = read(testing::origin(CallKind::Write), &testing::bytes_response(200, &body));
                assert!(
                    answer.is_ok() || answer.is_err_and(|error| error.effect != Effect::None || error.kind != ErrorKind::Refused)
                );
            }
        }
    }
}
