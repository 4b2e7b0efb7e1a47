//! The body of financial data: only its envelope is judged here, without reading an account.

use super::{envelope, error};
use crate::{
    data::as_kept,
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        judge::Origin,
        provider::{Body, Latest},
        shape,
    },
};

/// Takes the answer of `/getallfidata`.
pub(super) fn read(origin: Origin, response: OutboundResponse) -> Result<Body, ProviderError> {
    if !holds_accounts(origin, &response)? {
        return Err(origin.error(ErrorKind::NoAccounts).with_detail("the list of accounts is empty"));
    }
    Ok(Body::json(origin, response))
}

fn holds_accounts(origin: Origin, response: &OutboundResponse) -> Result<bool, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.data.ok_or_else(|| origin.unusable("the answer holds no accounts"))?;
    if shape::is_filled_object(data) {
        return Ok(true);
    }
    let inside = data.get().strip_prefix('[').map(str::trim_start).unwrap_or_default();
    if inside.starts_with(']') {
        return Ok(false);
    }
    // The first account stands for the shape of all: the body can be large, and it is read account by account later.
    let first = inside.strip_prefix('{').map(str::trim_start);
    if first.is_some_and(|members| !members.starts_with('}')) {
        Ok(true)
    } else {
        Err(origin.unusable("the answer holds no accounts"))
    }
}

/// Takes the answer of `/getalllatestfidata`. That there is nothing new comes as an error or as an empty list.
pub(super) fn read_latest(origin: Origin, response: OutboundResponse) -> Result<Latest, ProviderError> {
    match holds_accounts(origin, &response) {
        Ok(true) => return Ok(Latest::Data(Body::json(origin, response))),
        Err(error) if !error::is_nothing_new(&response) => return Err(error),
        Ok(false) | Err(_) => {}
    }
    Ok(Latest::Nothing { endpoint: origin.stage, received_at: as_kept(origin.now) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{error::Effect, finpro::testing, http::CallKind};

    #[test]
    fn the_bytes_are_handed_on_as_they_came() {
        let text =
            r#"{"ver":"1.21.0","status":"success","data":[{"linkReferenceNumber":"l","fiType":"DEPOSIT"}],"message":"Success"}"#;
        let body = read(testing::origin(CallKind::Read), testing::response(200, text)).unwrap();
        assert_eq!((&body.bytes[..], body.received_at), (text.as_bytes(), testing::now()));
    }

    #[test]
    fn damaged_bytes_are_handed_on_as_they_came() {
        let text = b"\xef\xbb\xbf{\"status\":\"success\",\"data\":[{\"bank\":\"caf\xe9\"}]}\0";
        let body = read(testing::origin(CallKind::Read), testing::bytes_response(200, text)).unwrap();
        assert_eq!(&body.bytes[..], text);
    }

    #[test]
    fn what_holds_no_account_is_an_error() {
        for (status, body, kind) in [
            (200, r#"{"status":"success","data":[ ]}"#, ErrorKind::NoAccounts),
            (200, r#"{"status":"success","data":"later"}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success"}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success","data":{}}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success","data":[null]}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success","data":[[{}]]}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"ver":1,"status":["success"],"data":[{"a":1}]}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"status":"success","data":[{"a":1}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"errorCode":"NoDataAvailable","data":[{}]}"#, ErrorKind::NotReady),
            (400, r#"{"status":"FP0061","errorCode":"DataIsDeleted"}"#, ErrorKind::DataExpired),
        ] {
            let found = read(testing::origin(CallKind::Read), testing::response(status, body));
            assert_eq!(found.unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn nothing_new_is_no_error_and_nothing_else_passes_for_it() {
        let latest = |status, body: &str| read_latest(testing::origin(CallKind::Write), testing::response(status, body));
        for (status, body) in [
            (400, r#"{"ver":"1.21.0","errorCode":"NoIncrementalData","errorMsg":"No new data available"}"#),
            (404, r#"{"status":"failure","message":" [ No new data  available ] "}"#),
            (200, r#"{"status":"failure","error":{"code":"NoIncrementalData","message":"No new data available"}}"#),
            (200, r#"{"status":"success","data":[]}"#),
        ] {
            let Ok(Latest::Nothing { endpoint, received_at }) = latest(status, body) else { panic!("{body}") };
            assert_eq!((endpoint, received_at), ("test", testing::now()));
        }
        for (status, body, kind, effect) in [
            (400, r#"{"errorCode":"ConsentNotActive","errorMsg":"Consent is not active"}"#, ErrorKind::NotActive, Effect::None),
            (400, r#"{"errorCode":"NoDataFound","status":"FP0063"}"#, ErrorKind::NoAccounts, Effect::None),
            (400, r#"{"errorMsg":"Data is not available"}"#, ErrorKind::NoAccounts, Effect::None),
            (400, r#"{"errorCode":"NoDataAvailable","status":"FP0060"}"#, ErrorKind::NotReady, Effect::None),
            (504, "<html>gateway timeout</html>", ErrorKind::Unavailable, Effect::Unknown),
            (200, r#"{"status":"success","data":"later"}"#, ErrorKind::ResponseInvalid, Effect::Applied),
        ] {
            let error = latest(status, body).map(|_| ()).unwrap_err();
            assert_eq!((error.kind, error.effect), (kind, effect), "{body}");
        }
        let some = latest(200, r#"{"status":"success","data":[{"linkReferenceNumber":"l"}],"message":"Success"}"#);
        assert!(matches!(some, Ok(Latest::Data(_))));
    }

    #[test]
    fn depth_inside_the_accounts_does_not_matter() {
        let text = format!("{{\"data\":[{{\"Profile\":{}{}}}]}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(read(testing::origin(CallKind::Read), testing::response(200, &text)).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), testing::bytes_response(200, &body));
        }
    }
}
