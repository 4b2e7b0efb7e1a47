//! The odd answers.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::drive::Good;
use crate::providers::{error::ErrorKind, http::OutboundResponse};

/// An odd answer.
pub(super) struct Odd {
    pub name: String,
    pub status: u16,
    pub body: Bytes,
    /// Whether it differs from the documented one by a value that is null or empty, which some calls document as "not there yet".
    pub hollow: bool,
    /// Whether it differs by a number.
    pub number: bool,
    /// Whether it differs by the text of a status word: an unknown word of a status means waiting.
    pub worded: bool,
}

impl Odd {
    fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let name = format!("{status} {}", body[..body.len().min(160)].escape_ascii());
        Self { name, status, body, hollow: false, number: false, worded: false }
    }

    pub fn documented(good: Good) -> Self {
        Self::new(200, good.bytes())
    }

    pub fn response(&self) -> OutboundResponse {
        let status = StatusCode::from_u16(self.status).unwrap();
        OutboundResponse::new(status, HeaderMap::new(), self.body.clone())
    }
}

/// Answers with a good status of which nothing can be right, whatever was asked.
pub(super) fn nonsense() -> Vec<Odd> {
    let bodies = [
        "",
        " ",
        "null",
        "true",
        "7",
        "1e400",
        "\"surprise\"",
        "[]",
        "[7]",
        "[[]]",
        "[{}]",
        "[\"success\"]",
        "{}",
        "{",
        "<!DOCTYPE html><html><body>It works!</body></html>",
        "<html><head><title>Maintenance</title></head></html>",
        "OK",
        r#"{"ver":1,"status":["success"],"data":"surprise"}"#,
        r#"{"ver":1,"status":{"success":true},"data":"surprise"}"#,
        r#"{"ver":"1.21.0","status":"success","data":"surprise"}"#,
        r#"{"ver":"1.21.0","status":"success","data":7}"#,
        r#"{"ver":"1.21.0","status":"success","data":true}"#,
        r#"{"ver":"1.21.0","status":"success","data":[7]}"#,
        r#"{"ver":"1.21.0","status":"success","data":["surprise"]}"#,
        r#"{"ver":"1.21.0","status":"success","data":[[]]}"#,
        r#"{"ver":"1.21.0","status":"success","data":[null]}"#,
        r#"{"ver":"1.21.0","status":"success","data":[{}]}"#,
        r#"{"ver":"1.21.0","status":"success","data":{}}"#,
        r#"{"ver":"1.21.0","status":"success","data":null}"#,
        r#"{"ver":"1.21.0","status":"success"}"#,
        r#"{"ver":"1.21.0","status":7,"data":[]}"#,
        r#"{"ver":"1.21.0","status":"success","errorCode":["InvalidConsentId"],"data":[]}"#,
        r#"{"status":"SUCCESSFUL","data":"surprise"}"#,
        r#"{"status":"UNSUCCESSFUL"}"#,
        r#"{"status":"error","message":"no Route matched with those values"}"#,
        r#"{"success":{},"status_code":[],"data":{}}"#,
        r#"{"success":"maybe","data":null}"#,
        r#"{"success":true,"status_code":{"code":200},"data":null}"#,
        r#"{"success":true,"status_code":200,"message":"Success","data":"surprise"}"#,
        r#"{"success":true,"status_code":200,"message":"Success","data":7}"#,
        r#"{"success":false}"#,
        r#"{"data":null}"#,
        r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/x"}"#,
    ];
    let mut all: Vec<Odd> = bodies.into_iter().map(|body| Odd::new(200, body)).collect();
    all.push(Odd::new(200, vec![0xff, 0xfe, 0x00]));
    all.push(Odd::new(200, "[".repeat(100_000)));
    all.push(Odd::new(202, ""));
    all.push(Odd::new(202, "{}"));
    all.push(Odd::new(204, ""));
    all
}

