//! What FinPro's refusals mean, as tables. The HTTP status decides for credentials and rates, then the error code, then the FP code,
//! then the words: recorded answers often lack the FP code that the catalogue promises, and one FP code stands for two faults.

use http::StatusCode;

use super::{envelope::is_fp_code, words};
use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::OutboundResponse,
    judge::{self, Origin},
    lenient::Members,
};

/// Error codes that mean one thing, folded. `InvalidRequest`, `InternalError` and `InvalidStatus` mean many and are
/// left to the later tables.
const CODES: &[(&str, ErrorKind)] = &[
    ("unauthorized", ErrorKind::Credentials),
    ("unauthorizedaccess", ErrorKind::Credentials),
    ("accessdenied", ErrorKind::Credentials),
    ("badrequestheaders", ErrorKind::Credentials),
    ("ratelimitexceeded", ErrorKind::RateLimited),
    ("nodataavailable", ErrorKind::NotReady),
    ("noincrementaldata", ErrorKind::NotReady),
    ("dataisdeleted", ErrorKind::DataExpired),
    ("nodatafound", ErrorKind::NoAccounts),
    ("invalidconsentid", ErrorKind::UnknownReference),
    ("invalidconsenthandle", ErrorKind::UnknownReference),
    ("invalidaccountid", ErrorKind::UnknownReference),
    ("errconsentnotfound", ErrorKind::UnknownReference),
    ("recordnotfound", ErrorKind::UnknownReference),
    ("invalidvua", ErrorKind::Configuration),
    ("aanotinactive", ErrorKind::Configuration),
    ("invalidaa", ErrorKind::Configuration),
    ("nosuchversion", ErrorKind::Configuration),
    ("internalerrorfromaa", ErrorKind::Refused),
    ("invalidcustomeraddress", ErrorKind::Refused),
    ("consentnotactive", ErrorKind::NotActive),
    ("missingconsentinfo", ErrorKind::Refused),
    ("invalidpayload", ErrorKind::Refused),
    ("invalidrequestpayload", ErrorKind::Refused),
    ("invalidwebredirectionurl", ErrorKind::Refused),
    ("serviceunavailable", ErrorKind::Unavailable),
    ("badgateway", ErrorKind::Unavailable),
    ("gatewaytimeout", ErrorKind::Unavailable),
    ("errconnectservice", ErrorKind::Unavailable),
    ("errunknown", ErrorKind::Unavailable),
    ("methodnotallowed", ErrorKind::Unavailable),
    ("notimplemented", ErrorKind::Unsupported),
];

/// FP codes of the catalogue.
const FP_CODES: &[(&str, ErrorKind)] = &[
    ("FP0001", ErrorKind::Configuration),
    ("FP0002", ErrorKind::Configuration),
    ("FP0003", ErrorKind::Refused),
    ("FP0004", ErrorKind::Configuration),
    ("FP0008", ErrorKind::Refused),
    ("FP0012", ErrorKind::Configuration),
    ("FP0013", ErrorKind::Configuration),
    ("FP0021", ErrorKind::Refused),
    ("FP0024", ErrorKind::Refused),
    ("FP0029", ErrorKind::Configuration),
    ("FP0034", ErrorKind::UnknownReference),
    ("FP0055", ErrorKind::Refused),
    ("FP0058", ErrorKind::Revoked),
    ("FP0060", ErrorKind::NotReady),
    ("FP0061", ErrorKind::DataExpired),
    ("FP0063", ErrorKind::NoAccounts),
    ("FP0070", ErrorKind::Unavailable),
];

