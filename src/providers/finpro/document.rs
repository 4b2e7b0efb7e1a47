//! Documents of an analysis. In which form FinPro answers is its own setting and partly undocumented, so the bytes decide: XML comes
//! bare or inside JSON, Excel as bytes or as a link.

use bytes::Bytes;
use http::StatusCode;

use super::{analysis, build::Selector, envelope};
use crate::{
    data::Provenance,
    providers::{
        error::ProviderError,
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members},
        markup,
        provider::Document,
        workbook,
    },
};

/// What an answer about an Excel file holds.
pub(super) enum Excel {
    /// The file.
    Bytes(Document),
    /// Where it is. A secret: it is signed.
    Link(String),
}

/// A workbook is a ZIP archive, which no envelope begins like.
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
        return xml(origin, response.body.clone());
    }
    let answer = envelope::read(origin, response)?;
    let named = |members: &Members<'_>| members.text(&["xmlData", "xml"]);
    let text = match answer.data.and_then(lenient::scalar) {
        Some(text) => Some(text),
        None => {
            let inner = analysis::inner(origin, answer.data, selector)?;
            let nested = inner.and_then(lenient::scalar).or_else(|| named(&Members::within(inner)));
            nested.or_else(|| named(&answer.data())).or_else(|| named(&answer.top))
        }
    };
    xml(origin, Bytes::from(text.ok_or_else(|| origin.unusable("the answer holds no XML"))?))
}

fn xml(origin: Origin, bytes: Bytes) -> Result<Document, ProviderError> {
    if !markup::is_xml(&bytes) {
        return Err(origin.unusable("what stands for XML is none"));
    }
    Ok(document(origin, bytes, XML))
}

fn workbook(origin: Origin, response: &OutboundResponse) -> Result<Document, ProviderError> {
    if !workbook::is_workbook(&response.body) {
        return Err(origin.unusable("what stands for a workbook is none"));
    }
    Ok(document(origin, response.body.clone(), XLSX))
}

/// Reads the answer of `/analytics/excel`.
pub(super) fn read_excel(origin: Origin, response: &OutboundResponse, selector: Selector<'_>) -> Result<Excel, ProviderError> {
    if response.status == StatusCode::OK && response.body.starts_with(ZIP) {
        return workbook(origin, response).map(Excel::Bytes);
    }
    let answer = envelope::read(origin, response)?;
    let inner = Members::within(analysis::inner(origin, answer.data, selector)?);
    let link = inner.text(&["s3Url", "url"]).or_else(|| answer.data().text(&["s3Url", "url"]));
    link.map(Excel::Link).ok_or_else(|| origin.unusable("the answer holds neither a workbook nor a link to one"))
}

/// Reads a workbook that was fetched from a link.
pub(super) fn read_linked(origin: Origin, response: &OutboundResponse) -> Result<Document, ProviderError> {
    workbook(origin, response)
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
            r#"{"status":"success","xmlData":"<a/>"}"#,
            r#"{"status":"success","data":" <?xml version=\"1.0\"?><!-- x --> <a/>"}"#,
        ] {
            let document = read_xml(origin(), &testing::response(200, body), Selector::Consent("c")).unwrap();
            assert!(
                String::from_utf8_lossy(&document.bytes).trim().ends_with("<a/>") || document.bytes.ends_with(b"<a/>"),
                "{body}"
            );
        }
        for body in [
            "<!DOCTYPE html><html></html>",
            "<html>",
            "<?xml version=\"1.0\"?><html></html>",
            "<a>cut o",
            r#"{"data":"<html>"}"#,
            r#"{"data":"text"}"#,
            r#"{"status":"success","data":{"status":"SUCCESS","data":{}}}"#,
            "",
            "[]",
        ] {
            let error = read_xml(origin(), &testing::response(200, body), Selector::Consent("c")).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ResponseInvalid, "{body}");
        }
        let told = r#"{"ver":"1.21.0","errorCode":"InvalidConsentId","errorMsg":"x"}"#;
        let error = read_xml(origin(), &testing::response(200, told), Selector::Consent("c")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnknownReference, "an error within a 200");
    }

    #[test]
    fn excel_is_bytes_or_a_link() {
        let bytes = testing::bytes_response(200, &workbook::tests::smallest());
        assert!(
            matches!(read_excel(origin(), &bytes, Selector::Consent("c")), Ok(Excel::Bytes(document)) if document.media_type == XLSX)
        );
        let link = r#"{"status":"success","data":{"status":"SUCCESS","data":{"s3Url":"https://s3.example/x?X-Amz-Sig=1","expiresIn":3600}}}"#;
        let link = read_excel(origin(), &testing::response(200, link), Selector::Consent("c"));
        assert!(matches!(link, Ok(Excel::Link(url)) if url.ends_with("Sig=1")));
        let error =
            read_excel(origin(), &testing::response(400, r#"{"errorCode":"InvalidConsentId"}"#), Selector::Consent("c")).err();
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::UnknownReference));
        let told = testing::response(200, r#"{"errorCode":"InvalidConsentId"}"#);
        let error = read_excel(origin(), &told, Selector::Consent("c")).err();
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::UnknownReference), "an error within a 200");
    }

    #[test]
    fn what_is_no_workbook_is_refused_by_bytes_and_by_link() {
        let word = workbook::tests::archive(&["[Content_Types].xml", "word/document.xml"], "");
        let whole = workbook::tests::smallest();
        for body in [&b"PK\x03\x04rest"[..], &word, &whole[..whole.len() - 1], b"<Error/>", b"<html></html>"] {
            let response = testing::bytes_response(200, body);
            let error = read_excel(origin(), &response, Selector::Consent("c")).err().unwrap();
            assert_eq!(error.kind, ErrorKind::ResponseInvalid);
            assert_eq!(read_linked(origin(), &response).unwrap_err().kind, ErrorKind::ResponseInvalid);
        }
        assert_eq!(read_linked(origin(), &testing::bytes_response(200, &whole)).unwrap().media_type, XLSX);
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
