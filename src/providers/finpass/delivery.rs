//! The words with which Finpass says how an account stands. This is the only table of them: it decides the state of a fetch and whether the rows
//! count as delivered, so that the two never differ.

use crate::{journey::model::FetchState, providers::lenient};

/// The state behind a word. One that is not documented means that the account is still on its way.
pub(super) fn state(text: &str) -> FetchState {
    match lenient::word(text).as_str() {
        "READY" | "DELIVERED" | "SUCCESS" | "COMPLETED" => FetchState::Ready,
        "DENIED" => FetchState::Denied,
        "TIMEOUT" => FetchState::Timeout,
        "FAILED" | "ERROR" => FetchState::Failed,
        _ => FetchState::Requested,
    }
}

/// Whether a word says that the account's data came.
pub(super) fn is_delivered(text: &str) -> bool {
    state(text) == FetchState::Ready
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{
        finpass::{data, fetch, testing},
        http::CallKind,
    };

    #[test]
    fn a_fetch_and_its_rows_read_a_word_alike() {
        for word in
            ["READY", "ready", "DELIVERED", "Success", "COMPLETED", "PENDING", "FAILED", "ERROR", "DENIED", "TIMEOUT", "NEW_WORD"]
        {
            let body = serde_json::json!({"success": true, "status_code": 200, "data": {"client_id": "c", "account_aggregator_json": [
                {"account_id": "a", "status": word, "masked_account_number": "XXXX0001", "summary_details": {}, "transaction_data": {}}]}});
            let response = testing::response(200, &body.to_string());
            let report = fetch::read_report(testing::origin(CallKind::Read), &response).unwrap();
            let delivered = data::tests::try_read("account_aggregator", &body).unwrap().accounts[0].delivered;
            assert_eq!(report.accounts[0].state == FetchState::Ready, delivered, "{word}");
        }
    }
}