/// Words of the message, normalised; the first that occurs decides, so the longer stand before the shorter.
const WORDS: &[(&str, ErrorKind)] = &[
    ("invalid headers", ErrorKind::Credentials),
    ("invalid organizationid", ErrorKind::Credentials),
    ("invalid credentials", ErrorKind::Credentials),
    ("bad request headers", ErrorKind::Credentials),
    ("no such version", ErrorKind::Configuration),
    ("too many requests", ErrorKind::RateLimited),
    ("invalid productid", ErrorKind::Configuration),
    ("productid with non active status", ErrorKind::Configuration),
    ("productid with invalid product status", ErrorKind::Configuration),
    ("entity handle not present", ErrorKind::Configuration),
    ("is not enabled in fiu", ErrorKind::Configuration),
    ("invalid aa handle", ErrorKind::Configuration),
    ("consent id does not exist", ErrorKind::UnknownReference),
    ("invalid consent handle", ErrorKind::UnknownReference),
    ("invalid account id", ErrorKind::UnknownReference),
    ("consent id is revoked", ErrorKind::Revoked),
    ("in revoked state", ErrorKind::Revoked),
    ("in paused state", ErrorKind::NotActive),
    ("in expired state", ErrorKind::NotActive),
    ("consent is not active", ErrorKind::NotActive),
    ("consent id is not active", ErrorKind::NotActive),
    ("data is not available for the given consent", ErrorKind::NotReady),
    ("data is deleted", ErrorKind::DataExpired),
    ("data is not available", ErrorKind::NoAccounts),
    ("not ready", ErrorKind::NotReady),
    ("in progress", ErrorKind::NotReady),
    ("still processing", ErrorKind::NotReady),
    ("internal server error", ErrorKind::Unavailable),
];

/// Reads a refusal. `top` is the body's object, if it is one.
pub(super) fn classify(origin: Origin, response: &OutboundResponse, top: Option<&Members<'_>>) -> ProviderError {
    let said = Said::of(top);
    let kind = by_status(response.status)
        .or_else(|| said.kind(response.status))
        .unwrap_or_else(|| otherwise(stated_status(response.status, &said), said.own, top.is_some()));
    let mut error = origin.error(kind).with_effect(origin.effect_of(response.status));
    if let Some(code) = said.shown_code() {
        error = error.with_code(words::CODES, code);
    }
    if kind == ErrorKind::ResponseInvalid {
        error = error.with_effect(origin.kind.effect_when_lost());
    }
    error.retry_after = matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::NotReady)
        .then(|| judge::retry_after(response, origin.now))
        .flatten();
    error.with_detail(detail(response, top.is_some()))
}

/// Whether a refusal only says that there is no new data. Its HTTP status is not documented, and the code can be missing like others.
pub(super) fn is_nothing_new(response: &OutboundResponse) -> bool {
    let said = Said::of(response.members().as_ref());
    said.code_key().map_or_else(|| said.message.contains("no new data"), |code| code == "noincrementaldata")
}

/// Whether a refusal says that the central registry does not know the aggregator of the customer's address (FP0012).
pub(super) fn is_unknown_address(response: &OutboundResponse) -> bool {
    let said = Said::of(response.members().as_ref());
    let by_words = said.own && said.message.contains("entity handle not present");
    by_words || said.code_key().as_deref() == Some("invalidvua") || said.fp.as_deref() == Some("FP0012")
}

/// The message of an answer in any of the documented shapes: lower case, without brackets. For comparison only, never for a log.
pub(super) fn message(response: &OutboundResponse) -> String {
    Said::of(response.members().as_ref()).message
}

/// What a refusal says of itself.
struct Said {
    /// Whether the body has a mark of FinPro's own envelopes. A gateway in front of it answers in JSON as well, and what it says is said of its
    /// routes, not of a consent.
    own: bool,
    code: Option<String>,
    fp: Option<String>,
    message: String,
}

impl Said {
    fn of(top: Option<&Members<'_>>) -> Self {
        let Some(top) = top else {
            return Self { own: false, code: None, fp: None, message: String::new() };
        };
        let inner = top.object(&["error"]);
        let code = top.text(&["errorCode"]).or_else(|| inner.text(&["code", "errorCode"]));
        let status = top.text(&["status"]);
        let fp = [status.clone(), code.clone()].into_iter().flatten().find(|text| is_fp_code(text));
        let message =
            top.text(&["errorMsg", "errorMessage"]).or_else(|| inner.text(&["message"])).or_else(|| top.text(&["message"]));
        let failure = status.is_some_and(|status| status.eq_ignore_ascii_case("failure"));
        let own = fp.is_some() || failure || top.text(&["ver", "errorCode", "errorMsg", "errorMessage"]).is_some();
        Self { own, code, fp: fp.map(|fp| fp.to_ascii_uppercase()), message: normalise(&message.unwrap_or_default()) }
    }

