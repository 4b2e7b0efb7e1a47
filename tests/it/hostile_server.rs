//! What no provider documents: bodies and connections that must neither be believed, kept, nor shown.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::replay::{Answer, documented};

/// What hostile answers carry of a person. None of it may stand in an error or in a log.
pub const PLANTED: &[&str] =
    &["Planta Genet", "AAAPA7777Q", "9000000077", "50100777777771", "UPI/PLANTED", "https://planted.example/", "7777777.77"];

/// All of it as one text.
pub fn planted() -> String {
    PLANTED.join(" ")
}

/// Deeper than any recursion survives.
const DEEP: usize = 200_000;
/// More than every bound of a stage, and less than a test wants to wait for.
const FLOOD: usize = 4 * 1024 * 1024;

/// One hostile answer.
pub struct Case {
    pub name: String,
    pub answer: Answer,
    /// The reasons that fit it.
    pub reasons: &'static [&'static str],
}

fn case(name: &str, answer: Answer, reasons: &'static [&'static str]) -> Case {
    Case { name: name.to_owned(), answer, reasons }
}

const INVALID: &[&str] = &["PROVIDER_RESPONSE_INVALID"];
const TOO_LARGE: &[&str] = &["PROVIDER_RESPONSE_TOO_LARGE"];
const UNAVAILABLE: &[&str] = &["PROVIDER_UNAVAILABLE"];
/// An object without anything that the call is about: understood, and nothing in it.
pub const NOTHING: &[&str] = &["PROVIDER_RESPONSE_INVALID", "DATA_NOT_READY", "NO_ACCOUNTS"];
/// The same; or a word for a state that nobody knows, which the analyses take for a failure.
pub const TWISTED: &[&str] = &["PROVIDER_RESPONSE_INVALID", "DATA_NOT_READY", "NO_ACCOUNTS", "PROVIDER_UNAVAILABLE"];

/// Answers that are no answer for any call, whatever it asks.
pub fn unusable(path: &str) -> Vec<Case> {
    let good = documented(path);
    let html = format!("<!DOCTYPE html><html><body><h1>Gateway</h1>{}</body></html>", planted());
    let page = |status| Answer::Well(status, "text/html", html.clone().into());
    let planted_json = json!({"errorMsg": planted(), "message": planted(), "name": planted()}).to_string();
    vec![
        case("a page with 200", page(200), INVALID),
        case("a page with 502", page(502), UNAVAILABLE),
        case("a page with 503", page(503), UNAVAILABLE),
        case("a page with 401", page(401), &["PROVIDER_CREDENTIALS"]),
        case("an object with 403", Answer::status(403, planted_json.clone()), &["PROVIDER_CREDENTIALS"]),
        case("an object with 429", Answer::status(429, planted_json.clone()), &["PROVIDER_RATE_LIMITED"]),
        case(
            "a gateway's JSON with 404",
            Answer::status(404, r#"{"message":"no Route matched with those values"}"#),
            UNAVAILABLE,
        ),
        case(
            "a framework's JSON with 404",
            Answer::status(404, r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/x"}"#),
            UNAVAILABLE,
        ),
        case("JSON with 405", Answer::status(405, r#"{"message":"Method Not Allowed"}"#), UNAVAILABLE),
        case("JSON with 501", Answer::status(501, r#"{"message":"Not Implemented"}"#), UNAVAILABLE),
        case("an object with 500", Answer::status(500, planted_json), UNAVAILABLE),
        case("half a body", Answer::json(good[..good.len() / 2].to_owned()), INVALID),
        case("a body and more", Answer::json(format!("{good}{{}}")), INVALID),
        case("an empty body", Answer::json(""), INVALID),
        case("204", Answer::status(204, ""), INVALID),
        case("a text", Answer::json(format!("\"{}\"", planted())), INVALID),
        case("a number", Answer::json("1e400"), INVALID),
        case("null", Answer::json("null"), INVALID),
        case("a list", Answer::json(format!("[\"{}\"]", planted())), INVALID),
        case("deep lists", Answer::json(nested("[", "]")), INVALID),
        case("deep objects", Answer::json(nested("{\"data\":", "}")), NOTHING),
        case("deep and open", Answer::json("{\"data\":".repeat(DEEP)), INVALID),
        case("bad UTF-8", Answer::json(Bytes::from_static(b"{\"data\":\"\xff\xfe\xc3\x28\"}")), NOTHING),
        case("zero bytes", Answer::json(vec![0; 4096]), INVALID),
        case("members twice", Answer::json(format!("{{\"data\":1,\"data\":2,\"x\":\"{}\"}}", planted())), NOTHING),
        case("other types", Answer::json(json!({"status": ["success"], "success": {}, "data": planted()}).to_string()), INVALID),
    ]
}

/// What becomes of a value.
type Twist = fn(&Value) -> Value;

/// The good body, each of its values of another type.
pub fn twisted(path: &str) -> Vec<Case> {
    let good: Value = serde_json::from_str(documented(path)).unwrap();
    let twists: [(&str, Twist); 4] = [
        ("objects for scalars", |_| json!({"x": planted()})),
        ("lists for scalars", |_| json!([[planted()]])),
        ("huge numbers for scalars", |_| serde_json::from_str("1e308").unwrap()),
        ("planted texts for scalars", |_| json!(planted())),
    ];
    let bodies = twists.iter().map(|(name, twist)| (*name, twist_all(&good, *twist).to_string()));
    let beyond = ("numbers beyond every type", twist_all(&good, |_| json!("@")).to_string().replace("\"@\"", "1e400"));
    let nul = ("NUL in every text", twist_all(&good, |_| json!("a\0b")).to_string());
    bodies.chain([beyond, nul]).map(|(name, body)| case(name, Answer::json(body), TWISTED)).collect()
}

fn twist_all(value: &Value, twist: Twist) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| twist_all(item, twist)).collect()),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), twist_all(value, twist))).collect(),
        scalar => twist(scalar),
    }
}

