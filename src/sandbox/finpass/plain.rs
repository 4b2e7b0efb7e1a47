//! The plain Account Aggregator product: init, fetch-json-report, refresh-data.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;

use super::{
    envelope::{look_response, older_error, older_success, older_unauthorized},
    ids,
    input::{Input, is_mobile, is_pan},
    look::Look,
    paths,
    report::{AccountReport, account_reports},
    server::Finpass,
    world::{ConsentType, Opening, Product},
};

/// Hours that a customer has; Finpass states none for this product.
const SESSION_HOURS: i64 = 24;

#[derive(Serialize)]
struct Opened<'a> {
    client_id: &'a str,
    mobile_number: &'a str,
    pan_number: Option<&'a str>,
    /// Asked for as `email`.
    email_id: Option<&'a str>,
    /// The journey's URL: in the request the same name is the return page.
    redirect_url: String,
}

#[derive(Serialize)]
struct Report<'a> {
    client_id: &'a str,
    account_aggregator_json: Vec<AccountReport<'a>>,
}

#[derive(Serialize)]
struct Refreshed {
    request_id: String,
}

pub(super) fn invalid(message: &str) -> Response {
    older_error(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", message)
}

/// Opens a session.
pub async fn init(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return older_unauthorized() };
    let Some(input) = Input::read(&headers, &body) else { return invalid("Validation failed") };
    let Some(mobile) = input.text(&["mobile_number"]).filter(|text| is_mobile(text)) else {
        return invalid("Validation failed: mobile_number must be 10 digits");
    };
    // The documented table says pan_number, the documented sample sends pan.
    let pan = input.text(&["pan_number", "pan"]);
    if pan.is_some_and(|pan| !is_pan(pan)) {
        return invalid("Validation failed: pan_number is invalid");
    }
    let Some(consent_type) = input.text(&["consent_type"]).and_then(ConsentType::parse) else {
        return invalid("Validation failed: consent_type is invalid");
    };
    let opening = Opening {
        owner,
        product: Product::Plain,
        consent_type,
        mobile: mobile.to_owned(),
        return_url: input.text(&["redirect_url"]).map(str::to_owned),
        webhook_url: input.text(&["webhook_url"]).map(str::to_owned),
    };
    finpass.record(paths::AA_INIT, mobile);
    let script = finpass.script(mobile);
    if script.init_is_refused {
        return invalid("No account aggregator profile found for this mobile number");
    }
    let (client_id, token) = finpass.open_session(ids::plain_client(finpass.now()), opening, SESSION_HOURS);
    if script.init_answer_is_lost {
        return lost();
    }
    older_success(Opened {
        client_id: &client_id,
        mobile_number: mobile,
        pan_number: pan,
        email_id: input.text(&["email"]),
        // The journey pages behind Finpass carry their token behind a `#`: whoever tidies the address loses it.
        redirect_url: finpass.world.url(&format!("journey/{token}#/aa-webview?requestId={token}")),
    })
}

/// Fetches the report.
pub async fn fetch_json_report(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return older_unauthorized() };
    let Some(input) = Input::read(&headers, &body) else { return invalid("Validation failed") };
    let Some(client_id) = input.text(&["client_id"]) else { return invalid("Validation failed: client_id is required") };
    finpass.record(paths::AA_REPORT, client_id);
    let seen = finpass
        .with_session(&owner, Product::Plain, client_id, |session| (session.look(input.text(&["request_id"])), session.script));
    match seen {
        None => unknown_client(),
        Some((Look::Ready(accounts), script)) => {
            if let Some(fault) = script.read_fault.filter(|_| finpass.faults.strikes(client_id)) {
                return fault.response();
            }
            older_success(Report { client_id, account_aggregator_json: account_reports(&accounts, script.style) })
        }
        Some((look, _)) => look_response(&look),
    }
}

pub(super) fn unknown_client() -> Response {
    older_error(StatusCode::NOT_FOUND, "client_not_found", "Client not found")
}

/// Begins another collection on a live consent.
pub async fn refresh_data(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return older_unauthorized() };
    let Some(input) = Input::read(&headers, &body) else { return invalid("Validation failed") };
    let Some(client_id) = input.text(&["client_id"]) else { return invalid("Validation failed: client_id is required") };
    finpass.record(paths::AA_REFRESH, client_id);
    let refreshed = finpass.with_session(&owner, Product::Plain, client_id, |session| match session.refusal() {
        Some(refusal) => Err(refusal),
        None => {
            let request_id = ids::request();
            session.add_request(Some(request_id.clone()), finpass.accounts(&session.mobile));
            Ok((request_id, session.script.refresh_answer_is_lost))
        }
    });
    match refreshed {
        // The product behind Finpass documents this answer for a bad id, unlike the fetch's 404.
        None => older_error(StatusCode::BAD_REQUEST, "invalid_client_id", "Invalid or expired client ID provided"),
        Some(Err(refusal)) => look_response(&refusal),
        Some(Ok((_, true))) if finpass.faults.strikes(client_id) => lost(),
        Some(Ok((request_id, _))) => older_success(Refreshed { request_id }),
    }
}

/// A proxy gave up waiting, while the call went through.
pub(super) fn lost() -> Response {
    (StatusCode::GATEWAY_TIMEOUT, Html("<html><body><h1>504 Gateway Time-out</h1></body></html>")).into_response()
}