    fn kind(&self, status: StatusCode) -> Option<ErrorKind> {
        let by_code = self.code_key().and_then(|code| find(CODES, |row| row == code));
        let by_fp = || self.fp.as_deref().and_then(|fp| find(FP_CODES, |row| row == fp));
        // After a server's fault only a code says more than the status: its words describe the fault.
        let worded = self.own && !status.is_server_error();
        by_code.or_else(by_fp).or_else(|| find(WORDS, |row| worded && self.message.contains(row)))
    }

    /// The code for comparison: letters and digits only, since its spelling varies ("NoSuchVersion", "Bad request headers").
    fn code_key(&self) -> Option<String> {
        let plain = |code: &String| code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        self.code.as_ref().map(plain)
    }

    /// The code that tells most: the FP code where the error code is one of those that stand for many faults.
    fn shown_code(&self) -> Option<&str> {
        let general = |code: &&str| matches!(*code, "InvalidRequest" | "InternalError" | "InvalidStatus");
        match (self.code.as_deref(), self.fp.as_deref()) {
            (Some(code), Some(fp)) if general(&code) => Some(fp),
            (code, fp) => code.or(fp),
        }
    }
}

fn find(table: &[(&str, ErrorKind)], fits: impl Fn(&str) -> bool) -> Option<ErrorKind> {
    table.iter().find(|(row, _)| fits(row)).map(|(_, kind)| *kind)
}

/// Credentials and rates are told by the HTTP status, whatever the body says.
fn by_status(status: StatusCode) -> Option<ErrorKind> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(ErrorKind::Credentials),
        StatusCode::TOO_MANY_REQUESTS => Some(ErrorKind::RateLimited),
        _ => None,
    }
}

/// Some rows of the catalogue carry an HTTP status as a numeric error code; it counts like one.
fn stated_status(status: StatusCode, said: &Said) -> StatusCode {
    let stated = said.code.as_deref().and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
    stated.filter(|stated| stated.is_client_error() || stated.is_server_error()).unwrap_or(status)
}

/// When neither code nor words tell. `own` is whether FinPro itself has spoken.
fn otherwise(status: StatusCode, own: bool, is_object: bool) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Credentials,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        status if status.is_server_error() => ErrorKind::Unavailable,
        // A page instead of an answer: something in front of FinPro has spoken, so nothing is known of the consent.
        status if !is_object && status.is_client_error() => ErrorKind::Unavailable,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ErrorKind::Refused,
        status if status.is_client_error() && own => ErrorKind::Refused,
        // The same page as JSON. A status alone, 404 too, never means that a consent is unknown.
        status if status.is_client_error() => ErrorKind::Unavailable,
        status if status.is_success() && own => ErrorKind::Refused,
        _ => ErrorKind::ResponseInvalid,
    }
}

