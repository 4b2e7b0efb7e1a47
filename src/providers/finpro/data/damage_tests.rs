//! Bodies that are damaged, hostile, or no data at all.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use prost::Message;
use serde_json::json;

use super::tests::{deposit, try_read, with};
use crate::{pb::FetchDataResponse, providers::error::ErrorKind};

#[test]
fn a_body_that_is_not_data_is_an_error_without_its_content() {
    let deep = format!("{{\"data\":{}", "[".repeat(200_000));
    let abyss = "[".repeat(200_000) + &"]".repeat(200_000);
    let deep_unknown = format!("{{\"data\":[{{\"x\":{abyss}}}]}}");
    let deep_summary = format!("{{\"data\":[{{\"Summary\":{abyss}}}]}}");
    let deep_row = format!("{{\"data\":[{{\"fiType\":\"SIP\",\"Transactions\":{{\"Transaction\":[{{\"x\":{abyss}}}]}}}}]}}");
    let deep_key = format!("{{\"data\":[{{\"fiType\":\"DEPOSIT\",\"Summary\":{{\"x\":{abyss}}}}}]}}");
    let deep_row_of_deposit =
        format!("{{\"data\":[{{\"fiType\":\"DEPOSIT\",\"Transactions\":{{\"Transaction\":[{{\"x\":{abyss}}}]}}}}]}}");
    let deep_pending = format!("{{\"data\":[{{\"fiType\":\"DEPOSIT\",\"Summary\":{{\"Pending\":{abyss}}}}}]}}");
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "<html>9000000001</html>",
        r#"{"data":null}"#,
        r#"{"data":"9000000001"}"#,
        r#"{"data":{"name":"Sample"}}"#,
        r#"{"data":[{"fiType":"DEPOSIT""#,
        r#"{"data":[]} x"#,
        &deep,
        &deep_unknown,
        &deep_summary,
        &deep_row,
        &deep_key,
        &deep_row_of_deposit,
        &deep_pending,
    ] {
        let error = try_read(body.as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.stage), (ErrorKind::ResponseInvalid, "getallfidata"));
        assert!(!error.detail.contains("9000000001") && !error.detail.contains("Sample"), "{}", error.detail);
    }
    assert_eq!(try_read(b"{\"data\":[\"\xff\"]}").unwrap().entries, []);
    assert_eq!(try_read(br#"{"data":[]}"#).unwrap().entries, []);
    assert_eq!(try_read(br#"{"data":[null]}"#).unwrap().entries, []);
}

proptest! {
    #[test]
    fn any_damage_to_a_body_is_read_or_refused_without_a_panic(at in 0_usize..1500, byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = serde_json::to_vec(&json!({"data": [deposit()]})).unwrap();
        let at = at % body.len();
        if cut { body.truncate(at); } else { body[at] = byte; }
        if let Ok(rows) = try_read(&body) {
            FetchDataResponse::decode(rows.bytes.clone()).unwrap();
        }
    }

    #[test]
    fn any_scalar_in_a_row_is_read_without_a_panic(text in "\\PC{0,30}", field in 0_usize..9) {
        let name = ["type", "mode", "amount", "currentBalance", "transactionTimestamp", "valueDate", "txnId", "narration", "reference"][field];
        let page = with(|account| account["Transactions"]["Transaction"][0][name] = json!(text));
        prop_assert_eq!(page.transactions.len(), 2);
    }
}