/// The same in Finpass's own envelope.
pub(super) fn finpass_nonsense() -> Vec<Odd> {
    let data = [
        "[]",
        r#"["surprise"]"#,
        r#"[{"account_id":"a","status":"READY"}]"#,
        r#"{"status":["failed"]}"#,
        r#"{"status":{"is":"failed"}}"#,
        r#"{"account_aggregator_json":"surprise","accounts":"surprise","summary":"surprise"}"#,
        r#"{"account_aggregator_json":{},"accounts":{},"summary":{}}"#,
        r#"{"account_aggregator_json":[7],"accounts":[7],"summary":7}"#,
        r#"{"account_aggregator_json":[{}],"accounts":[{}],"summary":[]}"#,
        r#"{"surprise":{"a":1}}"#,
    ];
    let answers = data.iter().map(|data| format!(r#"{{"success":true,"status_code":200,"message":"Success","data":{data}}}"#));
    let odd_flags = [r#"["true"]"#, "{}", "\"maybe\"", "7"];
    let flagged = odd_flags.iter().map(|flag| format!(r#"{{"success":{flag},"message":"ok","data":{{"status":"failed"}}}}"#));
    answers.chain(flagged).map(|body| Odd::new(200, body)).collect()
}

/// What something in front of a provider answers about its own routes.
pub(super) fn gateways() -> Vec<Odd> {
    let bodies = [
        (404, r#"{"message":"no Route matched with those values"}"#),
        (404, r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/transaction/status"}"#),
        (
            404,
            r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","message":"No message available","path":"/x"}"#,
        ),
        (404, r#"{"statusCode":404,"message":"Cannot POST /transaction/status","error":"Not Found"}"#),
        (404, r#"{"statusCode":404,"message":"Resource not found"}"#),
        (404, r#"{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}"#),
        (
            404,
            r#"{"fault":{"faultstring":"Unable to identify proxy","detail":{"errorcode":"messaging.adaptors.http.flow.ApplicationNotFound"}}}"#,
        ),
        (404, r#"{"detail":"Not Found"}"#),
        (404, r#"{"success":false,"message":"Not Found"}"#),
        (404, r#"{"status":"failure","message":"Not Found"}"#),
        (404, r#"{"ver":1,"status":["success"],"data":"surprise"}"#),
        (404, "{}"),
        (404, "[]"),
        (404, "\"Not Found\""),
        (404, ""),
        (404, "<html><body>404</body></html>"),
        (405, r#"{"message":"Method Not Allowed"}"#),
        (405, "<html><body>405</body></html>"),
        (409, r#"{"message":"conflict"}"#),
        (410, r#"{"message":"Gone"}"#),
        (410, "<html><body>410</body></html>"),
        (400, r#"{"message":"Request rejected: the token expired and its certificate was revoked"}"#),
        (422, r#"{"message":"Access denied: consent expired"}"#),
        (501, r#"{"message":"Not Implemented"}"#),
        (501, ""),
        (503, r#"{"message":"the service is not ready"}"#),
    ];
    bodies.into_iter().map(|(status, body)| Odd::new(status, body)).collect()
}

/// FinPro's words for a request that an operator has to mend.
pub(super) fn set_up_wrongly() -> Vec<(Odd, ErrorKind)> {
    let body = |code: &str, text: &str| {
        json!({"ver": "1.21.0", "timestamp": "2026-01-01T00:00:00.000Z", "errorCode": code, "errorMsg": text}).to_string()
    };
    vec![
        (Odd::new(404, body("NoSuchVersion", "The version does not exist")), ErrorKind::Configuration),
        (Odd::new(404, r#"{"errorCode":"NoSuchVersion"}"#), ErrorKind::Configuration),
        (Odd::new(400, body("Bad request headers", "")), ErrorKind::Credentials),
        (Odd::new(400, body("InvalidRequest", " [ Bad request headers ] ")), ErrorKind::Credentials),
        (Odd::new(400, body("Unauthorized", "Invalid headers")), ErrorKind::Credentials),
    ]
}

/// The documented answer with each of its values replaced by values of other types.
pub(super) fn other_types(good: Good) -> Vec<Odd> {
    let Ok(good) = serde_json::from_slice::<Value>(&good.bytes()) else { return Vec::new() };
    let others = [json!("surprise"), json!(7), json!(true), json!([]), json!({}), json!(null), json!([[1]]), json!({"x": 1})];
    let mut all = Vec::new();
    for path in paths(&good) {
        for other in &others {
            let was = good.pointer(&path).unwrap();
            // A text for a text is no other type.
            if std::mem::discriminant(was) == std::mem::discriminant(other) && !was.is_array() && !was.is_object() {
                continue;
            }
            let mut body = good.clone();
            *body.pointer_mut(&path).unwrap() = other.clone();
            let hollow = matches!(other, Value::Null) || *other == json!([]) || *other == json!({});
            all.push(Odd {
                name: format!("{path} is {other}"),
                hollow,
                number: other.is_number(),
                ..Odd::new(200, body.to_string())
            });
        }
    }
    all
}

/// The documented answer with texts and bytes that JSON or UTF-8 forbids.
pub(super) fn odd_texts(good: Good) -> Vec<Odd> {
    let Good::Text(good) = good else { return Vec::new() };
    let mut all: Vec<Odd> = vec![
        Odd::new(200, [&b"\xef\xbb\xbf"[..], good.as_bytes()].concat()),
        Odd::new(200, good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        Odd::new(200, [good.as_bytes(), b"\0"].concat()),
        Odd::new(200, [good.as_bytes(), b","].concat()),
        Odd::new(200, good.trim_end().trim_end_matches('}').to_owned() + ",}"),
    ];
    let Ok(good) = serde_json::from_str::<Value>(good) else { return all };
    let texts: [&[u8]; 6] = [b"\"\\ud83d\"", b"\"a\\udc00b\"", b"\"a\x01b\"", b"\"a\nb\"", b"\"a\0b\"", b"\"caf\xe9\""];
    for path in paths(&good).into_iter().filter(|path| good.pointer(path).is_some_and(Value::is_string)) {
        let mut marked = good.clone();
        *marked.pointer_mut(&path).unwrap() = json!("@@");
        let marked = marked.to_string();
        let (before, after) = marked.split_once("\"@@\"").unwrap();
        for text in texts {
            let body = [before.as_bytes(), text, after.as_bytes()].concat();
            let worded = path.to_ascii_lowercase().ends_with("status");
            all.push(Odd { name: format!("{path} is {}", text.escape_ascii()), worded, ..Odd::new(200, body) });
        }
    }
    all
}

/// Every place below the top, as JSON pointers.
fn paths(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    let below = |(name, child): (String, &Value)| {
        let deeper = paths(child).into_iter().map(|path| format!("/{name}{path}")).collect::<Vec<_>>();
        std::iter::once(format!("/{name}")).chain(deeper)
    };
    children.into_iter().flat_map(below).collect()
}
