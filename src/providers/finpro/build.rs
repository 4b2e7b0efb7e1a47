//! FinPro's requests, as pure functions. The spelling of a name differs from call to call (`consentID`, `consentId`) and follows the
//! recorded examples.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    ID,
    config::Settings,
    plan::{party, vua},
    reads,
    redirect::SealedReturn,
};
use crate::{
    data::personal::exposed,
    journey::model::{Customer, DayRange},
    providers::{
        http::OutboundRequest,
        lenient::{bounds, iso},
        provider::Opening,
    },
};

/// Opens consents, or a transaction: which of the two is FinPro's own setting for the tenant.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestConsent<'a> {
    #[serde(rename = "productID", skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    #[serde(rename = "productIDList", skip_serializing_if = "Option::is_none")]
    product_id_list: Option<Vec<&'a str>>,
    vua: String,
    party_identifier_type: &'a str,
    party_identifier_value: Cow<'a, str>,
    #[serde(rename = "accountID")]
    account_id: &'a str,
    #[serde(rename = "transactionID", skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pan: Option<&'a str>,
    #[serde(rename = "fipID", skip_serializing_if = "<[String]>::is_empty")]
    fip_id: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConsentConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConsentConfig {
    fi_data_range: Ends,
}

#[derive(Serialize)]
struct Ends {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// `POST /v3/requestconsent`.
pub(super) fn request_consent(settings: &Settings, opening: &Opening<'_>, now: Timestamp) -> OutboundRequest {
    let customer = &opening.ask.customer;
    let templates: Vec<&str> = opening.plan.consents.iter().map(|consent| consent.template.as_str()).collect();
    let (party_identifier_type, party_identifier_value) = party(customer).unwrap_or(("MOBILE", Cow::Borrowed("")));
    let range = opening.plan.consents.first().and_then(|consent| consent.data_range);
    let body = RequestConsent {
        product_id: if let [only] = templates.as_slice() { Some(*only) } else { None },
        product_id_list: (templates.len() != 1).then_some(templates),
        vua: vua(settings, customer).unwrap_or_default(),
        party_identifier_type,
        party_identifier_value,
        account_id: opening.attempt_id,
        // FinPro refuses the whole request for a reference outside its character set.
        transaction_id: opening.ask.client_reference.as_deref().filter(|text| super::config::is_plain(text)),
        pan: exposed(&customer.pan),
        fip_id: &opening.ask.institutions,
        redirect_url: exposed(&opening.ask.redirect_url),
        config: range.map(|range| ConsentConfig { fi_data_range: ends(range, now) }),
    };
    OutboundRequest::write(ID, "requestconsent", "v3/requestconsent", &body)
}

/// The instants of a range of Indian days. An end on the present day is now, since FinPro refuses an end in the future.
fn ends(range: DayRange, now: Timestamp) -> Ends {
    let last = |(first, last): (Timestamp, Timestamp)| if first <= now { last.min(now) } else { last };
    Ends { from: range.from.and_then(bounds).map(|(first, _)| iso(first)), to: range.to.and_then(bounds).map(last).map(iso) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EncryptedUrl<'a> {
    consent_handle: OneOrMany<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pan: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a> {
    One(&'a str),
    Many(&'a [&'a str]),
}

/// `POST /webRedirection/getEncryptedUrl`: mints an URL for handles of one customer. It changes nothing and may be sent again.
pub(super) fn encrypted_url(handles: &[&str], redirect_url: Option<&str>, pan: Option<&str>) -> OutboundRequest {
    let consent_handle = match handles {
        [one] => OneOrMany::One(one),
        many => OneOrMany::Many(many),
    };
    let body = EncryptedUrl { consent_handle, redirect_url, pan };
    reads::ENCRYPTED_URL.post(&body)
}

#[derive(Serialize)]
struct DecryptUrl<'a> {
    #[serde(rename = "webRedirectionURL")]
    parts: &'a SealedReturn,
}

/// `POST /webRedirection/decryptUrl`: opens what a browser brought back. It changes nothing and may be sent again.
pub(super) fn decrypt_url(parts: &SealedReturn) -> OutboundRequest {
    reads::DECRYPT_URL.post(&DecryptUrl { parts })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConsentsList<'a> {
    party_identifier_type: &'a str,
    party_identifier_value: Cow<'a, str>,
    #[serde(rename = "productID")]
    product_id: &'a str,
    #[serde(rename = "accountID")]
    account_id: &'a str,
}

/// `POST /v2/getconsentslist` for one template of one attempt. None without anything to know the customer by.
pub(super) fn consents_list(customer: &Customer, template: &str, attempt_id: &str) -> Option<OutboundRequest> {
    let (party_identifier_type, party_identifier_value) = party(customer)?;
    let body = ConsentsList { party_identifier_type, party_identifier_value, product_id: template, account_id: attempt_id };
    Some(reads::CONSENTS_LIST.post(&body))
}

#[derive(Serialize)]
struct ConsentsByName<'a> {
    #[serde(rename = "consentHandle", skip_serializing_if = "Option::is_none")]
    handles: Option<[&'a str; 1]>,
    #[serde(rename = "consentID", skip_serializing_if = "Option::is_none")]
    ids: Option<[&'a str; 1]>,
}

/// `POST /v3/getconsentslist` by handle, or without one by consent id: FinPro takes exactly one of the two. None without either.
pub(super) fn consents_by_name(handle: Option<&str>, id: Option<&str>) -> Option<OutboundRequest> {
    let body = match (handle, id) {
        (Some(handle), _) => ConsentsByName { handles: Some([handle]), ids: None },
        (None, Some(id)) => ConsentsByName { handles: None, ids: Some([id]) },
        (None, None) => return None,
    };
    Some(reads::CONSENTS_BY_NAME.post(&body))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStatus<'a> {
    consent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

/// `POST /consent/firequest/status`.
pub(super) fn session_status(consent_ref: &str, session: Option<&str>) -> OutboundRequest {
    let body = SessionStatus { consent_id: consent_ref, session_id: session };
    reads::SESSION_STATUS.post(&body)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FiRequest<'a> {
    consent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fi_data_range_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fi_data_range_to: Option<String>,
}

/// `POST /fi/request`: each call opens a new session.
pub(super) fn fi_request(consent_ref: &str, range: Option<DayRange>, now: Timestamp) -> OutboundRequest {
    let ends = ends(range.unwrap_or_default(), now);
    let body = FiRequest { consent_id: consent_ref, fi_data_range_from: ends.from, fi_data_range_to: ends.to };
    OutboundRequest::write(ID, "fi_request", "fi/request", &body)
}

#[derive(Serialize)]
struct RevokeConsent<'a> {
    #[serde(rename = "consentID")]
    consent_id: &'a str,
}

/// `POST /revokeconsent`. The optional `reason` is left out: it would be free text about a person.
pub(super) fn revoke_consent(consent_ref: &str) -> OutboundRequest {
    let body = RevokeConsent { consent_id: consent_ref };
    OutboundRequest::write(ID, "revokeconsent", "revokeconsent", &body)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteData<'a> {
    consent_id: &'a str,
}

/// `DELETE /fidata`, with a body.
pub(super) fn delete_data(consent_ref: &str) -> OutboundRequest {
    let mut request = OutboundRequest::write(ID, "fidata", "fidata", &DeleteData { consent_id: consent_ref });
    request.method = http::Method::DELETE;
    request
}

/// What data and analyses hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selector<'a> {
    /// A consent id.
    Consent(&'a str),
    /// An orchestration id.
    Transaction(&'a str),
}

#[derive(Serialize)]
struct Selected<'a> {
    #[serde(rename = "consentID", skip_serializing_if = "Option::is_none")]
    consent_id: Option<&'a str>,
    #[serde(rename = "transactionId", skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(rename = "journeyID", skip_serializing_if = "Option::is_none")]
    journey_id: Option<&'a str>,
    #[serde(rename = "linkRefNumber", skip_serializing_if = "<[String]>::is_empty")]
    accounts: &'a [String],
}

impl<'a> Selector<'a> {
    fn body(self, journey_id: Option<&'a str>, accounts: &'a [String]) -> Selected<'a> {
        match self {
            Self::Consent(id) => Selected { consent_id: Some(id), transaction_id: None, journey_id, accounts },
            // A transaction knows its own analyses, and is analysed as a whole.
            Self::Transaction(id) => Selected { consent_id: None, transaction_id: Some(id), journey_id: None, accounts: &[] },
        }
    }
}

/// `POST /getallfidata`.
pub(super) fn all_fi_data(selector: Selector<'_>) -> OutboundRequest {
    reads::ALL_FI_DATA.post(&selector.body(None, &[]))
}

/// `POST /getalllatestfidata`. FinPro gives each row once, so a second question may find nothing.
pub(super) fn latest_fi_data(consent_ref: &str) -> OutboundRequest {
    reads::LATEST_FI_DATA.post(&Selector::Consent(consent_ref).body(None, &[]))
}

/// `POST /transaction/status`.
pub(super) fn transaction_status(transaction_id: &str) -> OutboundRequest {
    let body = Selector::Transaction(transaction_id).body(None, &[]);
    reads::TRANSACTION_STATUS.post(&body)
}

/// `POST /analytics/json`, `/analytics/xml` or `/analytics/excel`.
pub(super) fn analytics(
    format: Analytics,
    selector: Selector<'_>,
    journey_id: Option<&str>,
    accounts: &[String],
) -> OutboundRequest {
    let call = match format {
        Analytics::Json => reads::ANALYTICS_JSON,
        Analytics::Xml => reads::ANALYTICS_XML,
        Analytics::Excel => reads::ANALYTICS_EXCEL,
    };
    call.post(&selector.body(journey_id, accounts))
}

/// In which form an analysis is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Analytics {
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// Excel.
    Excel,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductsList<'a> {
    product_id: &'a str,
}

/// `POST /productslist` for one template.
pub(super) fn products_list(template: &str) -> OutboundRequest {
    reads::PRODUCTS_LIST.post(&ProductsList { product_id: template })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::providers::{
        finpro::{config::Style, plan, testing},
        http::CallKind,
    };

    fn body(request: &OutboundRequest) -> Value {
        serde_json::from_slice(request.body.as_deref().unwrap()).unwrap()
    }

    fn opened(ask: &crate::journey::model::Ask) -> OutboundRequest {
        let settings = testing::settings(Style::Consent);
        let plan = plan::plan(&settings, ask).unwrap();
        let opening = Opening { ask, plan: &plan, attempt_id: "att_1", webhook_url: None };
        request_consent(&settings, &opening, testing::now())
    }

    #[test]
    fn a_lone_consent_is_asked_by_its_product() {
        let request = opened(&testing::ask());
        assert_eq!((request.path, request.kind), ("v3/requestconsent", CallKind::Write));
        assert_eq!(
            body(&request),
            json!({"productID":"PROD01","vua":"9000000001@onemoney","partyIdentifierType":"MOBILE",
                "partyIdentifierValue":"9000000001","accountID":"att_1"})
        );
    }

    #[test]
    fn everything_that_was_asked_is_sent() {
        let mut ask = testing::ask();
        ask.customer.pan = Some("AAAPA0001A".into());
        ask.client_reference = Some("loan-1".to_owned());
        ask.institutions = vec!["FIP-A".to_owned()];
        ask.redirect_url = Some("https://lender.example/r".into());
        let range = Some(DayRange { from: Some("2025-01-01".parse().unwrap()), to: Some("2026-01-01".parse().unwrap()) });
        ask.consents[0].data_range = range;
        let mut second = ask.consents[0].clone();
        second.purpose = crate::journey::model::Purpose::Monitoring;
        ask.consents.push(second);
        assert_eq!(
            body(&opened(&ask)),
            json!({"productIDList":["PROD01","PROD02"],"vua":"9000000001@onemoney","partyIdentifierType":"MOBILE",
                "partyIdentifierValue":"9000000001","accountID":"att_1","transactionID":"loan-1","pan":"AAAPA0001A",
                "fipID":["FIP-A"],"redirectUrl":"https://lender.example/r",
                "config":{"fiDataRange":{"from":"2024-12-31T18:30:00.000Z","to":"2026-01-01T00:00:00.000Z"}}})
        );
    }

    #[test]
    fn ids_are_spelt_as_each_call_wants_them() {
        assert_eq!(body(&session_status("c", Some("s"))), json!({"consentId":"c","sessionId":"s"}));
        assert_eq!(body(&session_status("c", None)), json!({"consentId":"c"}));
        assert_eq!(body(&all_fi_data(Selector::Consent("c"))), json!({"consentID":"c"}));
        assert_eq!(body(&all_fi_data(Selector::Transaction("t"))), json!({"transactionId":"t"}));
        let latest = latest_fi_data("c");
        assert_eq!((body(&latest), latest.kind), (json!({"consentID":"c"}), CallKind::Write));
        assert_eq!(
            body(&analytics(Analytics::Json, Selector::Consent("c"), Some("j"), &[])),
            json!({"consentID":"c","journeyID":"j"})
        );
        assert_eq!(
            body(&analytics(Analytics::Xml, Selector::Consent("c"), Some("j"), &["l".to_owned()])),
            json!({"consentID":"c","journeyID":"j","linkRefNumber":["l"]})
        );
        assert_eq!(
            body(&analytics(Analytics::Xml, Selector::Transaction("t"), Some("j"), &["l".to_owned()])),
            json!({"transactionId":"t"})
        );
        assert_eq!(body(&encrypted_url(&["h"], None, None)), json!({"consentHandle":"h"}));
        assert_eq!(body(&encrypted_url(&["h", "i"], Some("https://x.example"), None))["consentHandle"], json!(["h", "i"]));
        assert_eq!(body(&products_list("PROD01")), json!({"productId":"PROD01"}));
        assert_eq!(body(&revoke_consent("c")), json!({"consentID":"c"}));
        assert_eq!((body(&delete_data("c")), delete_data("c").method), (json!({"consentId":"c"}), http::Method::DELETE));
        assert_eq!(body(&fi_request("c", None, testing::now())), json!({"consentId":"c"}));
        let list = consents_list(&testing::ask().customer, "PROD01", "att_1").unwrap();
        assert_eq!(
            body(&list),
            json!({"partyIdentifierType":"MOBILE","partyIdentifierValue":"9000000001","productID":"PROD01","accountID":"att_1"})
        );
    }
}
