//! What the tests of this folder share.
#![allow(clippy::unreachable)]

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::providers::{
    http::{CallKind, OutboundResponse},
    judge::Origin,
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
        "{\"data\":\"x\"}",
        "{\"status\":{},\"data\":{\"status\":[]}}",
        "<html><body>502</body></html>",
        "\u{0}\u{1}",
        "{\"data\":{\"data\":{}}}",
        "{\"data\":{\"data\":[null,1,\"x\",[],{}]}}",
        "{\"data\":[null,1,\"x\",[],{}]}",
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

use std::collections::BTreeMap;

use http::HeaderMap as Headers;

use super::config::{AnalyticsJourneys, Settings, Style};
use crate::{
    journey::model::{Ask, ConsentAsk, Customer, Product, Purpose},
    providers::http::Limits,
};

/// A credential's settings.
pub(super) fn settings(style: Style) -> Settings {
    Settings {
        base_url: "http://127.0.0.1:1/finpro".parse().unwrap_or_else(|_| unreachable!()),
        style,
        credentials: Headers::new(),
        aa_handle: "onemoney".to_owned(),
        products: BTreeMap::from([
            ("underwriting".to_owned(), "PROD01".to_owned()),
            ("monitoring".to_owned(), "PROD02".to_owned()),
        ]),
        templates: BTreeMap::new(),
        analytics: AnalyticsJourneys { json: Some("json_v1".to_owned()), xml: None, excel: Some("excel_v1".to_owned()) },
        report_hosts: Default::default(),
        customer_url_hosts: Default::default(),
        door: None,
        limits: Limits::default(),
    }
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

/// A consent that waits.
pub(super) fn consent(template: &str) -> crate::journey::model::Consent {
    use crate::journey::model::{Certainty, Consent, ConsentMode, ConsentState, Evidence, FactSource, FetchTrigger};
    Consent {
        id: "cns_1".to_owned(),
        attempt_id: "att_1".to_owned(),
        purpose: Purpose::Underwriting,
        template: template.to_owned(),
        asked_range: None,
        template_range: None,
        state: ConsentState::Pending,
        evidence: Evidence { as_of: now(), source: FactSource::Gateway, text: String::new() },
        mode: ConsentMode::Unspecified,
        periodic: false,
        trigger: FetchTrigger::Provider,
        later: Default::default(),
        data_life: None,
        expires_at: None,
        expires_certainty: Certainty::Unspecified,
        handle: None,
        provider_ref: None,
        uploaded: false,
        frequency: None,
        deliveries: Vec::new(),
        active_since: None,
        mode_untold: false,
        fetch_overdue: false,
        fetches: Vec::new(),
    }
}
