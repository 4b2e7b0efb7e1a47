//! The AA-BSA product: init, status, statement-result, analysis-json. Its error codes are assumed throughout.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::ToSpan;
use serde::{Deserialize, Serialize};

use super::{
    analysis::analysis,
    envelope::{younger_error, younger_success},
    ids,
    input::{Input, is_mobile},
    journey_status::JourneyStatus,
    paths,
    report::ReportStyle,
    server::Finpass,
    statement::{StatementAccount, statement_accounts},
    text::utc_time,
    world::{ConsentType, Opening, Product},
};
use crate::sandbox::bank::{BankAccount, masked};

/// Hours that a customer has; documented as ending, not when.
const SESSION_HOURS: i64 = 24;

/// The query of the three reads.
#[derive(Debug, Deserialize)]
pub struct ClientQuery {
    client_id: Option<String>,
}

#[derive(Serialize)]
struct Opened<'a> {
    client_id: &'a str,
    journey_url: String,
    status: &'static str,
    consent_type: &'static str,
    expires_at: String,
}

#[derive(Serialize)]
struct Status<'a> {
    client_id: &'a str,
    status: &'static str,
    consent_type: &'static str,
    mobile_number: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Statement<'a> {
    client_id: &'a str,
    accounts: Vec<StatementAccount<'a>>,
}

fn unauthorized() -> Response {
    younger_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Invalid or missing API credentials.")
}

fn invalid(message: &str) -> Response {
    younger_error(StatusCode::BAD_REQUEST, "INVALID_INPUT", message)
}

fn unknown_session() -> Response {
    younger_error(StatusCode::NOT_FOUND, "SESSION_NOT_FOUND", "No journey session found for this client_id")
}

/// Opens a session. There is no PAN and no email here, and `consent_type` has a default.
pub async fn init(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return unauthorized() };
    let Some(input) = Input::read(&headers, &body) else { return invalid("Invalid request body.") };
    let Some(mobile) = input.text(&["mobile_number"]).filter(|text| is_mobile(text)) else {
        return invalid("Invalid mobile number. It must be 10 digits.");
    };
    let Some(consent_type) = ConsentType::parse(input.text(&["consent_type"]).unwrap_or("loan_underwriting")) else {
        return invalid("Invalid consent type.");
    };
    let opening = Opening {
        owner,
        product: Product::Analyser,
        consent_type,
        mobile: mobile.to_owned(),
        return_url: Some(input.text(&["redirect_url"]).unwrap_or("https://finpass.ai/").to_owned()),
        webhook_url: Some(input.text(&["webhook_url"]).unwrap_or("https://finpass.ai/").to_owned()),
    };
    let expires_at = utc_time(finpass.now() + SESSION_HOURS.hours());
    finpass.record(paths::BSA_INIT, mobile);
    let script = finpass.script(mobile);
    if script.init_is_refused {
        return invalid("No account aggregator profile found for this mobile number.");
    }
    let (client_id, token) = finpass.open_session(ids::analyser_client(), opening, SESSION_HOURS);
    if script.init_answer_is_lost {
        return super::plain::lost();
    }
    younger_success(
        "AA BSA journey initiated successfully",
        Opened {
            client_id: &client_id,
            journey_url: finpass.world.url(&format!("journey/{token}")),
            status: JourneyStatus::Initiated.word(),
            consent_type: consent_type.word(),
            expires_at,
        },
    )
}

/// Says where a session stands.
pub async fn status(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, Query(query): Query<ClientQuery>) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return unauthorized() };
    let Some(client_id) = query.client_id.filter(|id| !id.is_empty()) else { return invalid("client_id is required.") };
    finpass.record(paths::BSA_STATUS, &client_id);
    let now = finpass.now();
    let looked = finpass.with_session(&owner, Product::Analyser, &client_id, |session| {
        let before = session.journey_status(now);
        let status = session.look_at_journey(now);
        let changed = (session.journey_status(now) != before).then(|| session.clone());
        let answer = Status {
            client_id: &client_id,
            status: status.word(),
            consent_type: session.consent_type.word(),
            mobile_number: masked(&session.mobile),
            updated_at: utc_time(session.updated_at),
        };
        (younger_success("Status fetched successfully", answer), changed)
    });
    let Some((response, changed)) = looked else { return unknown_session() };
    if let Some(session) = changed {
        finpass.tell(&client_id, &session);
    }
    response
}

/// The data of a session whose analysis is complete, or the refusal.
fn finished(
    finpass: &Finpass,
    headers: &HeaderMap,
    client_id: &str,
) -> Result<(Arc<Vec<BankAccount>>, ReportStyle), Box<Response>> {
    let owner = finpass.caller(headers).ok_or_else(|| Box::new(unauthorized()))?;
    if client_id.is_empty() {
        return Err(Box::new(invalid("client_id is required.")));
    }
    let seen = finpass.with_session(&owner, Product::Analyser, client_id, |session| {
        let accounts = session.requests.last().map(|request| Arc::clone(&request.accounts));
        (session.journey_status(finpass.now()), accounts, session.script)
    });
    match seen {
        None => Err(Box::new(unknown_session())),
        Some((JourneyStatus::AnalysisComplete, Some(accounts), script)) => {
            match script.read_fault.filter(|_| finpass.faults.strikes(client_id)) {
                Some(fault) => Err(Box::new(fault.response())),
                None => Ok((accounts, script.style)),
            }
        }
        Some((JourneyStatus::Expired, ..)) => {
            Err(Box::new(younger_error(StatusCode::GONE, "SESSION_EXPIRED", "The journey session has expired")))
        }
        Some(_) => Err(Box::new(younger_error(StatusCode::CONFLICT, "ANALYSIS_NOT_READY", "Analysis is not complete yet"))),
    }
}

/// The statement of all accounts.
pub async fn statement_result(
    State(finpass): State<Arc<Finpass>>,
    headers: HeaderMap,
    Query(query): Query<ClientQuery>,
) -> Response {
    let client_id = query.client_id.unwrap_or_default();
    finpass.record(paths::BSA_STATEMENT, &client_id);
    match finished(&finpass, &headers, &client_id) {
        Err(refusal) => *refusal,
        Ok((accounts, style)) => younger_success(
            "Statement result fetched successfully",
            Statement { client_id: &client_id, accounts: statement_accounts(&accounts, style) },
        ),
    }
}

/// The analysis of all accounts.
pub async fn analysis_json(
    State(finpass): State<Arc<Finpass>>,
    headers: HeaderMap,
    Query(query): Query<ClientQuery>,
) -> Response {
    let client_id = query.client_id.unwrap_or_default();
    finpass.record(paths::BSA_ANALYSIS, &client_id);
    match finished(&finpass, &headers, &client_id) {
        Err(refusal) => *refusal,
        Ok((accounts, _)) => younger_success("Analysis fetched successfully", analysis(&client_id, &accounts)),
    }
}
