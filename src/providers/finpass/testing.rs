//! What the tests of this folder share.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::{
    journey::model::{Ask, ConsentAsk, Customer, Product, Purpose},
    providers::{
        http::{CallKind, OutboundResponse},
        judge::Origin,
    },
};

/// An answer.
pub(super) fn response(status: u16, body: &str) -> OutboundResponse {
    bytes_response(status, body.as_bytes())
}

/// An answer of any bytes.
pub(super) fn bytes_response(status: u16, body: &[u8]) -> OutboundResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    OutboundResponse::new(status, HeaderMap::new(), Bytes::copy_from_slice(body))
}

/// The time at which every test stands.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap_or_default()
}

/// A call.
pub(super) fn origin(kind: CallKind) -> Origin {
    Origin { provider: super::ID, stage: "test", kind, now: now(), exchange: None }
}

/// A plain ask.
pub(super) fn ask() -> Ask {
    Ask {
        customer: Customer { mobile: Some("9000000001".into()), ..Customer::default() },
        consents: vec![ConsentAsk { purpose: Purpose::Underwriting, template: None, data_range: None }],
        products: vec![Product::Data],
        institutions: Vec::new(),
        redirect_url: None,
        client_reference: None,
    }
}

/// Bodies that no parser may take for an answer, and none may fall over.
pub(super) fn hostile() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"text\"",
        "[]",
        "[[1]]",
        "{}",
        "{",
        "{\"data\":",
        "{\"data\":{}}",
        "{\"data\":[]}",
        "{\"data\":null}",
        "{\"data\":7}",
        "{\"data\":{\"status\":{},\"client_id\":[]}}",
        "{\"data\":{\"account_aggregator_json\":[]}}",
        "{\"data\":{\"account_aggregator_json\":{}}}",
        "{\"success\":\"maybe\",\"status_code\":{},\"data\":{}}",
        "<html><body>502</body></html>",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(vec![0xff, 0xfe, 0x00]);
    for (open, close) in [("[", "]"), ("{\"data\":", "}")] {
        bodies.push(format!("{{\"data\":{}{}}}", open.repeat(200_000), close.repeat(200_000)).into_bytes());
        bodies.push(open.repeat(200_000).into_bytes());
    }
    bodies
}
