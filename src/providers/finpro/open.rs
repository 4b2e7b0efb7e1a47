//! What opening brought. One path answers in three ways (one handle, several handles, a transaction), by FinPro's setting for the
//! tenant; the content tells which.

use secrecy::SecretString;

use super::{config::Style, envelope, error, words};
use crate::journey::model::Customer;
use crate::providers::{
    customer_url::UrlRules,
    error::{ErrorKind, InputField, ProviderError},
    http::OutboundResponse,
    judge::Origin,
    lenient::{self, Members, elements, identifier},
    provider::{CustomerUrl, Opened},
};

/// What an answer must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The configured style.
    pub style: Style,
    /// How many consents were asked for.
    pub consents: usize,
    /// Which URLs may be shown to a customer.
    pub urls: &'a UrlRules,
}

/// Reads the answer of `/v3/requestconsent`.
pub(super) fn read(origin: Origin, response: &OutboundResponse, expected: Expected<'_>) -> Result<Opened, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.object(origin)?;
    let handles = handles(&data);
    let transaction = data.text(&["transaction_id", "txnid"]).and_then(identifier);
    let fits = match expected.style {
        Style::Consent => !handles.is_empty(),
        Style::Orchestration => transaction.is_some(),
    };
    if !fits && (transaction.is_some() || !handles.is_empty()) {
        let detail = "the provider serves this tenant in the other style: set `style` accordingly";
        return Err(origin.error(ErrorKind::Configuration).with_effect(origin.effect_of_success()).with_detail(detail));
    }
    if !fits {
        return Err(origin.unusable("the answer names neither a handle nor a transaction"));
    }
    Ok(Opened {
        customer_url: customer_url(origin, &data, expected.urls),
        provider_ref: transaction,
        // A wrong number of handles cannot be laid beside the consents; the list of consents tells them later.
        handles: if handles.len() == expected.consents { handles } else { Vec::new() },
        provider_text: data.text(&["status"]).map(|status| words::STATES.shown(&status)).unwrap_or_default(),
    })
}

/// Names the field of the request that FinPro refuses, where it is the caller's own. An aggregator that the central registry does not know (FP0012)
/// stands in `customer.vua`; without one the tenant's `aa_handle` made the address.
pub(super) fn name_field(error: ProviderError, response: &OutboundResponse, customer: &Customer) -> ProviderError {
    if error.kind == ErrorKind::Configuration && customer.vua.is_some() && error::is_unknown_address(response) {
        return ProviderError { kind: ErrorKind::InvalidInput(InputField::CustomerVua), ..error };
    }
    error
}

/// Reads the answer of `/webRedirection/getEncryptedUrl`.
pub(super) fn read_url(origin: Origin, response: &OutboundResponse, urls: &UrlRules) -> Result<CustomerUrl, ProviderError> {
    let answer = envelope::read(origin, response)?;
    customer_url(origin, &answer.object(origin)?, urls)
}

/// The handles: one, several, or one for each institution.
fn handles(data: &Members<'_>) -> Vec<String> {
    let one = data.text(&["consent_handle"]).into_iter();
    let several = elements(data.raw(&["consent_handles"])).into_iter();
    let success = data.object(&["successList"]);
    let listed = elements(success.raw(&["consent_handles"])).into_iter();
    let read = |raw| lenient::scalar(raw).or_else(|| Members::within(Some(raw)).text(&["consent_handle_id", "consent_handle"]));
    let all = one.chain(several.chain(listed).filter_map(read)).filter_map(identifier);
    let mut handles: Vec<String> = Vec::new();
    for handle in all {
        if !handles.contains(&handle) {
            handles.push(handle);
        }
    }
    handles
}

