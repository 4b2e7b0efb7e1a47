//! The analysis of the analysed product: an envelope around blocks, of which some are documented by prose only.

use bytes::Bytes;

use super::{envelope, neutral};
use crate::{
    data::Provenance,
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        judge::Origin,
        provider::Analysis,
        shape::is_hollow,
    },
};

/// Reads the answer of `aa-bsa-journey/analysis-json`.
pub(super) fn read(origin: Origin, response: &OutboundResponse, client_id: &str) -> Result<Analysis, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.data();
    if answer.waits() && data.raw(&BLOCKS).is_none() {
        return Err(origin.error(ErrorKind::NotReady).with_detail("a success without an analysis"));
    }
    if data.has_odd_text(&["client_id"]) {
        return Err(origin.unusable("the session's id is no text"));
    }
    if data.text(&["client_id"]).is_some_and(|told| told != client_id) {
        return Err(origin.unusable("the answer is about another session"));
    }
    let filled =
        BLOCKS.iter().filter_map(|name| data.raw(&[name])).any(|block| block.get().starts_with(['{', '[']) && !is_hollow(block));
    let raw = answer.data.filter(|_| filled).ok_or_else(|| origin.unusable("no block of the analysis holds anything"))?;
    Ok(Analysis {
        core: neutral::core(&data),
        document: Bytes::copy_from_slice(raw.get().as_bytes()),
        provenance: Provenance::read_now(origin.stage, origin.now),
    })
}

/// The blocks that an analysis may have: those of the documentation, and those of a look-alike.
const BLOCKS: [&str; 13] = [
    "summary",
    "income",
    "analysis_period",
    "obligations",
    "fixed_obligations",
    "monthly_cash_flow",
    "risk_flags",
    "summary_card",
    "cash_flow",
    "monthwise_metrics",
    "salary_analysis",
    "emi_obligations",
    "scoring_data",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{finpass::testing, http::CallKind};

    fn analysis(body: &str) -> Result<Analysis, ProviderError> {
        read(testing::origin(CallKind::Read), &testing::response(200, body), "bsa_1")
    }

    #[test]
    fn a_success_has_figures_and_the_whole_document() {
        let body = r#"{"success":true,"message":"ok","data":{"client_id":"bsa_1","summary":{"total_credits":600000}}}"#;
        let found = analysis(body).unwrap();
        assert_eq!(found.core.total_credits.unwrap().minor_units, 60_000_000);
        assert_eq!(&found.document[..], br#"{"client_id":"bsa_1","summary":{"total_credits":600000}}"#);
        // Blocks of another shape are kept without figures.
        let other = analysis(r#"{"success":true,"data":{"client_id":"bsa_1","summary":[],"risk_flags":{"x":1}}}"#).unwrap();
        assert_eq!(other.core, crate::pb::AnalyticsCore::default());
    }

    #[test]
    fn what_is_no_analysis_is_an_error() {
        for (status, body, kind) in [
            (409, r#"{"success":false,"error_code":"ANALYSIS_NOT_READY"}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":{}}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":null}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":{"client_id":"bsa_1","status":"data_fetched"}}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":"surprise"}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"success":true,"data":[]}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"success":true,"data":{"summary":"surprise"}}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"success":true,"data":{"surprise":{"a":1}}}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"success":["true"],"data":{"summary":{"a":1}}}"#, ErrorKind::ResponseInvalid),
            (200, r#"{"success":true,"data":{"client_id":"bsa_2","summary":{}}}"#, ErrorKind::ResponseInvalid),
            (404, r#"{"success":false,"error_code":"SESSION_NOT_FOUND"}"#, ErrorKind::UnknownReference),
        ] {
            let found = read(testing::origin(CallKind::Read), &testing::response(status, body), "bsa_1");
            assert_eq!(found.unwrap_err().kind, kind, "{body}");
        }
        for body in testing::hostile() {
            assert!(read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c").is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c");
        }
    }
}
