//! What Finpass's refusals mean. Its codes for the family of 422 are not documented, only their labels; so the HTTP status decides
//! first, then key words of the code, then of the message. A refusal that nobody knows is never taken for a success.

use http::StatusCode;

use super::{envelope, words};
use crate::providers::{
    error::{ErrorKind, ProviderError},
    http::{CallKind, OutboundResponse},
    judge::{self, Origin},
    lenient::Members,
};

/// Why Finpass refused, finer than [`ErrorKind`]: several of these are states of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Wrong key pair.
    Credentials,
    /// Too many calls.
    RateLimited,
    /// Finpass's own fault, or something in front of it.
    Unavailable,
    /// Not understood.
    Unreadable,
    /// The request itself.
    Refused,
    /// The session is not known.
    UnknownClient,
    /// The customer has not finished.
    ConsentPending,
    /// The customer declined.
    Rejected,
    /// The customer withdrew.
    Revoked,
    /// The consent is held or over; which is not told.
    NotActive,
    /// Data is being collected.
    Collecting,
    /// Nobody has asked for data yet.
    NoRequest,
    /// There is no account.
    Empty,
    /// The data session, or its data, is over.
    Expired,
    /// The bank or the aggregator failed.
    FetchError,
    /// A refusal that no table knows: wait.
    Unclear,
}

impl Reason {
    fn kind(self) -> ErrorKind {
        match self {
            Self::Credentials => ErrorKind::Credentials,
            Self::RateLimited => ErrorKind::RateLimited,
            Self::Unavailable | Self::FetchError => ErrorKind::Unavailable,
            Self::Unreadable => ErrorKind::ResponseInvalid,
            Self::Refused => ErrorKind::Refused,
            Self::UnknownClient => ErrorKind::UnknownReference,
            Self::ConsentPending | Self::Collecting | Self::NoRequest | Self::Unclear => ErrorKind::NotReady,
            Self::Rejected => ErrorKind::Rejected,
            Self::Revoked => ErrorKind::Revoked,
            Self::NotActive => ErrorKind::NotActive,
            Self::Empty => ErrorKind::NoAccounts,
            Self::Expired => ErrorKind::DataExpired,
        }
    }
}

/// A refusal: what it means, and the error it is where no state comes of it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// What it means.
    pub reason: Reason,
    /// As an error.
    pub error: ProviderError,
}

impl From<Refusal> for ProviderError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// A refusal of our own making: the answer succeeded and cannot be used.
pub(super) fn unusable(origin: Origin, detail: &'static str) -> Refusal {
    Refusal { reason: Reason::Unreadable, error: origin.unusable(detail) }
}

/// A success that says that something else is the matter.
pub(super) fn of_reason(origin: Origin, reason: Reason, detail: &'static str) -> Refusal {
    Refusal { reason, error: origin.error(reason.kind()).with_detail(detail) }
}

/// Key words, all of which must occur; the first row that fits decides, so the more telling rows stand first. What ends a consent or a session
/// needs its subject beside the verb: "request rejected" and "token expired" are said by gateways, too.
const WORDS: &[(&[&str], Reason)] = &[
    (&["client id", "invalid"], Reason::UnknownClient),
    (&["client id", "not found"], Reason::UnknownClient),
    (&["client not found"], Reason::UnknownClient),
    (&["session not found"], Reason::UnknownClient),
    (&["missing", "request"], Reason::NoRequest),
    (&["request id", "required"], Reason::NoRequest),
    (&["financial information request"], Reason::NoRequest),
    (&["no fi request"], Reason::NoRequest),
    (&["invalid input"], Reason::Refused),
    (&["validation"], Reason::Refused),
    (&["unauthorized"], Reason::Credentials),
    (&["consent", "reject"], Reason::Rejected),
    (&["consent", "denied"], Reason::Rejected),
    (&["consent", "declin"], Reason::Rejected),
    (&["consent", "revok"], Reason::Revoked),
    (&["consent", "paused"], Reason::NotActive),
    (&["consent", "not active"], Reason::NotActive),
    (&["consent", "inactive"], Reason::NotActive),
    (&["consent", "expired"], Reason::NotActive),
    (&["consent", "pending"], Reason::ConsentPending),
    (&["data", "expired"], Reason::Expired),
    (&["session", "expired"], Reason::Expired),
    (&["not ready"], Reason::Collecting),
    (&["in progress"], Reason::Collecting),
    (&["accepted"], Reason::Collecting),
    (&["account data not found"], Reason::Empty),
    (&["no account"], Reason::Empty),
    (&["fetch error"], Reason::FetchError),
    (&["pending"], Reason::Collecting),
    (&["fetch", "fail"], Reason::FetchError),
];