fn customer_url(origin: Origin, data: &Members<'_>, urls: &UrlRules) -> Result<CustomerUrl, ProviderError> {
    let url = data.text(&["webRedirectionUrl"]).ok_or_else(|| origin.unusable("the answer has no URL for the customer"))?;
    urls.check(&url).map_err(|unfit| origin.unusable(unfit.detail()).with_refused_host(unfit.host))?;
    // Passed on untouched: it holds a token.
    Ok(CustomerUrl { url: SecretString::from(url), expires_at: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::providers::{error::Effect, finpro::testing, http::CallKind};

    fn opened(style: Style, consents: usize, body: &str) -> Result<Opened, ProviderError> {
        let urls = UrlRules::default();
        let expected = Expected { style, consents, urls: &urls };
        read(testing::origin(CallKind::Write), &testing::response(200, body), expected)
    }

    const URL: &str = "https://webrd.onemoney.in/uat/v2/?ecreq=CIPHER&reqdate=250320251650008&fi=Zm9v&requestorType=dHxl";

    #[test]
    fn each_of_the_answers_is_read() {
        let single = format!(
            r#"{{"ver":"1.21.0","status":"success","data":{{"webRedirectionUrl":"{URL}","status":"PENDING","consent_handle":"h1"}},"message":"Success"}}"#
        );
        let single = opened(Style::Consent, 1, &single).unwrap();
        assert_eq!((single.handles, single.provider_text.as_str()), (vec!["h1".to_owned()], "PENDING"));
        assert_eq!(single.customer_url.unwrap().url.expose_secret(), URL);
        let several = format!(r#"{{"status":"success","data":{{"webRedirectionURL":"{URL}","consent_handles":["h1","h2"]}}}}"#);
        assert_eq!(opened(Style::Consent, 2, &several).unwrap().handles, ["h1", "h2"]);
        assert!(opened(Style::Consent, 3, &several).unwrap().handles.is_empty());
        let listed = format!(
            r#"{{"data":{{"successList":{{"consent_handles":[{{"consent_handle_id":"h1","fip_id":"F"}}]}},"webRedirectionUrl":"{URL}"}}}}"#
        );
        assert_eq!(opened(Style::Consent, 1, &listed).unwrap().handles, ["h1"]);
        let transaction = format!(r#"{{"data":{{"webRedirectionUrl":"{URL}","transaction_id":"t1"}}}}"#);
        assert_eq!(opened(Style::Orchestration, 1, &transaction).unwrap().provider_ref.as_deref(), Some("t1"));
    }

    #[test]
    fn the_other_style_is_a_fault_of_the_configuration() {
        let transaction = format!(r#"{{"data":{{"webRedirectionUrl":"{URL}","transaction_id":"t1"}}}}"#);
        let handle = format!(r#"{{"data":{{"webRedirectionUrl":"{URL}","consent_handle":"h1"}}}}"#);
        for (style, body) in [(Style::Consent, transaction), (Style::Orchestration, handle)] {
            let error = opened(style, 1, &body).unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::Configuration, Effect::Applied));
        }
    }

    #[test]
    fn an_unknown_aggregator_is_the_callers_field_or_the_tenants_default() {
        let own = Customer { vua: Some("9000000001@nowhere".into()), ..Customer::default() };
        for body in [
            r#"{"ver":"1.21.0","errorCode":"Invalidvua","errorMsg":"Entity Handle not present in Central Registry","status":"FP0012"}"#,
            r#"{"ver":"1.21.0","errorCode":"Invalidvua","errorMsg":"Entity Handle not present in Central Registry"}"#,
            r#"{"ver":"1.21.0","errorMsg":" [ Entity Handle not present in Central Registry ] "}"#,
            r#"{"ver":"1.0","status":"failure","error":{"code":"Invalidvua","message":"x"}}"#,
        ] {
            let response = testing::response(400, body);
            let expected = Expected { style: Style::Consent, consents: 1, urls: &UrlRules::default() };
            let error = read(testing::origin(CallKind::Write), &response, expected).unwrap_err();
            assert_eq!(name_field(error.clone(), &response, &Customer::default()).kind, ErrorKind::Configuration, "{body}");
            let named = name_field(error, &response, &own);
            assert_eq!((named.kind, named.effect), (ErrorKind::InvalidInput(InputField::CustomerVua), Effect::None), "{body}");
        }
        let template = testing::response(400, r#"{"ver":"1.21.0","errorCode":"InvalidRequest","status":"FP0001"}"#);
        let expected = Expected { style: Style::Consent, consents: 1, urls: &UrlRules::default() };
        let error = read(testing::origin(CallKind::Write), &template, expected).unwrap_err();
        assert_eq!(name_field(error, &template, &own).kind, ErrorKind::Configuration);
    }

    #[test]
    fn an_url_that_is_none_is_refused_and_the_handle_kept() {
        for url in ["", "javascript:alert(1)", "http://webrd.example/", "/relative", "https://", "https://a b.example/"] {
            let body = serde_json::json!({"data":{"webRedirectionUrl":url,"consent_handle":"h1"}}).to_string();
            let opened = opened(Style::Consent, 1, &body).unwrap();
            let error = opened.customer_url.unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::ResponseInvalid, Effect::Applied), "{url}");
            assert_eq!(opened.handles, ["h1"]);
        }
    }

    #[test]
    fn hostile_bodies_are_errors() {
        for body in testing::hostile() {
            let response = testing::bytes_response(200, &body);
            let urls = UrlRules { loopback: true, ..UrlRules::default() };
            let expected = Expected { style: Style::Consent, consents: 1, urls: &urls };
            assert!(read(testing::origin(CallKind::Write), &response, expected).is_err());
            assert!(read_url(testing::origin(CallKind::Read), &response, &urls).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let urls = UrlRules::default();
            let expected = Expected { style: Style::Orchestration, consents: 1, urls: &urls };
            let _ = read(testing::origin(CallKind::Write), &testing::bytes_response(status, &body), expected);
        }
    }
}
