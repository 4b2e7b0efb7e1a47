//! The plain product has no status call: its report's answer is the state.

use super::Held;
use crate::{
    journey::model::{AttemptState, ConsentState, FetchState, Purpose},
    providers::{
        error::ProviderError,
        finpass::{error::Reason, fetch},
        http::OutboundResponse,
        judge::Origin,
        provider::{Body, FetchFact, Observation},
    },
};

/// Reads the answer of `fetch-json-report` as facts; a report that is there goes along, so that it is not fetched twice.
pub(super) fn read(origin: Origin, response: OutboundResponse, held: Held<'_>) -> Result<Observation, ProviderError> {
    use AttemptState::{AwaitingCustomer, Done};
    use ConsentState::{Active, Pending, Rejected, Revoked};
    let refusal = match fetch::read_report(origin, &response) {
        Ok(report) => {
            let has_data = matches!(report.state, FetchState::Ready | FetchState::Partial);
            let fetch = FetchFact {
                accounts: report.accounts,
                body: has_data.then(|| Body::json(origin, response)),
                ..held.fetch(report.state, report.settled, "READY")
            };
            return Ok(held.seen(Done, Active, Some(fetch), "READY"));
        }
        Err(refusal) => refusal,
    };
    let collected = |state, settled, text: &str| Ok(held.seen(Done, Active, Some(held.fetch(state, settled, text)), text));
    match refusal.reason {
        Reason::ConsentPending => Ok(held.seen(AwaitingCustomer, Pending, None, "CONSENT_PENDING")),
        Reason::Rejected => Ok(held.seen(Done, Rejected, None, "CONSENT_REJECTED")),
        Reason::Revoked => Ok(held.seen(Done, Revoked, None, "CONSENT_REVOKED")),
        Reason::Collecting => collected(FetchState::Requested, false, "ACCEPTED"),
        // Monitoring without a refresh id: nobody has asked for data, so we have to. With one, or for underwriting, it is on its way.
        Reason::NoRequest if held.purpose == Purpose::Monitoring && held.refresh_id.is_none() => {
            Ok(held.seen(Done, Active, None, "NO_DATA_REQUEST"))
        }
        Reason::NoRequest => collected(FetchState::Requested, false, "NO_DATA_REQUEST"),
        Reason::Empty => collected(FetchState::Empty, true, "DATA_NOT_FOUND"),
        Reason::Expired => collected(FetchState::Timeout, true, "DATA_FETCH_EXPIRED"),
        Reason::FetchError => collected(FetchState::Failed, true, "DATA_FETCH_ERROR"),
        // Of an answer that no table knows nothing can be said either: the journey keeps waiting.
        Reason::Unclear
        | Reason::NotActive
        | Reason::Credentials
        | Reason::RateLimited
        | Reason::Unavailable
        | Reason::Unreadable
        | Reason::Refused
        | Reason::UnknownClient => Err(refusal.error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        journey::model::FetchTrigger,
        providers::{error::ErrorKind, finpass::testing, http::CallKind},
    };

    fn held(purpose: Purpose, refresh_id: Option<&str>) -> Held<'_> {
        Held { purpose, template: "loan", refresh_id, given: false, refreshes: true }
    }

    fn seen(status: u16, label: &str, held: Held<'_>) -> Observation {
        let body = serde_json::json!({"data":null,"status_code":status,"success":false,"message":label}).to_string();
        read(testing::origin(CallKind::Read), testing::response(status, &body), held).unwrap()
    }

    #[test]
    fn every_label_is_a_state() {
        use ConsentState::*;
        use FetchState::*;
        let rows = [
            (422, "Consent Status Pending", Pending, None),
            (422, "Consent Status Rejected", Rejected, None),
            (422, "Consent Status Revoked", Revoked, None),
            (202, "Accepted", Active, Some((Requested, false))),
            (422, "Data Not Ready", Active, Some((Requested, false))),
            (422, "Account Data Not Found", Active, Some((Empty, true))),
            (422, "Account Data Fetch Expired", Active, Some((Timeout, true))),
            (422, "Account Data Fetch Error", Active, Some((FetchState::Failed, true))),
            (422, "No Financial Information Request Found", Active, Some((Requested, false))),
        ];
        for (status, label, consent, fetch) in rows {
            let observation = seen(status, label, held(Purpose::Underwriting, None));
            let fact = &observation.consents[0];
            assert_eq!(fact.state, Some(consent), "{label}");
            assert_eq!(fact.fetches.first().map(|fetch| (fetch.state, fetch.settled)), fetch, "{label}");
            assert_eq!((fact.periodic, fact.trigger), (Some(false), Some(FetchTrigger::Provider)));
        }
    }

    #[test]
    fn monitoring_without_a_refresh_is_ours_to_ask() {
        for label in ["Missing Request ID", "No Financial Information Request Found"] {
            let observation = seen(422, label, held(Purpose::Monitoring, None));
            let fact = &observation.consents[0];
            assert_eq!(
                (fact.state, fact.trigger, fact.fetches.len()),
                (Some(ConsentState::Active), Some(FetchTrigger::Gateway), 0)
            );
            let waiting = seen(422, label, held(Purpose::Monitoring, Some("r")));
            let fetch = &waiting.consents[0].fetches[0];
            assert_eq!((fetch.session.as_deref(), fetch.state), (Some("r"), FetchState::Requested));
        }
    }

    #[test]
    fn a_report_comes_along() {
        let body = r#"{"data":{"client_id":"x","account_aggregator_json":[{"status":"READY"},{"status":"FAILED"}]},"status_code":200,"success":true}"#;
        let observation =
            read(testing::origin(CallKind::Read), testing::response(200, body), held(Purpose::Underwriting, None)).unwrap();
        let fetch = &observation.consents[0].fetches[0];
        assert_eq!((fetch.state, fetch.settled), (FetchState::Partial, true));
        assert_eq!(&fetch.body.as_ref().unwrap().bytes[..], body.as_bytes());
    }

    #[test]
    fn an_unknown_word_and_an_unknown_client_are_errors() {
        for (status, label, kind) in
            [(422, "Something New", ErrorKind::NotReady), (404, "Client Not Found", ErrorKind::UnknownReference)]
        {
            let body = serde_json::json!({"status_code":status,"success":false,"message":label}).to_string();
            let response = testing::response(status, &body);
            let error = read(testing::origin(CallKind::Read), response, held(Purpose::Underwriting, None)).unwrap_err();
            assert_eq!(error.kind, kind, "{label}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), testing::bytes_response(status, &body), held(Purpose::Monitoring, None));
        }
    }
}
