//! What callers and operators send.

use prost::Message;
use url::Url;

use crate::{
    config::{Config, Faults},
    pb,
    providers::{download, hosts::HostRules, settings},
    rpc::{json, validate},
};

/// The bytes as each request of the contract.
pub(super) fn requests(bytes: &[u8]) {
    if let Ok(request) = pb::StartJourneyRequest::decode(bytes) {
        let _ = validate::start(request, "jrn_1".to_owned());
    }
    if let Ok(request) = pb::ResumeJourneyRequest::decode(bytes) {
        let _ = validate::resume(&request);
    }
    if let Ok(request) = pb::FetchDataRequest::decode(bytes)
        && let Ok(query) = validate::data(request)
    {
        assert!(query.page_bytes > 0, "a page without room");
    }
}

const HOST: &str = "files.example";

/// The bytes as a link to a report, as the browser's way back, and as addresses of the configuration.
pub(super) fn urls(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(url) = download::check(&text, &HostRules::check(&[HOST.to_owned()], "report_hosts", &mut Faults::default()), false)
    {
        assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some(HOST), None), "a link leads elsewhere");
        assert!(url.username().is_empty() && url.password().is_none(), "a link carries a credential");
    }
    if let Ok(url) = download::check(&text, &HostRules::default(), true) {
        assert!(settings::is_loopback(&url), "a link leads off this machine");
    }
    let request = pb::ResumeJourneyRequest {
        request_id: "0190b1f0-0000-4000-8000-000000000000".to_owned(),
        journey_id: "jrn_00000000000000000000000000".to_owned(),
        redirect_url: text.clone().into_owned(),
    };
    if let Ok(Some(redirect)) = validate::resume(&request) {
        let url = Url::parse(redirect.expose());
        assert!(url.is_ok_and(|url| url.scheme() == "https" || settings::is_loopback(&url)), "a way back without TLS");
    }
    let mut faults = Faults::default();
    match settings::base_url(&text, "base_url", &mut faults) {
        Some(url) => assert!(faults.is_empty() && (url.scheme() == "https" || settings::is_loopback(&url))),
        None => assert!(!faults.is_empty(), "an address is refused without a word"),
    }
}

const STRUCT_BYTES: usize = 64 * 1024;

/// The bytes as a provider's document on its way into a Struct.
pub(super) fn json_struct(bytes: &[u8]) {
    if let Some(document) = json::to_struct(bytes, STRUCT_BYTES) {
        assert!(document.encoded_len() <= STRUCT_BYTES);
        let back = prost_types::Struct::decode(document.encode_to_vec().as_slice());
        assert!(back.is_ok(), "a client cannot decode the document");
    }
}

/// The bytes as a configuration file.
pub(super) fn config(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(faults) = Config::from_toml_str(text)
    {
        assert!(!faults.is_empty() && !faults.to_string().is_empty(), "refused without a word");
    }
}
