//! The body of financial data: only its frame is judged here, without reading a row.

use super::{
    delivery, envelope,
    error::{Reason, Refusal, of_reason, unusable},
};
use crate::{
    journey::model::{FactSource, FetchState, FetchedAccount},
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members, masked},
        provider::Body,
        shape,
    },
};

/// A report of the plain product.
#[derive(Debug)]
pub(super) struct Report {
    /// Its accounts.
    pub accounts: Vec<FetchedAccount>,
    /// What they come to.
    pub state: FetchState,
    /// Whether nothing more comes.
    pub settled: bool,
}

/// Where the accounts stand.
pub(super) const LIST: &[&str] = &["account_aggregator_json", "accounts"];

/// Judges the answer of `fetch-json-report`. A success without data is data that is not there yet.
#[expect(clippy::result_large_err, reason = "a refusal is a provider error with its reason, and ends in the adapter")]
pub(super) fn read_report(origin: Origin, response: &OutboundResponse) -> Result<Report, Refusal> {
    let answer = envelope::read(origin, response)?;
    if answer.waits() {
        return without_data(origin, answer.status, &answer.data());
    }
    let data = answer.object(origin)?;
    let list = data.raw(LIST).and_then(shape::rows);
    let rows = list.ok_or_else(|| unusable(origin, "the answer holds no list of accounts"))?;
    let accounts: Vec<FetchedAccount> = rows.read.iter().filter_map(account).collect();
    if accounts.is_empty() {
        return Err(unusable(origin, "the list of accounts holds no account"));
    }
    let (state, settled) = judge(&accounts);
    // What cannot be read may be an account.
    let whole = rows.odd == 0 && accounts.len() == rows.read.len();
    let state = if state == FetchState::Ready && !whole { FetchState::Partial } else { state };
    Ok(Report { accounts, state, settled })
}

/// What a success without data means: collecting, unless an inner status says otherwise.
#[expect(clippy::result_large_err, reason = "a refusal is a provider error with its reason, and ends in the adapter")]
fn without_data(origin: Origin, status: http::StatusCode, data: &Members<'_>) -> Result<Report, Refusal> {
    if data.raw(LIST).is_some_and(|list| !list.get().starts_with('[')) || data.has_odd_word(&["status"]) {
        return Err(unusable(origin, "what stands for the accounts or the status is neither"));
    }
    let word = data.text(&["status"]).map(|status| lenient::word(&status)).unwrap_or_default();
    let reason = match word.as_str() {
        "FAILED" | "ERROR" => Reason::FetchError,
        // Not told whether the consent is given.
        "PENDING" | "INITIATED" if status != http::StatusCode::ACCEPTED => Reason::Unclear,
        _ => Reason::Collecting,
    };
    Err(of_reason(origin, reason, "a success without data"))
}

/// An account; none if it has neither a state nor data.
fn account(row: &Members<'_>) -> Option<FetchedAccount> {
    if row.has_odd_word(&["status"]) || row.has_odd_text(&["account_id"]) {
        return None;
    }
    let details = row.object(&["fi_status_details"]);
    let number = row.text(&["masked_account_number", "account_number"]).or_else(|| details.text(&["account_number"]));
    let has_data = row.raw(&["transaction_data", "transactions", "summary_details", "summary"]).is_some();
    let state = match row.text(&["status"]) {
        Some(word) => delivery::state(&word),
        None if has_data => FetchState::Ready,
        None => return None,
    };
    Some(FetchedAccount {
        // The report names no institution.
        fip: String::new(),
        masked_number: number.map(|number| masked(&number)).unwrap_or_default(),
        link_ref: row.text(&["account_id"]).and_then(lenient::identifier).unwrap_or_default(),
        state,
        source: FactSource::Unspecified,
    })
}

fn judge(accounts: &[FetchedAccount]) -> (FetchState, bool) {
    let count = |state| accounts.iter().filter(|account| account.state == state).count();
    let (ready, open) = (count(FetchState::Ready), count(FetchState::Requested));
    match () {
        () if ready == accounts.len() => (FetchState::Ready, true),
        () if ready > 0 => (FetchState::Partial, open == 0),
        () if open > 0 => (FetchState::Requested, false),
        () => (FetchState::Failed, true),
    }
}

/// Takes the answer of `fetch-json-report`.
pub(super) fn read(origin: Origin, response: OutboundResponse) -> Result<Body, ProviderError> {
    let report = read_report(origin, &response)?;
    if report.state == FetchState::Requested {
        return Err(origin.error(ErrorKind::NotReady).with_detail("no account is ready"));
    }
    Ok(Body::json(origin, response))
}

