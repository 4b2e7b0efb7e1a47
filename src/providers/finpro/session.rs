//! One data session: asking for it, and what has become of it.

use super::{delivery, envelope, words};
use crate::{
    journey::model::{Certainty, FactSource, FetchState, FetchedAccount},
    providers::{
        error::ProviderError,
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members, identifier, institution, masked},
        provider::FetchFact,
    },
};

/// Reads the answer of `/fi/request`: it has no `status`; the session id, for the consent that was named, says that it worked.
pub(super) fn read_request(origin: Origin, response: &OutboundResponse, consent_ref: &str) -> Result<String, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.data();
    if data.text(&["consentId"]).is_some_and(|told| told != consent_ref) {
        return Err(origin.unusable("the answer is about another consent"));
    }
    if answer.top.text(&["response"]).is_some_and(|word| lenient::word(&word) != "OK") {
        return Err(origin.unusable("the answer's word is not the documented one"));
    }
    let session = data.text(&["sessionId"]).and_then(identifier);
    session.ok_or_else(|| origin.unusable("the answer has no session id"))
}

/// Reads the answer of `/consent/firequest/status` for a consent, and a session if one was named.
pub(super) fn read_status(
    origin: Origin,
    response: &OutboundResponse,
    consent_ref: &str,
    session: Option<&str>,
) -> Result<FetchFact, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.object(origin)?;
    // Without its accounts a session that is done reads as one in which every account came.
    let odd = data.has_odd_text(&["consentId", "sessionId"])
        || data.has_odd_word(&["eventStatus"])
        || data.has_odd_rows(&["linkRefNumbers"]);
    let odd_account = |raw| {
        let row = Members::within(Some(raw));
        row.has_odd_text(&["linkRefNumber", "linkReferenceNumber"]) || row.has_odd_word(&["fiStatus"])
    };
    if odd || data.list(&["linkRefNumbers"]).into_iter().any(odd_account) {
        return Err(origin.unusable("the session has members of another type"));
    }
    let other =
        |names: &[&str], asked: Option<&str>| matches!((data.text(names), asked), (Some(told), Some(asked)) if told != asked);
    if other(&["consentId"], Some(consent_ref)) || other(&["sessionId"], session) {
        return Err(origin.unusable("the answer is about another consent or session"));
    }
    let text = data.text(&["eventStatus"]).ok_or_else(|| origin.unusable("the answer has no status of the session"))?;
    let accounts = accounts(&data, &["linkRefNumbers"], FetchState::Requested);
    let (state, settled) = judge(&lenient::word(&text), &accounts);
    let has_data = matches!(state, FetchState::Ready | FetchState::Partial);
    let stated = data.instant(&["dataExpiry"]).map(|end| (end, Certainty::Provider));
    Ok(FetchFact {
        session: data.text(&["sessionId"]).and_then(identifier).or_else(|| session.map(str::to_owned)),
        state,
        settled,
        text: words::STATES.shown(&text),
        accounts,
        fetched_at: data.instant(&["datafetchDate"]),
        data_expires_at: stated.filter(|_| has_data),
        body: None,
    })
}

/// The accounts of a session; FinPro lists some twice. `unsaid` is the state of an account that has no `fiStatus`.
pub(super) fn accounts(data: &Members<'_>, names: &[&str], unsaid: FetchState) -> Vec<FetchedAccount> {
    let mut accounts: Vec<FetchedAccount> = Vec::new();
    for raw in data.list(names) {
        let row = Members::within(Some(raw));
        let Some(link_ref) = row.text(&["linkRefNumber", "linkReferenceNumber"]).and_then(institution) else { continue };
        if accounts.iter().any(|account| account.link_ref == link_ref) {
            continue;
        }
        accounts.push(FetchedAccount {
            fip: row.text(&["fipId", "fip"]).and_then(institution).unwrap_or_default(),
            masked_number: row.text(&["maskedAccountNumber", "maskedAccNumber"]).map(|text| masked(&text)).unwrap_or_default(),
            link_ref,
            state: row.text(&["fiStatus"]).map_or(unsaid, |text| delivery::account_state(&text)),
            source: FactSource::Unspecified,
        });
    }
    accounts
}

