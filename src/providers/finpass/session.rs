//! One data session: asking for it.

use super::envelope;
use crate::providers::{error::ProviderError, http::OutboundResponse, judge::Origin, lenient::identifier};

/// Reads the answer of `refresh-data`: the refresh id. It may equal the client id.
pub(super) fn read_request(origin: Origin, response: &OutboundResponse) -> Result<String, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let refresh_id = answer.object(origin)?.text(&["request_id"]).and_then(identifier);
    refresh_id.ok_or_else(|| origin.unusable("the answer has no refresh id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{
        error::{Effect, ErrorKind},
        finpass::testing,
        http::CallKind,
    };

    #[test]
    fn the_refresh_id_is_read() {
        let body = r#"{"data":{"request_id":"account_aggregator_v2_AbC_e5F6g7H8"},"status_code":200,"message_code":"success","success":true}"#;
        assert_eq!(
            read_request(testing::origin(CallKind::Write), &testing::response(200, body)).unwrap(),
            "account_aggregator_v2_AbC_e5F6g7H8"
        );
    }

    #[test]
    fn a_success_without_id_did_happen() {
        let error =
            read_request(testing::origin(CallKind::Write), &testing::response(200, r#"{"data":{},"success":true}"#)).unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::ResponseInvalid, Effect::Applied));
        // No write is documented to answer 202: its refusal counts.
        let refused = r#"{"data":{"request_id":"r"},"status_code":202,"success":false,"message":"Not now"}"#;
        assert!(read_request(testing::origin(CallKind::Write), &testing::response(202, refused)).is_err());
        for body in testing::hostile() {
            assert!(read_request(testing::origin(CallKind::Write), &testing::bytes_response(200, &body)).is_err());
        }
    }
}
