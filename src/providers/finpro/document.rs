//! Documents of an analysis. In which form FinPro answers is its own setting and partly undocumented, so the bytes decide: XML comes
//! bare or inside JSON, Excel as bytes or as a link.

use bytes::Bytes;

use super::{analysis, build::Selector, envelope};
use crate::{
    data::Provenance,
    providers::{
        error::ProviderError,
        http::OutboundResponse,
        judge::{self, Origin},
        lenient::{self, Members},
        provider::Document,
    },
};

/// What an answer about an Excel file holds.
pub(super) enum Excel {
    /// The file.
    Bytes(Document),
    /// Where it is. A secret: it is signed.
    Link(String),
}

/// A workbook is a ZIP archive.
const ZIP: &[u8] = b"PK\x03\x04";

/// XML.
pub(super) const XML: &str = "application/xml";
/// Excel.
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn document(origin: Origin, bytes: Bytes, media_type: &'static str) -> Document {
    Document { bytes, media_type, provenance: Provenance::read_now(origin.stage, origin.now) }
}

/// Reads the answer of `/analytics/xml`.
pub(super) fn read_xml(origin: Origin, response: &OutboundResponse, selector: Selector<'_>) -> Result<Document, ProviderError> {
    if envelope::is_document(response, &[b"<"]) {
        return Ok(document(origin, response.body.clone(), XML));
    }
    let answer = envelope::read(origin, response)?;
    let direct = answer.data.and_then(lenient::scalar);
    let text = match direct {
        Some(text) => Some(text),
        None => {
            let inner = analysis::inner(origin, answer.data, selector)?;
            let named = |members: Members<'_>| members.text(&["xmlData", "xml"]);
            inner.and_then(lenient::scalar).or_else(|| named(Members::within(inner))).or_else(|| named(answer.data()))
        }
    };
    let text = text.filter(|text| text.starts_with('<') && !judge::is_html(text.as_bytes()));
    let text = text.ok_or_else(|| origin.unusable("the answer holds no XML"))?;
    Ok(document(origin, Bytes::from(text), XML))
}

/// Reads the answer of `/analytics/excel`.
pub(super) fn read_excel(origin: Origin, response: &OutboundResponse, selector: Selector<'_>) -> Result<Excel, ProviderError> {
    if envelope::is_document(response, &[ZIP]) {
        return Ok(Excel::Bytes(document(origin, response.body.clone(), XLSX)));
    }
    let answer = envelope::read(origin, response)?;
    let inner = Members::within(analysis::inner(origin, answer.data, selector)?);
    let link = inner.text(&["s3Url", "url"]).or_else(|| answer.data().text(&["s3Url", "url"]));
    link.map(Excel::Link).ok_or_else(|| origin.unusable("the answer holds neither a workbook nor a link to one"))
}

/// Reads a workbook that was fetched from a link.
pub(super) fn read_linked(origin: Origin, response: &OutboundResponse) -> Result<Document, ProviderError> {
    if !response.body.starts_with(ZIP) {
        return Err(origin.unusable("what the link led to is no workbook"));
    }
    Ok(document(origin, response.body.clone(), XLSX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{error::ErrorKind, finpro::testing, http::CallKind};

    fn origin() -> Origin {
        testing::origin(CallKind::Read)
    }

    #[test]
    fn xml_is_found_wherever_it_is() {
        for body in [
            "<?xml version=\"1.0\"?><a/>",
            " \n<a/>",
            r#"{"status":"success","data":"<a/>"}"#,
            r#"{"status":"success","data":{"status":"SUCCESS","data":"<a/>"}}"#,
            r#"{"status":"success","data":{"status":"SUCCESS","data":{"xmlData":"<a/>"}}}"#,
            r#"{"status":"success","data":{"xmlData":"<a/>"}}"#,
        ] {
            let document = read_xml(origin(), &testing::response(200, body), Selector::Consent("c")).unwrap();
            assert!(
                String::from_utf8_lossy(&document.bytes).trim().ends_with("<a/>") || document.bytes.ends_with(b"<a/>"),
                "{body}"
            );
        }
        for body in ["<!DOCTYPE html><html></html>", "<html>", r#"{"data":"<html>"}"#, r#"{"data":"text"}"#, "", "[]"] {
            assert!(read_xml(origin(), &testing::response(200, body), Selector::Consent("c")).is_err(), "{body}");
        }
    }

    #[test]
    fn excel_is_bytes_or_a_link() {
        let bytes = testing::bytes_response(200, b"PK\x03\x04rest");
        assert!(
            matches!(read_excel(origin(), &bytes, Selector::Consent("c")), Ok(Excel::Bytes(document)) if document.media_type == XLSX)
        );
        let link = r#"{"status":"success","data":{"status":"SUCCESS","data":{"s3Url":"https://s3.example/x?X-Amz-Sig=1","expiresIn":3600}}}"#;
        let link = read_excel(origin(), &testing::response(200, link), Selector::Consent("c"));
        assert!(matches!(link, Ok(Excel::Link(url)) if url.ends_with("Sig=1")));
        let error =
            read_excel(origin(), &testing::response(400, r#"{"errorCode":"InvalidConsentId"}"#), Selector::Consent("c")).err();
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::UnknownReference));
        assert!(read_linked(origin(), &testing::response(200, "<Error/>")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let response = testing::bytes_response(200, &body);
            let _ = read_xml(origin(), &response, Selector::Consent("c"));
            let _ = read_excel(origin(), &response, Selector::Consent("c"));
        }
    }
}
