//! Nothing is lost: what has no field stays in extensions, and what cannot stay is flagged.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};

use super::tests::{deposit, flags, money, page, read, row_flags, rows_of, with};
use crate::{
    data::view,
    pb::{FetchDataResponse, QualityCode, View, account::Details},
};

fn unparsable(path: &str) -> (String, QualityCode) {
    (path.to_owned(), QualityCode::Unparsable)
}

#[test]
fn an_unknown_key_is_kept_with_its_row_and_changes_no_id() {
    let row =
        |value: Value| with(|account| account["Transactions"]["Transaction"][0]["colour"] = value).transactions.swap_remove(0);
    let plain = read(json!([deposit()])).transactions.swap_remove(0);
    for (value, kept) in [(Value::Null, false), (json!(" "), false), (json!("red"), true), (json!({"a": [1]}), true)] {
        let found = row(value);
        assert_eq!((found.transaction_id.as_str(), found.extensions.is_some()), (plain.transaction_id.as_str(), kept));
    }
}

#[test]
fn what_is_not_settled_is_kept_in_whatever_shape_it_comes() {
    let pending = |value: Value| {
        let page = with(|account| account["Summary"]["Pending"] = value);
        let Some(Details::Deposit(summary)) = page.accounts[0].details.clone() else { panic!("no summary") };
        (summary.pending, page.accounts[0].extensions.clone(), flags(&page.accounts[0]))
    };
    let (rows, rest, flagged) = pending(json!({"amount": "1.00", "transactionType": "DEBIT"}));
    assert_eq!((rows[0].amount.clone(), rest, flagged), (money(100), None, vec![]));
    for nothing in [json!([]), json!({}), json!([{}]), Value::Null] {
        assert_eq!(pending(nothing), (vec![], None, vec![]));
    }
    let (rows, rest, flagged) = pending(json!("12.50"));
    assert_eq!((rows, rest.unwrap().fields.len(), flagged), (vec![], 1, vec![]));
    let (rows, _, flagged) = pending(json!([{"amount": "1.00"}, null, {}]));
    assert_eq!((rows.len(), flagged), (1, vec![unparsable("summary.pending"); 2]));
}

#[test]
fn a_list_or_an_object_in_place_of_a_scalar_is_flagged() {
    let page = with(|account| {
        account["Summary"]["branch"] = json!(["Test"]);
        account["Profile"]["Holders"]["Holder"][0]["name"] = json!({"first": "A"});
        let row = &mut account["Transactions"]["Transaction"][0];
        (row["narration"], row["type"], row["mode"]) = (json!({"text": "a"}), json!([]), json!({}));
        (row["txnId"], row["amount"]) = (json!([1]), json!([2]));
    });
    for path in ["summary.branch", "holders[0].name"] {
        assert!(flags(&page.accounts[0]).contains(&unparsable(path)), "{path}");
    }
    for path in ["narration", "type", "mode", "bank_transaction_id", "amount"] {
        assert!(row_flags(&page, 0).contains(&unparsable(path)), "{path}");
    }
}

#[test]
fn an_entry_of_a_list_that_says_nothing_is_flagged() {
    let holding = json!({"isin": "INE000A01012", "closingUnits": "1.000"});
    let fund = |holdings: Value, rows: Value, holders: Value| {
        read(json!([{
            "linkReferenceNumber": "l", "maskedAccountNumber": "XX12", "fiType": "MUTUAL_FUNDS",
            "Profile": {"Holders": {"Holder": holders}},
            "Summary": {"currentValue": "1.00", "Investment": {"Holdings": {"Holding": holdings}}},
            "Transactions": {"startDate": "2024-01-01", "endDate": "2024-01-31", "Transaction": rows},
        }]))
    };
    let lost = |page: &FetchDataResponse| -> Vec<_> {
        flags(&page.accounts[0]).into_iter().filter(|(_, code)| *code == QualityCode::Unparsable).map(|(path, _)| path).collect()
    };
    let (holder, row) = (json!({"name": "A Sample"}), json!({"txnId": "T1", "type": "BUY"}));
    let page = fund(json!([null, holding, {}]), json!([row, null]), json!([holder, null]));
    assert_eq!(lost(&page), ["details.holdings", "details.holdings", "holders"]);
    let Some(Details::MutualFund(details)) = &page.accounts[0].details else { panic!("no fund") };
    assert_eq!((details.holdings.len(), page.accounts[0].holders.len(), page.transactions.len()), (1, 1, 2));
    assert_eq!((row_flags(&page, 0), row_flags(&page, 1)), (vec![], vec![unparsable("")]));

    // An empty list, as some write it.
    let page = fund(json!([{}]), json!({}), json!({}));
    assert_eq!((lost(&page), page.transactions.len()), (vec![], 0));

    let page = with(|account| account["Profile"]["Holders"]["Holder"].as_array_mut().unwrap().push(Value::Null));
    assert_eq!(flags(&page.accounts[0]), [unparsable("holders")]);
}

#[test]
fn unforeseen_keys_of_a_deposit_stay_and_are_hidden_where_masked() {
    let mut account = deposit();
    account["vintage"] = json!(12345678901234567890_u64);
    account["Summary"]["goldRate"] = json!("82.5");
    let rows = rows_of(json!([account]));
    let extensions = format!("{:?}", page(&rows).accounts[0].extensions);
    assert!(extensions.contains("goldRate") && extensions.contains("StringValue(\"12345678901234567890\")"), "{extensions}");
    assert!(page(&view::apply(&rows, View::Masked)).accounts[0].extensions.is_none());
    assert!(read(json!([deposit()])).accounts[0].extensions.is_none(), "what says nothing is no extension");
}

#[test]
fn a_row_without_any_known_field_is_kept_and_flagged() {
    let page = with(|account| {
        account["Transactions"]["Transaction"] = json!([null, {"colour": "red", "shape": {"a": [1]}}, {"amount": "1.00"}]);
    });
    let nothing = (String::new(), QualityCode::Unparsable);
    assert_eq!(page.accounts[0].transaction_count, 3);
    assert!(page.accounts[0].delivered_range.is_none());
    assert!(row_flags(&page, 0).contains(&nothing) && row_flags(&page, 1).contains(&nothing));
    assert_eq!(row_flags(&page, 2), []);
}