/// Takes the answer of `statement-result` of the analysed product.
pub(super) fn read_statement(origin: Origin, response: OutboundResponse, client_id: &str) -> Result<Body, ProviderError> {
    let answer = envelope::read(origin, &response)?;
    if answer.waits() && answer.data().raw(&["accounts"]).is_none() {
        return Err(origin.error(ErrorKind::NotReady).with_detail("a success without data"));
    }
    let data = answer.object(origin)?;
    if data.has_odd_text(&["client_id"]) {
        return Err(origin.unusable("the session's id is no text"));
    }
    if data.text(&["client_id"]).is_some_and(|told| told != client_id) {
        return Err(origin.unusable("the answer is about another session"));
    }
    let list = data.raw(&["accounts"]).and_then(shape::rows);
    let rows = list.ok_or_else(|| origin.unusable("the answer holds no list of accounts"))?;
    match (rows.read.is_empty(), rows.odd) {
        (true, 0) => return Err(origin.error(ErrorKind::NoAccounts).with_detail("the list of accounts is empty")),
        (true, _) => return Err(origin.unusable("the list of accounts holds no account")),
        (false, _) => {}
    }
    Ok(Body::json(origin, response))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{finpass::testing, http::CallKind};

    fn origin() -> Origin {
        testing::origin(CallKind::Read)
    }

    #[expect(clippy::result_large_err, reason = "as the function under test returns it")]
    fn report(accounts: &str) -> Result<Report, Refusal> {
        let body = format!(
            r#"{{"data":{{"client_id":"aa_other","account_aggregator_json":{accounts}}},"status_code":200,"success":true,"message":"Success"}}"#
        );
        read_report(origin(), &testing::response(200, &body))
    }

    #[test]
    fn accounts_decide_the_reports_state() {
        use FetchState::*;
        for (accounts, state, settled) in [
            (r#"[{"account_id":"a","status":"READY","masked_account_number":"XXXXXXXXXXXXX0001"}]"#, Ready, true),
            (r#"{"account_id":"a","transaction_data":{}}"#, Ready, true),
            (r#"[{"status":"READY"},{"status":"FAILED"}]"#, Partial, true),
            (r#"[{"status":"READY"},{"status":"PENDING"}]"#, Partial, false),
            (r#"[{"status":"PENDING"}]"#, Requested, false),
            (r#"[{"status":"FAILED"}]"#, Failed, true),
            (r#"[{"status":"READY"},7]"#, Partial, true),
            (r#"[{"status":"READY"},{"status":{}}]"#, Partial, true),
        ] {
            let report = report(accounts).unwrap();
            assert_eq!((report.state, report.settled), (state, settled), "{accounts}");
        }
        assert_eq!(
            report(r#"[{"status":"READY","account_number":"10000000001"}]"#).unwrap().accounts[0].masked_number,
            "XXXX0001"
        );
    }

    #[test]
    fn a_success_without_data_is_not_ready() {
        for (status, body, reason) in [
            (
                202,
                r#"{"data":null,"status_code":202,"success":false,"message":"Data fetch in progress","message_code":"accepted"}"#,
                Reason::Collecting,
            ),
            (202, r#"{"data":{"status":"PENDING"},"success":true}"#, Reason::Collecting),
            (200, r#"{"data":{"account_aggregator_json":[]},"success":true}"#, Reason::Collecting),
            (200, r#"{"data":{"status":"IN_PROGRESS"},"success":true}"#, Reason::Collecting),
            (200, r#"{"data":{"status":"INITIATED"},"success":true}"#, Reason::Unclear),
            (200, r#"{"data":{"status":"FAILED"},"success":true}"#, Reason::FetchError),
            (200, r#"{"data":null,"success":true}"#, Reason::Collecting),
            (200, r#"{"success":true,"status_code":200}"#, Reason::Collecting),
            (202, r#"{"data":{},"success":true}"#, Reason::Collecting),
            (202, r#"{"data":"surprise","success":true}"#, Reason::Unreadable),
            (200, r#"{"data":"surprise","success":true}"#, Reason::Unreadable),
            (200, r#"{"data":[],"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":[{"status":"READY"}],"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":7,"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"status":["PENDING"]},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"status":[]},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"surprise":{"a":1}},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"account_aggregator_json":"surprise"},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"account_aggregator_json":{}},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"account_aggregator_json":[{}]},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"account_aggregator_json":[{"status":{"a":1}}]},"success":true}"#, Reason::Unreadable),
            (200, r#"{"data":{"account_aggregator_json":[1,null]},"success":true}"#, Reason::Unreadable),
        ] {
            assert_eq!(read_report(origin(), &testing::response(status, body)).unwrap_err().reason, reason, "{body}");
        }
    }

    #[test]
    fn a_statement_is_of_the_session_that_was_asked() {
        let body = r#"{"success":true,"data":{"client_id":"bsa_1","accounts":[{"account_id":"a"}]}}"#;
        assert!(read_statement(origin(), testing::response(200, body), "bsa_1").is_ok());
        let other = read_statement(origin(), testing::response(200, body), "bsa_2").unwrap_err();
        assert_eq!(other.kind, ErrorKind::ResponseInvalid);
        let none =
            read_statement(origin(), testing::response(200, r#"{"success":true,"data":{"accounts":[]}}"#), "bsa_1").unwrap_err();
        assert_eq!(none.kind, ErrorKind::NoAccounts);
        for (data, kind) in [
            ("null", ErrorKind::NotReady),
            ("{}", ErrorKind::NotReady),
            (r#""surprise""#, ErrorKind::ResponseInvalid),
            ("[]", ErrorKind::ResponseInvalid),
            (r#"{"accounts":"surprise"}"#, ErrorKind::ResponseInvalid),
            (r#"{"accounts":{}}"#, ErrorKind::ResponseInvalid),
            (r#"{"accounts":[7]}"#, ErrorKind::ResponseInvalid),
            (r#"{"accounts":[{}]}"#, ErrorKind::ResponseInvalid),
            (r#"{"client_id":["bsa_1"],"accounts":[{"account_id":"a"}]}"#, ErrorKind::ResponseInvalid),
        ] {
            let body = format!(r#"{{"success":true,"data":{data}}}"#);
            assert_eq!(read_statement(origin(), testing::response(200, &body), "bsa_1").unwrap_err().kind, kind, "{data}");
        }
    }

    #[test]
    fn hostile_bodies_hold_no_data() {
        for body in testing::hostile() {
            assert!(read(origin(), testing::bytes_response(200, &body)).is_err());
            assert!(read_statement(origin(), testing::bytes_response(200, &body), "c").is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(origin(), testing::bytes_response(200, &body));
        }
    }
}
