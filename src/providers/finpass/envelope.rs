//! Finpass's two envelopes: an older one with `status_code` and `message_code`, a newer one with `error_code`. Both are read alike.

use http::StatusCode;
use serde_json::value::RawValue;

use super::error::{self, Reason, Refusal};
use crate::providers::{
    http::{CallKind, OutboundResponse},
    judge::Origin,
    lenient::Members,
    shape::{is_filled_object, is_hollow},
};

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The worse of the HTTP status and the body's own.
    pub status: StatusCode,
    /// `data`, unread.
    pub data: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    /// The members of `data`; none if it is no object.
    pub fn data(&self) -> Members<'a> {
        Members::within(self.data)
    }

    /// Whether `data` holds nothing yet, which is how Finpass says that it is still collecting: it is absent, null or empty, holds empty members only,
    /// or plain ones beside the session's id or status. A 202 and a 200 may both come so.
    pub fn waits(&self) -> bool {
        let Some(data) = self.data else { return true };
        if !data.get().starts_with('{') {
            return false;
        }
        let members = self.data();
        let named = members.raw(&["client_id", "request_id", "status"]).is_some();
        members.values().all(|raw| is_empty(raw) || (named && is_plain(raw)))
    }

    /// The members of `data`, which must be an object with a member.
    #[expect(clippy::result_large_err, reason = "a refusal is a provider error with its reason, and ends in the adapter")]
    pub fn object(&self, origin: Origin) -> Result<Members<'a>, Refusal> {
        let object = self.data.filter(|data| is_filled_object(data));
        Ok(Members::within(Some(object.ok_or_else(|| error::unusable(origin, "the data of the answer is no object"))?)))
    }
}

/// Nothing, an empty list or an empty object.
fn is_empty(raw: &RawValue) -> bool {
    raw.get() == "null" || is_hollow(raw)
}

/// A text, a number or a flag.
fn is_plain(raw: &RawValue) -> bool {
    !raw.get().starts_with(['{', '['])
}

/// Reads an answer; a 202 is a success here.
#[expect(clippy::result_large_err, reason = "a refusal is a provider error with its reason, and ends in the adapter")]
pub(super) fn read<'a>(origin: Origin, response: &'a OutboundResponse) -> Result<Answer<'a>, Refusal> {
    let top = response.members();
    let Some(top) = top else {
        return Err(error::refusal(origin, response, response.status, None));
    };
    let odd = top.has_odd_text(&["status_code", "message_code", "error_code"]) || has_odd_success(&top);
    if odd && response.status.is_success() {
        return Err(senseless(origin, "the envelope has a member of another type"));
    }
    let status = worse(response.status, &top);
    let denied = top.raw(&["success"]).is_some_and(|raw| matches!(raw.get(), "false" | "\"false\"" | "0"));
    let coded = top.text(&["error_code"]).is_some();
    // Whether the 202 of a read says `success` is not documented. No write is documented to answer 202.
    let collecting = status == StatusCode::ACCEPTED && origin.kind == CallKind::Read;
    if !status.is_success() || coded || (denied && !collecting) {
        return Err(error::refusal(origin, response, status, Some(&top)));
    }
    // Both envelopes say `success`. A body without it is not Finpass's: what looks like an answer without data would be waited for.
    if !is_own(&top) {
        return Err(senseless(origin, "the body is in neither envelope"));
    }
    Ok(Answer { status, data: top.raw(&["data"]) })
}

/// Whether a body has a mark of one of Finpass's envelopes. A gateway in front of it answers in JSON as well.
pub(super) fn is_own(top: &Members<'_>) -> bool {
    top.raw(&["success"]).is_some() || top.text(&["message_code", "error_code"]).is_some()
}

/// `success` is a flag, or the same as a text or number.
fn has_odd_success(top: &Members<'_>) -> bool {
    let known = ["true", "false", "\"true\"", "\"false\"", "1", "0"];
    top.raw(&["success"]).is_some_and(|raw| !known.iter().any(|flag| raw.get().eq_ignore_ascii_case(flag)))
}

fn senseless(origin: Origin, detail: &'static str) -> Refusal {
    Refusal { reason: Reason::Unreadable, error: origin.senseless(detail) }
}

/// The worse of both statuses: where they differ, the better one is not to be trusted.
fn worse(status: StatusCode, top: &Members<'_>) -> StatusCode {
    let stated =
        top.int(&["status_code"]).and_then(|code| u16::try_from(code).ok()).and_then(|code| StatusCode::from_u16(code).ok());
    stated.filter(|stated| *stated > status && *stated < StatusCode::from_u16(600).unwrap_or(status)).unwrap_or(status)
}
