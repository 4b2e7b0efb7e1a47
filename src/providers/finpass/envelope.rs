//! Finpass's two envelopes: an older one with `status_code` and `message_code`, a newer one with `error_code`. Both are read alike.

use http::StatusCode;
use serde_json::value::RawValue;

use super::error::{self, Refusal};
use crate::providers::{
    http::{CallKind, OutboundResponse},
    judge::Origin,
    lenient::Members,
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
}

/// Reads an answer; a 202 is a success here.
pub(super) fn read<'a>(origin: Origin, response: &'a OutboundResponse) -> Result<Answer<'a>, Refusal> {
    let top = response.members();
    let Some(top) = top else {
        return Err(error::refusal(origin, response, response.status, None));
    };
    let status = worse(response.status, &top);
    let denied = top.raw(&["success"]).is_some_and(|raw| matches!(raw.get(), "false" | "\"false\"" | "0"));
    let coded = top.text(&["error_code"]).is_some();
    // Whether the 202 of a read says `success` is not documented. No write is documented to answer 202.
    let collecting = status == StatusCode::ACCEPTED && origin.kind == CallKind::Read;
    if !status.is_success() || coded || (denied && !collecting) {
        return Err(error::refusal(origin, response, status, Some(&top)));
    }
    Ok(Answer { status, data: top.raw(&["data"]) })
}

/// The worse of both statuses: where they differ, the better one is not to be trusted.
fn worse(status: StatusCode, top: &Members<'_>) -> StatusCode {
    let stated =
        top.int(&["status_code"]).and_then(|code| u16::try_from(code).ok()).and_then(|code| StatusCode::from_u16(code).ok());
    stated.filter(|stated| *stated > status && *stated < StatusCode::from_u16(600).unwrap_or(status)).unwrap_or(status)
}