/// Answers whose transport is at fault.
pub fn broken(path: &str) -> Vec<Case> {
    let good = documented(path);
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{more}\r\n");
    let raw = |head: String, body: &[u8]| Answer::Bytes([head.as_bytes(), body].concat().into());
    let bomb = bomb(FLOOD);
    let zipped = |body: &[u8]| raw(head(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", body.len())), body);
    let moved = |status: u16| {
        let head = format!("HTTP/1.1 {status} Moved\r\nlocation: /stolen?{}\r\ncontent-length: 0\r\n\r\n", "x=9000000077");
        Answer::Bytes(head.into())
    };
    let endless = head("transfer-encoding: chunked\r\n");
    vec![
        case("cut before the head", Answer::Bytes(Bytes::new()), UNAVAILABLE),
        case("cut in the head", Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-ty".into()), UNAVAILABLE),
        case("no HTTP", Answer::Bytes("+OK ready\r\n".into()), UNAVAILABLE),
        case("cut in the body", raw(head(&format!("content-length: {}\r\n", good.len())), &good.as_bytes()[..9]), UNAVAILABLE),
        case("cut in a chunk", raw(endless.clone(), b"ff\r\n{\"data\":"), UNAVAILABLE),
        case("a length too short", raw(head("content-length: 20\r\n"), good.as_bytes()), INVALID),
        case("a length far too long", raw(head("content-length: 99999999999\r\n"), good.as_bytes()), TOO_LARGE),
        case("half a gzip", zipped(&bomb[..bomb.len() / 99]), INVALID),
        case("no gzip", zipped(good.as_bytes()), INVALID),
        case("a gzip bomb", zipped(&bomb), TOO_LARGE),
        case("a flood", Answer::Flood(endless.into(), FLOOD), TOO_LARGE),
        case("301", moved(301), INVALID),
        case("302", moved(302), INVALID),
        case("307", moved(307), INVALID),
        case("308", moved(308), INVALID),
    ]
}

/// Answers that never come to an end.
pub fn silent() -> Vec<Case> {
    const LATE: &[&str] = &["PROVIDER_TIMEOUT"];
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n";
    vec![
        case("silence", Answer::Held, LATE),
        case("a drip", Answer::Drip(head.into()), LATE),
        case("a dripping head", Answer::Drip("HTTP/1.1 200 OK\r\nx:".into()), LATE),
    ]
}

fn nested(open: &str, close: &str) -> String {
    format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP))
}

/// A gzip member of `size` blanks in little room: one literal, then runs of 258 that repeat it.
fn bomb(size: usize) -> Vec<u8> {
    let mut bits = Vec::new();
    // Huffman codes go out highest bit first, everything else lowest bit first (RFC 1951, 3.1.1).
    let mut put = |value: u32, count: u32| bits.extend((0..count).map(|at| value >> at & 1));
    put(0b011, 3);
    put(u32::from(0x30 + b' ').reverse_bits() >> 24, 8);
    for _ in 0..size / 258 {
        put(0b1100_0101_u32.reverse_bits() >> 24, 8);
        put(0, 5);
    }
    put(0, 7);
    let packed = bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | (*bit as u8) << at));
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(packed);
    gzip.extend([0; 8]);
    gzip
}
