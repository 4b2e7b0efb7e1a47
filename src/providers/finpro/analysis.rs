//! FinPro's analysis: two levels of status, then a document whose shape is configured for each organisation and stays opaque, save
//! the few figures that the documented shape has.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{build::Selector, envelope, neutral, words};
use crate::{
    data::Provenance,
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members},
        provider::Analysis,
        shape::is_filled_object,
    },
};

/// Reads the answer of `/analytics/json`.
pub(super) fn read(origin: Origin, response: &OutboundResponse, selector: Selector<'_>) -> Result<Analysis, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let inner = inner(origin, answer.data, selector)?;
    let document = inner
        .filter(|raw| is_filled_object(raw))
        .ok_or_else(|| origin.unusable("the analysis is no JSON object with a member"))?;
    Ok(Analysis {
        core: neutral::core(document),
        document: Bytes::copy_from_slice(document.get().as_bytes()),
        provenance: Provenance::read_now(origin.stage, origin.now),
    })
}

/// The inner `data` of an analysis, once the inner status says that it worked.
pub(super) fn inner<'a>(
    origin: Origin,
    data: Option<&'a RawValue>,
    selector: Selector<'_>,
) -> Result<Option<&'a RawValue>, ProviderError> {
    let outer = Members::within(data);
    let other = |told: String| matches!(selector, Selector::Transaction(asked) if told != asked);
    if outer.text(&["transaction_id"]).is_some_and(other) {
        return Err(origin.unusable("the answer is about another transaction"));
    }
    if outer.has_odd_word(&["status", "status_code"]) || outer.has_odd_text(&["transaction_id"]) {
        return Err(origin.unusable("the inner status is no text"));
    }
    let status = outer.text(&["status"]).map(|status| lenient::word(&status));
    match status.as_deref() {
        None | Some("SUCCESS" | "SUCCESSFUL" | "COMPLETED") => Ok(outer.raw(&["data"])),
        Some(status) => Err(failed(origin, &outer, status)),
    }
}

/// What an inner status other than success means: FinPro documents no error of its analyses, so only plain words count.
fn failed(origin: Origin, outer: &Members<'_>, status: &str) -> ProviderError {
    let words = format!("{status} {}", outer.text(&["status_code"]).unwrap_or_default()).to_uppercase();
    let kind = match () {
        () if ["PENDING", "PROGRESS", "PROCESSING", "INITIATED", "NOT_READY"].iter().any(|word| words.contains(word)) => {
            ErrorKind::NotReady
        }
        () if ["NO_DATA", "NOT_FOUND"].iter().any(|word| words.contains(word)) => ErrorKind::NoAccounts,
        () => ErrorKind::Unavailable,
    };
    let code = outer.text(&["status_code"]).unwrap_or_else(|| status.to_owned());
    origin.error(kind).with_code(words::CODES, &code).with_detail("the inner status of the analysis is no success")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pb;
    use crate::providers::{finpro::testing, http::CallKind};

    fn analysis(body: &str) -> Result<Analysis, ProviderError> {
        read(testing::origin(CallKind::Read), &testing::response(200, body), Selector::Transaction("t"))
    }

    #[test]
    fn a_success_has_figures_and_the_whole_document() {
        let body = r#"{"ver":"1.21.0","status":"success","data":{"status":"SUCCESS","message":"Success","status_code":"success","transaction_id":"t",
            "journey_id":"orchestration_complete_analytics_json_v1","data":{"bankingAnalysis":{"overallAnalysis":{
            "totalNetDebitTransactionAmount":1000.5}},"rawData":{}}}}"#;
        let analysis = analysis(body).unwrap();
        assert_eq!(analysis.core.total_debits.unwrap().minor_units, 100_050);
        assert!(analysis.document.starts_with(b"{\"bankingAnalysis\""));
    }

    #[test]
    fn both_levels_of_status_count() {
        for (body, kind) in [
            (r#"{"status":"failure","data":{"status":"SUCCESS","data":{}}}"#, ErrorKind::Refused),
            (r#"{"status":"success","data":{"status":"IN_PROGRESS","data":{}}}"#, ErrorKind::NotReady),
            (r#"{"status":"success","data":{"status":"FAILED","status_code":"not_ready"}}"#, ErrorKind::NotReady),
            (r#"{"status":"success","data":{"status":"FAILED","status_code":"boom"}}"#, ErrorKind::Unavailable),
            (r#"{"status":"success","data":{"status":"SUCCESS","data":[]}}"#, ErrorKind::ResponseInvalid),
            (r#"{"status":"success","data":{"status":"SUCCESS","data":{}}}"#, ErrorKind::ResponseInvalid),
            (r#"{"status":"success","data":{"status":["SUCCESS"],"data":{"x":1}}}"#, ErrorKind::ResponseInvalid),
            (r#"{"status":["success"],"data":{"status":"SUCCESS","data":{"x":1}}}"#, ErrorKind::ResponseInvalid),
            (r#"{"status":"success","data":"surprise"}"#, ErrorKind::ResponseInvalid),
            (r#"{"status":"success","data":{"status":"SUCCESS","transaction_id":"x","data":{}}}"#, ErrorKind::ResponseInvalid),
        ] {
            assert_eq!(analysis(body).unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn another_shape_is_kept_whole_without_figures() {
        let analysis = analysis(r#"{"status":"success","data":{"status":"SUCCESS","data":{"fiAnalytics":{"x":[1]}}}}"#).unwrap();
        assert_eq!(analysis.core, pb::AnalyticsCore::default());
        assert_eq!(&analysis.document[..], br#"{"fiAnalytics":{"x":[1]}}"#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), Selector::Consent("c"));
        }
    }

    #[test]
    fn hostile_bodies_are_errors_or_opaque() {
        for body in testing::hostile() {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), Selector::Consent("c"));
        }
    }
}