/// The state of a session, and whether nothing more comes.
fn judge(event: &str, accounts: &[FetchedAccount]) -> (FetchState, bool) {
    match event {
        "DATA_READY" | "READY" | "DELIVERED" if accounts.is_empty() => (FetchState::Ready, true),
        "DATA_READY" | "READY" | "DELIVERED" => by_accounts(accounts),
        "TIMEOUT" | "SESSION_EXPIRED" | "DATA_DENIED" | "DENIED" | "SESSION_FAILED" | "FAILED" => {
            // What was delivered before the session ended is there.
            if accounts.iter().any(|account| account.state == FetchState::Ready) {
                return (FetchState::Partial, true);
            }
            let state = match event {
                "TIMEOUT" | "SESSION_EXPIRED" => FetchState::Timeout,
                "DATA_DENIED" | "DENIED" => FetchState::Denied,
                _ => FetchState::Failed,
            };
            (state, true)
        }
        // PENDING, DATA_REQUEST, and words nobody knows: keep waiting.
        _ => (FetchState::Requested, false),
    }
}

fn by_accounts(accounts: &[FetchedAccount]) -> (FetchState, bool) {
    let count = |state| accounts.iter().filter(|account| account.state == state).count();
    let (ready, open) = (count(FetchState::Ready), count(FetchState::Requested));
    if ready == accounts.len() {
        (FetchState::Ready, true)
    } else if ready > 0 {
        (FetchState::Partial, open == 0)
    } else if open > 0 {
        (FetchState::Requested, false)
    } else {
        let worst = [FetchState::Denied, FetchState::Timeout].into_iter().find(|state| count(*state) > 0);
        (worst.unwrap_or(FetchState::Failed), true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{
        error::{Effect, ErrorKind},
        finpro::testing,
        http::CallKind,
    };

    fn status(event: &str, accounts: &[&str]) -> FetchFact {
        let links: Vec<_> = accounts
            .iter()
            .enumerate()
            .map(|(index, state)| {
                serde_json::json!({"linkRefNumber":format!("l{index}"),"fiStatus":state,"fipId":"bank","maskedAccountNumber":"XXXXXXXX1234"})
            })
            .collect();
        let body = serde_json::json!({"ver":"1.21.0","status":"success","data":{"eventStatus":event,"consentId":"c","sessionId":"s",
            "datafetchDate":"2025-03-24T17:52:03.000Z","dataExpiry":"2025-03-25T17:52:03.000Z","linkRefNumbers":links},"message":"success"});
        read_status(testing::origin(CallKind::Read), &testing::response(200, &body.to_string()), "c", Some("s")).unwrap()
    }

    #[test]
    fn every_event_has_its_state() {
        use FetchState::*;
        let rows: &[(&str, &[&str], FetchState, bool)] = &[
            ("DATA_READY", &[], Ready, true),
            ("DATA_READY", &["DELIVERED", "READY"], Ready, true),
            ("DATA_READY", &["DELIVERED", "DENIED"], Partial, true),
            ("DATA_READY", &["DELIVERED", "PENDING"], Partial, false),
            ("DATA_READY", &["PENDING"], Requested, false),
            ("DATA_READY", &["DENIED", "TIMEOUT"], Denied, true),
            ("DATA_READY", &["TIMEOUT"], Timeout, true),
            ("PENDING", &[], Requested, false),
            ("TIMEOUT", &[], Timeout, true),
            ("TIMEOUT", &["DELIVERED", "TIMEOUT"], Partial, true),
            ("DATA_DENIED", &["DENIED"], Denied, true),
            ("SESSION_FAILED", &[], Failed, true),
            ("SESSION_EXPIRED", &[], Timeout, true),
            ("SOMETHING_NEW", &[], Requested, false),
        ];
        for (event, accounts, state, settled) in rows {
            let fact = status(event, accounts);
            // Only documented words are shown.
            let shown = if *event == "SOMETHING_NEW" { "OTHER-043c" } else { *event };
            assert_eq!((fact.state, fact.settled, fact.text.as_str()), (*state, *settled, shown), "{event} {accounts:?}");
            assert_eq!(fact.data_expires_at.is_some(), matches!(state, Ready | Partial));
        }
    }

    #[test]
    fn an_account_is_listed_once_and_masked() {
        let body = r#"{"data":{"eventStatus":"DATA_READY","dataExpiry":"","datafetchDate":"2025-03-24T17:52:03.000Z","linkRefNumbers":[
            {"linkRefNumber":"l","fiStatus":"DELIVERED","maskedAccountNumber":"10000000001"},{"linkRefNumber":"l","fiStatus":"DELIVERED"}]}}"#;
        let fact = read_status(testing::origin(CallKind::Read), &testing::response(200, body), "c", None).unwrap();
        assert_eq!(fact.accounts.len(), 1);
        assert_eq!(fact.accounts[0].masked_number, "XXXX0001");
        assert_eq!((fact.data_expires_at, fact.fetched_at), (None, Some("2025-03-24T17:52:03Z".parse().unwrap())));
    }

    #[test]
    fn an_answer_about_somebody_else_is_refused() {
        for body in [
            r#"{"data":{"eventStatus":"DATA_READY","consentId":"x"}}"#,
            r#"{"data":{"eventStatus":"DATA_READY","sessionId":"x"}}"#,
        ] {
            let answer = testing::response(200, body);
            let found = read_status(testing::origin(CallKind::Read), &answer, "c", Some("s"));
            assert_eq!(found.unwrap_err().kind, ErrorKind::ResponseInvalid);
        }
    }

    #[test]
    fn a_session_of_another_shape_is_refused() {
        for data in [
            r#""surprise""#,
            "[]",
            "{}",
            r#"{"eventStatus":["DATA_READY"]}"#,
            r#"{"eventStatus":"DATA_READY","linkRefNumbers":"surprise"}"#,
            r#"{"eventStatus":"DATA_READY","linkRefNumbers":{}}"#,
            r#"{"eventStatus":"DATA_READY","linkRefNumbers":[{"linkRefNumber":"l","fiStatus":"DELIVERED"},7]}"#,
            r#"{"eventStatus":"TIMEOUT","linkRefNumbers":[{"linkRefNumber":"l","fiStatus":{}}]}"#,
            r#"{"eventStatus":"DATA_READY","sessionId":["s"]}"#,
        ] {
            let answer = testing::response(200, &format!(r#"{{"ver":"1","status":"success","data":{data}}}"#));
            let found = read_status(testing::origin(CallKind::Read), &answer, "c", Some("s"));
            assert_eq!(found.unwrap_err().kind, ErrorKind::ResponseInvalid, "{data}");
        }
    }

    #[test]
    fn a_session_is_opened_without_a_status() {
        let body = r#"{"ver":"1.1.2","timestamp":"t","response":"ok","data":{"consentId":"c","sessionId":"s"}}"#;
        let origin = testing::origin(CallKind::Write);
        assert_eq!(read_request(origin, &testing::response(200, body), "c").unwrap(), "s");
        for body in [
            r#"{"response":"ok","data":{}}"#,
            r#"{"response":"ok","data":{"sessionId":["s"]}}"#,
            r#"{"response":"pending","data":{"consentId":"c","sessionId":"s"}}"#,
            r#"{"response":"ok","data":{"consentId":"other","sessionId":"s"}}"#,
        ] {
            let error = read_request(origin, &testing::response(200, body), "c").unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::ResponseInvalid, Effect::Applied), "{body}");
        }
    }

    #[test]
    fn hostile_bodies_are_errors() {
        for body in testing::hostile() {
            let response = testing::bytes_response(200, &body);
            assert!(read_request(testing::origin(CallKind::Write), &response, "c").is_err());
            assert!(read_status(testing::origin(CallKind::Read), &response, "c", None).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_status(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c", None);
        }
    }
}
