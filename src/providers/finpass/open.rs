//! What opening brought. The plain product names the journey's URL like the caller's return address, the other one does not.

use secrecy::SecretString;

use super::{envelope, plan::AA_BSA, words};
use crate::{
    data::personal::exposed,
    journey::model::Customer,
    providers::{
        customer_url::UrlRules,
        error::ProviderError,
        http::OutboundResponse,
        judge::Origin,
        lenient::{Members, identifier},
        provider::{CustomerUrl, Opened},
    },
};

/// What an answer must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The product.
    pub product: &'a str,
    /// Who was asked.
    pub customer: &'a Customer,
    /// Which URLs may be shown to a customer.
    pub urls: &'a UrlRules,
}

/// Reads the answer of either `init`.
pub(super) fn read(origin: Origin, response: &OutboundResponse, expected: Expected<'_>) -> Result<Opened, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.object(origin)?;
    let client_id = data.text(&["client_id"]).and_then(identifier);
    let client_id = client_id.ok_or_else(|| origin.unusable("the answer has no client id"))?;
    check_echo(origin, &data, expected.customer)?;
    let names: &[&str] = if expected.product == AA_BSA { &["journey_url"] } else { &["redirect_url", "journey_url"] };
    let url = data.text(names).ok_or_else(|| origin.unusable("the answer has no URL for the customer"));
    let url = url.and_then(|url| match expected.urls.check(&url) {
        Ok(()) => Ok(url),
        Err(unfit) => Err(origin.unusable(unfit.detail()).with_refused_host(unfit.host)),
    });
    // Passed on untouched: the token may stand behind the `#`.
    let to_customer = |url| CustomerUrl { url: SecretString::from(url), expires_at: data.instant(&["expires_at"]) };
    Ok(Opened {
        customer_url: url.map(to_customer),
        provider_ref: Some(client_id),
        handles: Vec::new(),
        provider_text: data.text(&["status"]).map(|status| words::STATES.shown(&status)).unwrap_or_default(),
    })
}

/// The answer repeats the mobile number, masked or not: it must be the customer's.
fn check_echo(origin: Origin, data: &Members<'_>, customer: &Customer) -> Result<(), ProviderError> {
    let told = data.text(&["mobile_number"]).filter(|told| told.len() == 10 && told.bytes().all(|byte| byte.is_ascii_digit()));
    if told.is_some() && customer.mobile.is_some() && told.as_deref() != exposed(&customer.mobile) {
        return Err(origin.unusable("the answer is about another customer"));
    }
    let pan_names = ["pan_number", "pan"];
    if customer.pan.is_some() && data.text(&["email_id", "mobile_number"]).is_some() && data.text(&pan_names).is_none() {
        tracing::warn!(provider = origin.provider, stage = origin.stage, "the provider did not take the PAN that was sent");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::providers::{
        error::{Effect, ErrorKind},
        finpass::{plan::ACCOUNT_AGGREGATOR, testing},
        http::CallKind,
    };

    fn opened(product: &str, body: &str) -> Result<Opened, ProviderError> {
        let customer = testing::ask().customer;
        let urls = UrlRules::default();
        let expected = Expected { product, customer: &customer, urls: &urls };
        read(testing::origin(CallKind::Write), &testing::response(200, body), expected)
    }

    #[test]
    fn both_products_answers_are_read() {
        let plain = r#"{"data":{"client_id":"aa_698a0000_0123456789abcdef01234567","mobile_number":"9000000001","pan_number":"AAAPA0000A",
            "email_id":null,"redirect_url":"https://aa.example/web-redirect/#/aa-webview?requestId=opaque"},"status_code":200,"success":true,
            "message":"Success","message_code":"success"}"#;
        let plain = opened(ACCOUNT_AGGREGATOR, plain).unwrap();
        assert_eq!(plain.provider_ref.as_deref(), Some("aa_698a0000_0123456789abcdef01234567"));
        assert_eq!(
            plain.customer_url.unwrap().url.expose_secret(),
            "https://aa.example/web-redirect/#/aa-webview?requestId=opaque"
        );
        let analysed = r#"{"success":true,"message":"AA BSA journey initiated successfully","data":{"client_id":"bsa_clnt_0a1b2c3d4e5f",
            "journey_url":"https://journey.example/x","status":"initiated","consent_type":"loan_underwriting","expires_at":"2026-01-02T00:00:00Z"}}"#;
        let analysed = opened(AA_BSA, analysed).unwrap();
        assert_eq!(analysed.customer_url.unwrap().expires_at, Some("2026-01-02T00:00:00Z".parse().unwrap()));
        assert_eq!(analysed.provider_text, "INITIATED");
    }

    #[test]
    fn an_answer_about_somebody_else_is_refused() {
        let body =
            r#"{"data":{"client_id":"aa_1","mobile_number":"9000000002","redirect_url":"https://aa.example/"},"success":true}"#;
        let error = opened(ACCOUNT_AGGREGATOR, body).unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::ResponseInvalid, Effect::Applied));
    }

    #[test]
    fn hostile_bodies_are_errors() {
        let customer = testing::ask().customer;
        for body in testing::hostile() {
            let urls = UrlRules { loopback: true, ..UrlRules::default() };
            let expected = Expected { product: ACCOUNT_AGGREGATOR, customer: &customer, urls: &urls };
            assert!(read(testing::origin(CallKind::Write), &testing::bytes_response(200, &body), expected).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let customer = Customer::default();
            let urls = UrlRules::default();
            let expected = Expected { product: AA_BSA, customer: &customer, urls: &urls };
            let _ = read(testing::origin(CallKind::Write), &testing::bytes_response(status, &body), expected);
        }
    }
}