/// The same for a code alone. The codes of a 422 are not documented; a code is Finpass's own word, so its verb is enough.
const CODE_WORDS: &[(&[&str], Reason)] = &[
    (&["reject"], Reason::Rejected),
    (&["denied"], Reason::Rejected),
    (&["declin"], Reason::Rejected),
    (&["revok"], Reason::Revoked),
    (&["expired"], Reason::Expired),
];

/// The same for a message with 404, whose documented label is "Client Not Found".
const NOT_FOUND_WORDS: &[(&[&str], Reason)] =
    &[(&["client", "not found"], Reason::UnknownClient), (&["session", "not found"], Reason::UnknownClient)];

/// Reads a refusal; `status` is the worse of both statuses.
pub(super) fn refusal(origin: Origin, response: &OutboundResponse, status: StatusCode, top: Option<&Members<'_>>) -> Refusal {
    let code = top.and_then(|top| top.text(&["message_code", "error_code"]));
    let message = top.and_then(|top| top.text(&["message", "error_message"]));
    let own = top.is_some_and(envelope::is_own);
    let said = Said { code: code.as_deref().map(plain), message: message.as_deref().map(plain) };
    let reason = by_status(status, top.is_some())
        .or_else(|| said.reason(status).filter(|_| own))
        .unwrap_or_else(|| otherwise(status, origin.kind, own && !said.is_empty()));
    let effect = if reason == Reason::Unreadable { origin.kind.effect_when_lost() } else { origin.effect_of(status) };
    let shape = match () {
        () if top.is_some() => "a JSON object",
        () if response.body.is_empty() => "an empty body",
        () if judge::is_html(&response.body) => "a web page",
        () => "no JSON object",
    };
    let mut error = origin.error(reason.kind()).with_effect(effect);
    if let Some(code) = &code {
        error = error.with_code(words::CODES, code);
    }
    error.retry_after = matches!(error.kind, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::NotReady)
        .then(|| judge::retry_after(response, origin.now))
        .flatten();
    let detail =
        format!("HTTP {}, read as {}, with {shape} of {} bytes", response.status.as_u16(), status.as_u16(), response.body.len());
    Refusal { reason, error: error.with_detail(detail) }
}

fn by_status(status: StatusCode, is_object: bool) -> Option<Reason> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Reason::Credentials),
        StatusCode::TOO_MANY_REQUESTS => Some(Reason::RateLimited),
        status if status.is_server_error() => Some(Reason::Unavailable),
        // A page instead of an answer: something in front of Finpass has spoken, so nothing is known of the session.
        status if !is_object && status.is_client_error() => Some(Reason::Unavailable),
        _ if !is_object => Some(Reason::Unreadable),
        _ => None,
    }
}

/// What a refusal says of itself, ready for comparison.
struct Said {
    code: Option<String>,
    message: Option<String>,
}

impl Said {
    fn reason(&self, status: StatusCode) -> Option<Reason> {
        let by_code = || find(WORDS, &self.code).or_else(|| find(CODE_WORDS, &self.code));
        if status == StatusCode::NOT_FOUND {
            // Only the words mean an unknown client: a path that a gateway does not know has the same status.
            let by_words = find(NOT_FOUND_WORDS, &self.code).or_else(|| find(NOT_FOUND_WORDS, &self.message));
            let unknown = |reason: &Reason| *reason == Reason::UnknownClient;
            return by_words.or_else(|| by_code().or_else(|| find(WORDS, &self.message)).filter(unknown));
        }
        by_code().or_else(|| find(WORDS, &self.message))
    }

    fn is_empty(&self) -> bool {
        self.code.is_none() && self.message.is_none()
    }
}

