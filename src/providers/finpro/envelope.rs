//! FinPro's envelopes. Success is an HTTP 2xx without an error code: `status` alone never decides, since several calls have none,
//! and `ver`, `message` and the order of names differ from call to call.

use http::StatusCode;
use serde_json::value::RawValue;

use super::error;
use crate::providers::{
    error::ProviderError,
    http::OutboundResponse,
    judge::{self, Origin},
    lenient::{self, Members},
    shape::{self, Rows},
};

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// Everything at the top.
    pub top: Members<'a>,
    /// `data`, unread.
    pub data: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    /// The members of `data`; none if it is no object.
    pub fn data(&self) -> Members<'a> {
        Members::within(self.data)
    }

    /// The members of `data`, which must be an object.
    pub fn object(&self, origin: Origin) -> Result<Members<'a>, ProviderError> {
        let object = self.data.filter(|data| data.get().starts_with('{'));
        Ok(Members::within(Some(object.ok_or_else(|| origin.unusable("the data of the answer is no object"))?)))
    }

    /// The rows of `data`, which must be a list or one object.
    pub fn rows(&self, origin: Origin) -> Result<Rows<'a>, ProviderError> {
        self.data.and_then(shape::rows).ok_or_else(|| origin.unusable("the data of the answer is no list"))
    }
}

/// Reads an answer in the usual envelope.
pub(super) fn read<'a>(origin: Origin, response: &'a OutboundResponse) -> Result<Answer<'a>, ProviderError> {
    let answer = read_bare(origin, response)?;
    let status = answer.top.text(&["status"]).map(|status| lenient::word(&status)).unwrap_or_default();
    if matches!(status.as_str(), "FAILURE" | "FAILED" | "FAIL" | "ERROR") {
        return Err(error::classify(origin, response, Some(&answer.top)));
    }
    Ok(answer)
}

/// Reads an answer whose `status` is a word of the journey, not of the envelope.
pub(super) fn read_bare<'a>(origin: Origin, response: &'a OutboundResponse) -> Result<Answer<'a>, ProviderError> {
    let top = response.members();
    let Some(top) = top.filter(|top| response.status.is_success() && !is_error(top)) else {
        return Err(error::classify(origin, response, response.members().as_ref()));
    };
    // A list of words is no word: whether it means success cannot be known.
    if top.has_odd_word(&["status"]) || top.has_odd_text(&["errorCode"]) {
        return Err(origin.senseless("the envelope has a status or code of another type"));
    }
    let data = top.raw(&["data"]);
    Ok(Answer { top, data })
}

/// Whether an answer reports an error, in any of the documented shapes.
fn is_error(top: &Members<'_>) -> bool {
    let fp = top.text(&["status"]).is_some_and(|status| is_fp_code(&status));
    fp || top.text(&["errorCode"]).is_some() || top.raw(&["error"]).is_some_and(|raw| raw.get() != "false")
}

/// Whether a text is a code of FinPro's catalogue: "FP" and digits.
pub(super) fn is_fp_code(text: &str) -> bool {
    text.split_at_checked(2).is_some_and(|(prefix, digits)| {
        prefix.eq_ignore_ascii_case("FP") && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A body that is bytes of a document rather than an envelope.
pub(super) fn is_document(response: &OutboundResponse, starts: &[&[u8]]) -> bool {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(response.body.trim_ascii_start());
    response.status == StatusCode::OK && !judge::is_html(body) && starts.iter().any(|start| body.starts_with(start))
}