/// FinPro's messages come in brackets, joined, with stray blanks: lower case, brackets gone, blanks collapsed.
fn normalise(message: &str) -> String {
    let plain: String = message.chars().take(500).map(|char| if matches!(char, '[' | ']') { ' ' } else { char }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The shape of the answer, for the log: never its content.
fn detail(response: &OutboundResponse, is_object: bool) -> String {
    let shape = match () {
        () if is_object => "a JSON object",
        () if response.body.is_empty() => "an empty body",
        () if judge::is_html(&response.body) => "a web page",
        () => "no JSON object",
    };
    format!("HTTP {} with {shape} of {} bytes", response.status.as_u16(), response.body.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::providers::{error::Effect, finpro::testing, http::CallKind};

    fn error(status: u16, body: &str) -> ProviderError {
        let response = testing::response(status, body);
        classify(testing::origin(CallKind::Write), &response, response.members().as_ref())
    }

    #[test]
    fn an_error_with_damaged_text_keeps_its_meaning() {
        let plain = r#"{"ver":"1.21.0","errorCode":"InvalidConsentId","errorMsg":"Consent ID does not exist."}"#;
        let raw = plain.replace("Consent ID", "Consent\u{1}ID");
        let utf16: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for body in [format!("\u{feff}{plain}\0").into_bytes(), format!("{plain},").into_bytes(), raw.into_bytes(), utf16] {
            let response = testing::bytes_response(400, &body);
            let error = classify(testing::origin(CallKind::Read), &response, response.members().as_ref());
            assert_eq!(error.kind, ErrorKind::UnknownReference, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn every_row_of_the_catalogue_has_its_meaning() {
        use ErrorKind::*;
        let rows: &[(u16, &str, &str, &str, ErrorKind)] = &[
            (400, "InvalidRequest", "FP0001", "Request has Invalid ProductID  ABC", Configuration),
            (400, "InvalidRequest", "", " Request has Invalid ProductID  ABC ", Configuration),
            (400, "InvalidRequest", "FP0002", "Request has productID with NON ACTIVE status", Configuration),
            (400, "InvalidRequest", "FP0003", "Invalid Party Identifier Type", Refused),
            (400, "InvalidRequest", "FP0004", "Request has productID with invalid product status", Configuration),
            (400, "InternalErrorFromAA", "FP0008", "Customer vua validation error", Refused),
            (400, "Invalidvua", "FP0012", "Entity Handle not present in Central Registry", Configuration),
            (400, "AANotInActive", "FP0013", "The respected AA is not enabled in FIU", Configuration),
            (400, "missingConsentInfo", "FP0021", "Required parameters missing", Refused),
            (400, "InvalidRequest", "FP0024", "Consent handles belongs to different vua's", Refused),
            (400, "invalid_consent_handle", "FP0024", "Invalid consent handle", UnknownReference),
            (400, "InvalidAA", "FP0029", "Invalid AA Handle: x", Configuration),
            (400, "InvalidConsentId", "FP0034", "Consent ID does not exist.", UnknownReference),
            (400, "InvalidConsentId", "", "Consent ID does not exist.", UnknownReference),
            (400, "InvalidPayload", "FP0055", "exactly one of", Refused),
            (400, "InvalidRequest", "FP0058", "Consent ID is Revoked with consent type as VIEW.", Revoked),
            (400, "NoDataAvailable", "FP0060", "Data is not available for the given consent", NotReady),
            (400, "InvalidRequest", "", "Data is not available for the given consent", NotReady),
            (400, "DataIsDeleted", "FP0061", "Data is deleted for this consent", DataExpired),
            (400, "NoDataFound", "FP0063", "Data is not available", NoAccounts),
            (400, "InternalError", "FP0070", "Internal Server Error : accountFIDataList", Unavailable),
            (400, "InternalError", "", "Something went wrong with the request payload.", Refused),
            (400, "Unauthorized", "", "Invalid headers", Credentials),
            (401, "Unauthorized", "", "Invalid credentials", Credentials),
            (403, "AccessDenied", "", "", Credentials),
            (400, "InvalidaccountID", "", "Invalid Account ID.", UnknownReference),
            (400, "InvalidStatus", "", "Consent ID is already in REVOKED state", Revoked),
            (400, "InvalidStatus", "", "Consent ID is in PAUSED state", NotActive),
            (400, "InvalidStatus", "", "Consent ID is in EXPIRED state", NotActive),
            (400, "InvalidStatus", "", "Consent ID is in PENDING state", Refused),
            (400, "ConsentNotActive", "", "", NotActive),
            (404, "ConsentNotActive", "", "Consent is not active", NotActive),
            (400, "InvalidRequest", "", "Consent is not active", NotActive),
            (400, "404", "", "x is invalid FIP ID.", Refused),
            (400, "Bad request headers", "", "", Credentials),
            (400, "", "", "Bad Request Headers", Credentials),
            (404, "NoSuchVersion", "", "", Configuration),
            (404, "NO_SUCH_VERSION", "", "The version does not exist", Configuration),
            (404, "RECORD_NOT_FOUND", "", "", UnknownReference),
            (404, "SomethingElse", "", "Not found", Refused),
            (405, "MethodNotAllowed", "", "", Unavailable),
            (503, "", "", "the service is not ready", Unavailable),
            (400, "400", "", "Invalid Identifier Type.", Refused),
            (400, "InvalidRequest", "", " [ partyIdentifierType is required ] [ vua is required ] ", Refused),
            (429, "RateLimitExceeded", "", "Too many requests", RateLimited),
            (200, "RateLimitExceeded", "", "Too many requests", RateLimited),
            (500, "InternalError", "", "", Unavailable),
            (503, "SERVICE_UNAVAILABLE", "", "", Unavailable),
            (520, "ERR_UNKNOWN", "", "", Unavailable),
            (501, "NOT_IMPLEMENTED", "", "", Unsupported),
        ];
        for (status, code, fp, message, expected) in rows {
            let body = serde_json::json!({"ver":"1.21.0","errorCode":code,"errorMsg":message,"status":fp}).to_string();
            assert_eq!(error(*status, &body).kind, *expected, "{status} {code} {fp} {message}");
        }
    }

    #[test]
    fn the_other_shapes_are_read_too() {
        let nested = error(404, r#"{"ver":"1.0","status":"failure","error":{"code":"ERR_CONSENT_NOT_FOUND","message":"..."}}"#);
        assert_eq!((nested.kind, nested.code.as_deref()), (ErrorKind::UnknownReference, Some("ERR_CONSENT_NOT_FOUND")));
        let bare = error(400, r#"{"status":"failure","ver":"1.0","message":"Data is deleted for this consent"}"#);
        assert_eq!(bare.kind, ErrorKind::DataExpired);
        assert_eq!(error(502, "<html>Bad gateway</html>").kind, ErrorKind::Unavailable);
        assert_eq!(error(404, "<html>no such page</html>").kind, ErrorKind::Unavailable);
        assert_eq!(error(200, "<html>maintenance</html>").kind, ErrorKind::ResponseInvalid);
        assert_eq!(error(302, "").kind, ErrorKind::ResponseInvalid);
    }

    #[test]
    fn a_gateways_answer_says_nothing_of_a_consent() {
        for (status, body) in [
            (404, r#"{"message":"no Route matched with those values"}"#),
            (404, r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/transaction/status"}"#),
            (404, r#"{"statusCode":404,"message":"Cannot POST /transaction/status","error":"Not Found"}"#),
            (404, r#"{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}"#),
            (404, r#"{"message":"Consent ID does not exist."}"#),
            (404, "{}"),
            (404, "[]"),
            (405, r#"{"message":"Method Not Allowed"}"#),
            (410, r#"{"message":"Gone"}"#),
            (501, r#"{"message":"Not Implemented"}"#),
            (503, r#"{"message":"upstream not ready"}"#),
        ] {
            assert_eq!(error(status, body).kind, ErrorKind::Unavailable, "{status} {body}");
        }
        let page = r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/x"}"#;
        assert_eq!(error(200, page).kind, ErrorKind::ResponseInvalid);
    }

    #[test]
    fn the_general_code_gives_way_to_the_fp_code() {
        let body = r#"{"errorCode":"InvalidRequest","status":"FP0001"}"#;
        assert_eq!(error(400, body).code.as_deref(), Some("FP0001"));
    }

    #[test]
    fn an_undocumented_code_shows_as_a_hash() {
        for personal in ["9000000001 is wrong", "AAAPA0001A", "FP9000000001", "A.SAMPLE", "FP0099"] {
            for body in [
                serde_json::json!({"errorCode":personal}),
                serde_json::json!({"errorCode":"InvalidRequest","status":personal}),
                serde_json::json!({"status":"failure","error":{"code":personal,"message":"x"}}),
            ] {
                let error = error(400, &body.to_string());
                let told = format!("{error} {error:?}");
                assert!(!told.contains(personal), "{told}");
                let fits = |code: &str| code.starts_with("OTHER-") || code == "InvalidRequest";
                assert!(error.code.as_deref().is_none_or(fits), "{body}: {told}");
            }
        }
    }

    #[test]
    fn a_refused_write_did_nothing_and_a_broken_one_may_have() {
        assert_eq!(error(400, "{}").effect, Effect::None);
        assert_eq!(error(429, "{}").effect, Effect::None);
        assert_eq!(error(503, "{}").effect, Effect::Unknown);
        assert_eq!(error(200, "<html>").effect, Effect::Unknown);
        assert_eq!(error(200, r#"{"errorCode":"InvalidRequest"}"#).effect, Effect::None);
    }

    #[test]
    fn the_rate_window_is_obeyed() {
        let mut response = testing::response(429, "{}");
        let reset = testing::now().as_second() + 17;
        response.headers.insert("x-ratelimit-reset", reset.to_string().parse().unwrap());
        let error = classify(testing::origin(CallKind::Read), &response, None);
        assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(17))));
    }

    #[test]
    fn nothing_of_the_body_is_told() {
        let body = r#"{"errorCode":"InvalidRequest","errorMsg":"partyIdentifierValue 9000000001 AAAPA0001A is wrong"}"#;
        let error = error(400, body);
        let told = format!("{error} {error:?}");
        assert!(!told.contains("9000000001") && !told.contains("AAAPA0001A"), "{told}");
    }
}