/// Lower case, with blanks between the words.
fn plain(text: &str) -> String {
    text.chars().take(300).map(|char| if matches!(char, '_' | '-') { ' ' } else { char.to_ascii_lowercase() }).collect()
}

fn find(table: &[(&[&str], Reason)], text: &Option<String>) -> Option<Reason> {
    let text = text.as_deref()?;
    table.iter().find(|(words, _)| words.iter().all(|word| text.contains(word))).map(|(_, reason)| *reason)
}

/// When neither status nor words tell. `own` is whether Finpass itself has said something.
fn otherwise(status: StatusCode, kind: CallKind, own: bool) -> Reason {
    let read = kind == CallKind::Read;
    match status {
        StatusCode::ACCEPTED if own => Reason::Collecting,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Reason::Unavailable,
        StatusCode::BAD_REQUEST => Reason::Refused,
        StatusCode::UNPROCESSABLE_ENTITY if !read => Reason::Refused,
        status if status.is_client_error() && !own => {
            if status == StatusCode::UNPROCESSABLE_ENTITY {
                Reason::Unreadable
            } else {
                Reason::Unavailable
            }
        }
        StatusCode::CONFLICT if read => Reason::Collecting,
        StatusCode::UNPROCESSABLE_ENTITY => Reason::Unclear,
        status if status.is_client_error() => Reason::Refused,
        status if status.is_success() && own => {
            if read {
                Reason::Unclear
            } else {
                Reason::Refused
            }
        }
        _ => Reason::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{
        error::Effect,
        finpass::{envelope, testing},
    };

    fn refused(kind: CallKind, status: u16, body: &str) -> Refusal {
        envelope::read(testing::origin(kind), &testing::response(status, body)).unwrap_err()
    }

    #[test]
    fn every_documented_label_has_its_meaning() {
        use Reason::*;
        let rows: &[(u16, &str, &str, Reason)] = &[
            (401, "unauthorized", "Unauthorized access. Invalid or missing API credentials.", Credentials),
            (403, "", "", Credentials),
            (404, "client_not_found", "Client Not Found", UnknownClient),
            (400, "invalid_client_id", "Invalid or expired client ID provided", UnknownClient),
            (404, "SESSION_NOT_FOUND", "", UnknownClient),
            (404, "", "No client was found: client id not found", UnknownClient),
            (422, "consent_status_pending", "Consent Status Pending", ConsentPending),
            (422, "consent_status_rejected", "Consent Status Rejected", Rejected),
            (422, "consent_status_revoked", "Consent Status Revoked", Revoked),
            (422, "account_data_not_found", "Account Data Not Found", Empty),
            (422, "account_data_fetch_expired", "Account Data Fetch Expired", Expired),
            (422, "account_data_fetch_error", "Account Data Fetch Error", FetchError),
            (422, "no_financial_information_request_found", "No Financial Information Request Found", NoRequest),
            (422, "missing_request_id", "Missing Request ID", NoRequest),
            (400, "", "Missing Request ID", NoRequest),
            (422, "data_not_ready", "Data Not Ready", Collecting),
            (409, "ANALYSIS_NOT_READY", "", Collecting),
            (410, "SESSION_EXPIRED", "", Expired),
            (422, "rejected", "", Rejected),
            (422, "revoked", "", Revoked),
            (400, "INVALID_INPUT", "Invalid mobile", Refused),
            (422, "validation_error", "Validation failed", Refused),
            (422, "something_new", "Something new", Unclear),
            (429, "", "", RateLimited),
            (500, "server_error", "", Unavailable),
            (503, "", "", Unavailable),
        ];
        for (status, code, message, reason) in rows {
            let old = serde_json::json!({"data":null,"status_code":status,"success":false,"message":message,"message_code":code});
            let new = serde_json::json!({"success":false,"message":message,"error_code":code});
            let labelled = serde_json::json!({"status_code":status,"success":false,"message":message,"message_code":""});
            assert_eq!(refused(CallKind::Read, *status, &old.to_string()).reason, *reason, "{status} {code}");
            assert_eq!(refused(CallKind::Read, *status, &new.to_string()).reason, *reason, "{status} {code}");
            if !message.is_empty() {
                assert_eq!(refused(CallKind::Read, *status, &labelled.to_string()).reason, *reason, "{status} {message}");
            }
        }
    }

    #[test]
    fn a_gateways_answer_says_nothing_of_a_session() {
        for (status, body) in [
            (404, r#"{"message":"no Route matched with those values"}"#),
            (404, r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/api/v1/client/not found"}"#),
            (404, r#"{"statusCode":404,"message":"Cannot GET /api/v1","error":"Not Found"}"#),
            (404, r#"{"message":"Client Not Found"}"#),
            (404, r#"{"success":false,"message":"The requested URL was not found"}"#),
            (404, "{}"),
            (404, "[]"),
            (405, r#"{"message":"Method Not Allowed"}"#),
            (409, r#"{"message":"conflict"}"#),
            (410, r#"{"message":"session expired"}"#),
            (501, r#"{"message":"Not Implemented"}"#),
        ] {
            assert_eq!(refused(CallKind::Read, status, body).reason, Reason::Unavailable, "{status} {body}");
        }
        for (status, body) in [
            (200, r#"{"ver":1,"status":["success"],"data":"surprise"}"#),
            (200, r#"{"success":false}"#),
            (200, r#"{"success":["true"],"data":{}}"#),
            (200, r#"{"success":true,"status_code":{},"data":{}}"#),
            (200, r#"{"data":null}"#),
            (202, "{}"),
            (202, ""),
            (422, r#"{"message":"consent rejected"}"#),
        ] {
            assert_eq!(refused(CallKind::Read, status, body).reason, Reason::Unreadable, "{status} {body}");
        }
    }

    #[test]
    fn a_verb_without_its_subject_ends_nothing() {
        for message in ["Request rejected", "Access denied", "Token expired", "The certificate was revoked"] {
            let body = serde_json::json!({"success": false, "message": message}).to_string();
            assert_eq!(refused(CallKind::Read, 422, &body).reason, Reason::Unclear, "{message}");
            assert_eq!(refused(CallKind::Read, 400, &body).reason, Reason::Refused, "{message}");
        }
    }

    #[test]
    fn the_worse_status_counts() {
        let body = r#"{"data":null,"status_code":422,"success":true,"message":"Consent Status Pending"}"#;
        assert_eq!(refused(CallKind::Read, 200, body).reason, Reason::ConsentPending);
        let body = r#"{"data":{},"status_code":200,"success":true,"message":"Success"}"#;
        assert_eq!(refused(CallKind::Read, 500, body).reason, Reason::Unavailable);
    }

    #[test]
    fn an_unknown_refusal_of_a_write_is_a_refusal() {
        let refusal = refused(CallKind::Write, 422, r#"{"success":false,"message":"no"}"#);
        assert_eq!((refusal.reason, refusal.error.effect), (Reason::Refused, Effect::None));
        let broken = refused(CallKind::Write, 200, "<html>");
        assert_eq!((broken.reason, broken.error.effect), (Reason::Unreadable, Effect::Unknown));
        assert_eq!(refused(CallKind::Write, 502, "<html>").error.effect, Effect::Unknown);
        assert_eq!(refused(CallKind::Read, 404, "<html>").reason, Reason::Unavailable);
    }

    #[test]
    fn nothing_of_the_body_is_told() {
        let refusal =
            refused(CallKind::Write, 422, r#"{"success":false,"message":"9000000001 AAAPA0001A","message_code":"x 9000000001"}"#);
        let told = format!("{refusal:?} {}", refusal.error);
        assert!(!told.contains("9000000001") && !told.contains("AAAPA"), "{told}");
    }

    #[test]
    fn an_undocumented_code_shows_as_a_hash() {
        for personal in ["AAAPA0001A", "aaapa_0001_a", "9000000001", "A_SAMPLE"] {
            for member in ["message_code", "error_code"] {
                let body = serde_json::json!({"success":false,"message":"x",member:personal}).to_string();
                let code = refused(CallKind::Read, 422, &body).error.code.unwrap();
                assert!(code.starts_with("OTHER-") && !code.contains(personal), "{personal}: {code}");
            }
        }
        let body = r#"{"success":false,"message":"x","error_code":"ANALYSIS_NOT_READY"}"#;
        assert_eq!(refused(CallKind::Read, 409, body).error.code.as_deref(), Some("ANALYSIS_NOT_READY"));
    }
}
