//! Finpass's requests, as pure functions.

use serde::Serialize;

use super::{
    ID,
    plan::{AA_BSA, consent_type},
    reads,
};
use crate::{
    data::personal::exposed,
    journey::model::Purpose,
    providers::{http::OutboundRequest, provider::Opening},
};

#[derive(Serialize)]
struct Init<'a> {
    mobile_number: &'a str,
    /// The documented table says `pan_number`, the sample beside it `pan`; the table and the answer agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pan_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    consent_type: &'a str,
    /// Left out, the analysed product reports to Finpass itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
}

/// Opens a session of either product.
pub(super) fn init(opening: &Opening<'_>) -> OutboundRequest {
    let ask = opening.ask;
    let analysed = opening.plan.provider_product == AA_BSA;
    let purpose = opening.plan.consents.first().map_or(Purpose::Underwriting, |consent| consent.purpose);
    let plain = |value| if analysed { None } else { exposed(value) };
    let (pan, email) = (plain(&ask.customer.pan), plain(&ask.customer.email));
    let body = Init {
        mobile_number: exposed(&ask.customer.mobile).unwrap_or_default(),
        pan_number: pan,
        email,
        consent_type: consent_type(purpose).unwrap_or_default(),
        webhook_url: opening.webhook_url,
        redirect_url: exposed(&ask.redirect_url),
    };
    if analysed {
        OutboundRequest::write(ID, "aa_bsa_init", "api/v1/aa-bsa-journey/init", &body)
    } else {
        OutboundRequest::write(ID, "init", "api/v1/services/account-aggregator/init", &body)
    }
}

#[derive(Serialize)]
struct Client<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The plain product's report, which is also the only way to learn its state.
pub(super) fn fetch_json_report(client_id: &str, refresh_id: Option<&str>) -> OutboundRequest {
    let body = Client { client_id, request_id: refresh_id };
    reads::JSON_REPORT.post(&body)
}

/// Asks the plain product to collect data anew.
pub(super) fn refresh_data(client_id: &str) -> OutboundRequest {
    let body = Client { client_id, request_id: None };
    let path = "api/v1/services/account-aggregator/refresh-data";
    OutboundRequest::write(ID, "refresh_data", path, &body)
}

/// The analysed product's state.
pub(super) fn status(client_id: &str) -> OutboundRequest {
    reads::STATUS.get().with_query("client_id", client_id)
}

/// The analysed product's data.
pub(super) fn statement_result(client_id: &str) -> OutboundRequest {
    reads::STATEMENT_RESULT.get().with_query("client_id", client_id)
}

/// The analysed product's analysis.
pub(super) fn analysis_json(client_id: &str) -> OutboundRequest {
    reads::ANALYSIS_JSON.get().with_query("client_id", client_id)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        journey::model::{Ask, Product},
        providers::{
            finpass::{plan, testing},
            http::CallKind,
        },
    };

    fn opened(ask: &Ask) -> (&'static str, Value) {
        let plan = plan::plan(ask).unwrap();
        let opening = Opening { ask, plan: &plan, attempt_id: "att_1", webhook_url: Some("https://gw.example/hooks/token") };
        let request = init(&opening);
        assert_eq!(request.kind, CallKind::Write);
        (request.path, serde_json::from_slice(request.body.as_deref().unwrap()).unwrap())
    }

    #[test]
    fn the_plain_product_gets_pan_and_email() {
        let mut ask = testing::ask();
        ask.customer.pan = Some("AAAPA0001A".into());
        ask.customer.email = Some("a@b.example".into());
        ask.redirect_url = Some("https://lender.example/r".into());
        let (path, body) = opened(&ask);
        assert_eq!(path, "api/v1/services/account-aggregator/init");
        assert_eq!(
            body,
            json!({"mobile_number":"9000000001","pan_number":"AAAPA0001A","email":"a@b.example","consent_type":"loan_underwriting",
                "webhook_url":"https://gw.example/hooks/token","redirect_url":"https://lender.example/r"})
        );
        ask.products.push(Product::Analytics);
        let (path, body) = opened(&ask);
        assert_eq!(path, "api/v1/aa-bsa-journey/init");
        assert!(body.get("pan_number").is_none() && body.get("email").is_none());
    }

    #[test]
    fn a_refresh_id_goes_where_it_is_known() {
        let body = |request: OutboundRequest| serde_json::from_slice::<Value>(request.body.as_deref().unwrap()).unwrap();
        assert_eq!(body(fetch_json_report("c", None)), json!({"client_id":"c"}));
        assert_eq!(body(fetch_json_report("c", Some("r"))), json!({"client_id":"c","request_id":"r"}));
        assert_eq!(refresh_data("c").kind, CallKind::Write);
        assert_eq!(status("c").query, [("client_id", "c".to_owned())]);
    }
}
