//! What FinPro wraps its answers in: one envelope for success, four for errors.

use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::time::iso;
use crate::sandbox::scenario::Scenario;

/// The version that most endpoints state.
pub(super) const VER: &str = "1.21.0";

/// What a handler gives back.
pub(super) type Answer = Result<Reply, Failure>;

/// A good answer.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Json(Value),
    Bytes(&'static str, Bytes),
}

impl Reply {
    /// The usual envelope with message "Success".
    pub(super) fn success(data: Value) -> Self {
        Self::Json(json!({"ver": VER, "status": "success", "data": data, "message": "Success"}))
    }

    /// The envelope without a message.
    pub(super) fn plain(data: Value) -> Self {
        Self::Json(json!({"ver": VER, "status": "success", "data": data}))
    }
}

/// A refusal.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// Business rule: `errorCode`, `errorMsg` and mostly an `FPnnnn` in `status`.
    Rule { http: StatusCode, code: &'static str, text: String, fp: Option<&'static str> },
    /// Schema validation: every complaint in brackets, with blanks round it.
    Schema(Vec<String>),
    /// `{status, error: {code, message}}`.
    Nested(&'static str, &'static str),
    /// `{status, message}`.
    Flat(&'static str),
    /// A proxy in front of FinPro answers.
    Proxy(StatusCode),
}

impl Failure {
    /// 400 with this code and text.
    pub(super) fn rule(code: &'static str, text: impl Into<String>) -> Self {
        Self::Rule { http: StatusCode::BAD_REQUEST, code, text: text.into(), fp: None }
    }

    /// 400 with this code and text and the FP code in `status`.
    pub(super) fn coded(fp: &'static str, code: &'static str, text: impl Into<String>) -> Self {
        Self::Rule { http: StatusCode::BAD_REQUEST, code, text: text.into(), fp: Some(fp) }
    }

    /// 401.
    pub(super) fn unauthorized(text: &'static str) -> Self {
        Self::Rule { http: StatusCode::UNAUTHORIZED, code: "Unauthorized", text: text.to_owned(), fp: None }
    }

    /// The same with another HTTP status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        if let Self::Rule { http, .. } = &mut self {
            *http = status;
        }
        self
    }

    /// For some customers the FP code is left out, as many recordings do.
    pub(super) fn for_customer(mut self, scenario: Scenario) -> Self {
        if let (Self::Rule { fp, .. }, Scenario::NoErrorCodes) = (&mut self, scenario) {
            *fp = None;
        }
        self
    }

    fn into_response(self, now: Timestamp) -> Response {
        let at = iso(now);
        let (status, body) = match self {
            Self::Rule { http, code, text, fp } => {
                let mut body = json!({"ver": VER, "timestamp": at, "errorCode": code, "errorMsg": text});
                if let Some(fp) = fp {
                    body["status"] = json!(fp);
                }
                (http, body)
            }
            Self::Schema(faults) => {
                let text = faults.iter().map(|fault| format!(" [ {fault} ]")).collect::<String>() + " ";
                (StatusCode::BAD_REQUEST, json!({"ver": VER, "timestamp": at, "errorCode": "InvalidRequest", "errorMsg": text}))
            }
            Self::Nested(code, message) => {
                (StatusCode::BAD_REQUEST, json!({"ver": "1.0", "status": "failure", "error": {"code": code, "message": message}}))
            }
            Self::Flat(message) => (StatusCode::BAD_REQUEST, json!({"status": "failure", "ver": "1.0", "message": message})),
            Self::Proxy(status) => return proxy_page(status),
        };
        as_json(status, &body)
    }
}

fn as_json(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

fn proxy_page(status: StatusCode) -> Response {
    let title = status.to_string();
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, Html(page)).into_response()
}

/// The answer as HTTP.
pub(super) fn respond(answer: Answer, now: Timestamp) -> Response {
    match answer {
        Ok(Reply::Json(body)) => as_json(StatusCode::OK, &body),
        Ok(Reply::Bytes(media_type, bytes)) => ([(CONTENT_TYPE, media_type)], bytes).into_response(),
        Err(failure) => failure.into_response(now),
    }
}
