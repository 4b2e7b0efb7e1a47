//! The two envelopes: `/api/v1/services/...` answers with `status_code` and `message_code`, the younger routes with `error_code`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::look::Look;

#[derive(Serialize)]
struct Older<'a, T> {
    data: T,
    status_code: u16,
    success: bool,
    message: &'a str,
    message_code: &'a str,
}

#[derive(Serialize)]
struct OlderRefusal<'a> {
    status_code: u16,
    success: bool,
    message: &'a str,
    message_code: &'a str,
}

#[derive(Serialize)]
struct Younger<'a, T> {
    success: bool,
    message: &'a str,
    data: T,
}

#[derive(Serialize)]
struct YoungerRefusal<'a> {
    success: bool,
    message: &'a str,
    error_code: &'a str,
}

/// 200 of a service route.
pub fn older_success(data: impl Serialize) -> Response {
    let body = Older { data, status_code: 200, success: true, message: "Success", message_code: "success" };
    Json(body).into_response()
}

/// An error of a service route; `data` is null.
pub fn older_error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Older { data: (), status_code: status.as_u16(), success: false, message, message_code: code };
    (status, Json(body)).into_response()
}

/// The documented 401 of a service route: here `data` is absent.
pub fn older_unauthorized() -> Response {
    let body = OlderRefusal {
        status_code: 401,
        success: false,
        message: "Unauthorized access. Invalid or missing API credentials.",
        message_code: "unauthorized",
    };
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

/// 200 of a younger route.
pub fn younger_success(message: &str, data: impl Serialize) -> Response {
    Json(Younger { success: true, message, data }).into_response()
}

/// An error of a younger route.
pub fn younger_error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(YoungerRefusal { success: false, message, error_code: code })).into_response()
}

/// Status, code and text of a look that brought no data. Status and label are documented; the codes are the labels in lower snake
/// case, an assumption. Nothing is said of `MissingRequestId` beyond its name.
pub fn look_error(look: &Look) -> (u16, &'static str, &'static str) {
    match look {
        Look::Ready(_) => (200, "success", "Success"),
        Look::Collecting => (202, "accepted", "Data fetch in progress"),
        Look::ConsentPending => (422, "consent_status_pending", "Consent status is pending"),
        Look::ConsentRejected => (422, "consent_status_rejected", "Consent status is rejected"),
        Look::ConsentRevoked => (422, "consent_status_revoked", "Consent status is revoked"),
        Look::AccountDataNotFound => (422, "account_data_not_found", "Account data not found"),
        Look::AccountDataFetchExpired => (422, "account_data_fetch_expired", "Account data fetch expired"),
        Look::AccountDataFetchError => (422, "account_data_fetch_error", "Account data fetch error"),
        Look::NoRequest => (422, "no_financial_information_request_found", "No financial information request found"),
        Look::MissingRequestId => (422, "missing_request_id", "Missing request ID"),
    }
}

/// The answer to such a look.
pub fn look_response(look: &Look) -> Response {
    let (status, code, message) = look_error(look);
    older_error(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, message)
}
