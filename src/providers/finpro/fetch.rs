//! The body of financial data: only its envelope is judged here, without reading an account.

use super::envelope;
use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::OutboundResponse,
    judge::Origin,
    provider::Body,
};

/// Takes the answer of `/getallfidata`.
pub(super) fn read(origin: Origin, response: OutboundResponse) -> Result<Body, ProviderError> {
    let answer = envelope::read(origin, &response)?;
    let data = answer.data.map(|data| data.get().trim()).unwrap_or_default();
    if !data.starts_with(['[', '{']) {
        return Err(origin.unusable("the answer holds no accounts"));
    }
    let inside = data[1..data.len() - 1].trim();
    if inside.is_empty() {
        return Err(origin.error(ErrorKind::NoAccounts).with_detail("the list of accounts is empty"));
    }
    Ok(Body::json(origin, response.body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{finpro::testing, http::CallKind};

    #[test]
    fn the_bytes_are_handed_on_as_they_came() {
        let text =
            r#"{"ver":"1.21.0","status":"success","data":[{"linkReferenceNumber":"l","fiType":"DEPOSIT"}],"message":"Success"}"#;
        let body = read(testing::origin(CallKind::Read), testing::response(200, text)).unwrap();
        assert_eq!((&body.bytes[..], body.received_at), (text.as_bytes(), testing::now()));
    }

    #[test]
    fn what_holds_no_account_is_an_error() {
        for (status, body, kind) in [
            (200, r#"{"status":"success","data":[ ]}"#, ErrorKind::NoAccounts),
            (200, r#"{"status":"success","data":"later"}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success"}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success","data":[{"a":1}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"errorCode":"NoDataAvailable","data":[{}]}"#, ErrorKind::NotReady),
            (400, r#"{"status":"FP0061","errorCode":"DataIsDeleted"}"#, ErrorKind::DataExpired),
        ] {
            let found = read(testing::origin(CallKind::Read), testing::response(status, body));
            assert_eq!(found.unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn depth_inside_the_accounts_does_not_matter() {
        let text = format!("{{\"data\":[{}{}]}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(read(testing::origin(CallKind::Read), testing::response(200, &text)).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), testing::bytes_response(200, &body));
        }
    }
}
