#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::{
    data::{fields, view},
    journey::model::Customer,
    pb::{
        Answer, DepositAccountType, DepositKind, FetchDataResponse, FiType, HoldingArrangement, Money, QualityCode,
        TransactionType, View, account::Details,
    },
    providers::{finpass::fields as declared, finpro},
    seal::KeyedHash,
};

fn in_context<T>(read: impl FnOnce(&ReadContext<'_>) -> T) -> T {
    let applicant = Customer { mobile: Some("9000000001".into()), ..Customer::default() };
    read(&ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &applicant,
        received_at: "2027-01-01T00:00:00Z".parse().unwrap(),
        asked: Default::default(),
    })
}

pub(in crate::providers::finpass) fn try_read(product: &str, body: &Value) -> Result<FetchDataResponse, ProviderError> {
    let body = serde_json::to_vec(body).unwrap();
    let rows = in_context(|context| super::read(product, &body, context))?;
    Ok(FetchDataResponse::decode(rows.bytes).unwrap())
}

fn report(account: Value) -> FetchDataResponse {
    let body = json!({"data": {"client_id": "aa_1", "account_aggregator_json": [account]}, "status_code": 200, "success": true});
    try_read("account_aggregator", &body).unwrap()
}

fn account() -> Value {
    json!({
        "account_id": "00000000-0000-4000-8000-000000000001", "status": "READY",
        "profile_details": {"name": "A Sample", "dob": "1990-01-01", "mobile": "9000000001", "nominee": "REGISTERED", "landline": "",
            "address": "1 Test Road, PIN : 000000", "email": "a@example.com", "pan": "AAAPA0000A", "ckyc_registered": "true", "type": "SINGLE"},
        "summary_details": {"branch": "00001", "facility": "NO_FACILITY_GRANTED", "micr_code": "000000000", "opening_date": null,
            "current_od_limit": "0.00", "drawing_limit": "0.00", "status": "ACTIVE", "account_type": "", "account_sub_type": "SAVINGS",
            "ifsc": "DEMO0000001", "current_balance": "1000.00", "currency": "INR", "balance_date_time": "2026-01-01T10:00:00+05:30"},
        "transaction_data": {"transaction_details": [{"transaction_id": "X1", "amount": 500, "narration": "UPI/CR/demo", "type": "CREDIT",
            "mode": "UPI", "transaction_timestamp": "2025-12-31T09:00:00+05:30", "value_date": "2025-12-31T00:00:00+05:30", "reference": "",
            "transactional_balance": "1000.00"}], "start_date": "2025-01-01", "end_date": "2026-01-01"},
        "transaction_type": "deposit", "masked_account_number": "XXXXXXXXXXXXX0001"
    })
}

fn codes(flags: &[crate::pb::QualityFlag]) -> Vec<(&str, QualityCode)> {
    flags.iter().map(|flag| (flag.field_path.as_str(), flag.code())).collect()
}

fn inr(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency_code: "INR".to_owned() })
}

#[test]
fn a_report_is_read_in_full() {
    let page = report(account());
    let (head, row) = (&page.accounts[0], &page.transactions[0]);
    assert_eq!(
        (head.fi_type(), head.masked_number.as_str(), head.holding()),
        (FiType::Deposit, "XXXX0001", HoldingArrangement::Single)
    );
    let Some(Details::Deposit(summary)) = &head.details else { panic!("no summary") };
    assert_eq!(
        (summary.kind(), summary.current_balance.clone(), summary.opening_date),
        (DepositKind::Savings, inr(100_000), None)
    );
    assert_eq!((row.amount.clone(), row.balance.clone(), row.r#type()), (inr(50_000), inr(100_000), TransactionType::Credit));
    assert_eq!(row.transaction_date, row.value_date);
    assert_eq!(head.holder_match.unwrap().mobile(), Answer::Yes);
    assert_eq!(codes(&head.quality_flags), []);
    assert_eq!(codes(&row.quality_flags), []);
    // A savings account has no summary of a term deposit.
    for path in declared::FULL_AA.iter().filter(|path| !path.starts_with("account.term_deposit.")) {
        let set = fields::value_in_account(path, head).or_else(|| fields::value_in_transaction(path, row));
        assert!(set.is_some(), "{path}");
    }
}

#[test]
fn one_account_is_equal_through_both_providers_on_what_both_declare() {
    let ours = report(account());
    let body = json!({"data": [{
        "maskedAccountNumber": "XXXXXXXX0001", "linkReferenceNumber": "another", "fiType": "DEPOSIT", "bank": "Demo Bank",
        "Transactions": {"startDate": "2025-01-01", "endDate": "2026-01-01", "Transaction": [{"type": "CREDIT", "mode": "UPI", "amount": "500.00",
            "currentBalance": "1000.00", "transactionTimestamp": "2025-12-31T03:30:00.000Z", "valueDate": "2025-12-31", "txnId": "X1",
            "narration": "UPI/CR/demo", "reference": ""}]},
        "Profile": {"Holders": {"type": "SINGLE", "Holder": {"name": "A Sample", "dob": "1990-01-01", "mobile": "9000000001",
            "nominee": "REGISTERED", "address": "1 Test Road, PIN : 000000", "email": " a@example.com", "pan": "AAAPA0000A",
            "ckycCompliance": "true"}}},
        "Summary": {"currentBalance": "1000.0", "currency": "INR", "balanceDateTime": "2026-01-01T04:30:00.000Z", "type": "SAVINGS",
            "branch": "00001", "ifscCode": "DEMO0000001", "micrCode": "000000000", "openingDate": "2015-01-01", "status": "ACTIVE"},
    }]});
    let body = serde_json::to_vec(&body).unwrap();
    let rows = in_context(|context| finpro::data::read("consent", &body, context)).unwrap();
    let theirs = FetchDataResponse::decode(rows.bytes).unwrap();
    let mut compared = 0;
    let both = declared::FULL_AA.iter().filter(|path| finpro::fields::FULL_AA.contains(path));
    for path in both.filter(|path| !path.starts_with("account.term_deposit.")) {
        // Ids are the provider's own account under its own consent.
        if path.ends_with("_id") && !path.ends_with("bank_transaction_id") {
            continue;
        }
        let of = |page: &FetchDataResponse| {
            fields::value_in_account(path, &page.accounts[0])
                .or_else(|| fields::value_in_transaction(path, &page.transactions[0]))
        };
        assert_eq!(of(&ours), of(&theirs), "{path}");
        assert!(of(&ours).is_some(), "{path}");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn an_account_of_another_kind_is_kept_as_it_came() {
    for (word, kind) in [("mutual_funds", FiType::MutualFunds), ("gold_locker", FiType::Other)] {
        let mut odd = account();
        odd["transaction_type"] = json!(word);
        odd["summary_details"] =
            json!({"current_balance": "planted-1", "grams": "planted-2", "holdings": [{"isin": "planted-3"}]});
        odd["transaction_data"]["transaction_details"][0]["narration"] = json!("planted-4");
        let body = json!({"data": {"account_aggregator_json": [account(), null, odd, account()]}});
        let page = try_read("account_aggregator", &body).unwrap();
        assert_eq!((page.accounts.len(), page.transactions.len()), (3, 2));
        let head = &page.accounts[1];
        assert_eq!((head.fi_type(), head.fi_type_text.as_str(), head.holders[0].name.as_str()), (kind, word, "A Sample"));
        let kept = format!("{:?}", head.extensions);
        for number in 1..=4 {
            assert!(kept.contains(&format!("planted-{number}")), "{number} in {kept}");
        }
        assert_eq!(head.stated_range.unwrap().from.unwrap().year, 2025);
        assert_eq!((&page.accounts[0].extensions, &page.accounts[2].extensions), (&None, &None));
    }
}

#[test]
fn an_account_that_is_not_ready_is_listed_as_not_delivered() {
    let page =
        report(json!({"account_id": "a", "status": "PENDING", "masked_account_number": "XX0001", "transaction_type": "deposit"}));
    assert!(!page.accounts[0].delivered);
    assert_eq!(codes(&page.accounts[0].quality_flags), []);
    assert_eq!(page.transactions.len(), 0);
}

#[test]
fn a_nominees_name_is_shown_in_the_full_view_only() {
    let mut account = account();
    account["profile_details"]["nominee"] = json!("B Sample");
    let body = json!({"data": {"account_aggregator_json": [account]}});
    let rows = in_context(|context| super::read("account_aggregator", &serde_json::to_vec(&body).unwrap(), context)).unwrap();
    let page = FetchDataResponse::decode(rows.bytes.clone()).unwrap();
    let holder = &page.accounts[0].holders[0];
    assert_eq!((holder.nominee_registered(), holder.nominee_name.as_str()), (Answer::Yes, "B Sample"));
    assert_eq!(codes(&page.accounts[0].quality_flags), [("holders[0].nominee_registered", QualityCode::Assumed)]);
    for shown in [View::Masked, View::Summary] {
        let text = format!("{:?}", FetchDataResponse::decode(view::apply(&rows, shown).bytes).unwrap());
        assert!(!text.contains("B Sample"), "{text}");
    }
}

#[test]
fn an_account_type_and_an_exchange_rate_are_typed() {
    let mut account = account();
    account["summary_details"]["account_type"] = json!("NRE");
    account["summary_details"]["exchge_rate"] = json!("83.10");
    let page = report(account);
    let Some(Details::Deposit(summary)) = &page.accounts[0].details else { panic!("no summary") };
    assert_eq!((summary.kind(), summary.account_type()), (DepositKind::Savings, DepositAccountType::Nre));
    assert_eq!(summary.exchange_rate, "83.10");
}

#[test]
fn upstream_names_and_times_without_a_zone_are_read() {
    let page = try_read(
        "account_aggregator",
        &json!({"data": {"accounts": [{
        "fi_status_details": {"account_number": "XX0001"}, "profile": {"name": "A"}, "summary": {"current_balance": "1.00"},
        "transactions": {"transaction_details": [{"amount": "1.00", "type": "DEBIT", "transaction_balance": "2.00",
            "transaction_timestamp": "2025-12-31T00:30:00.0"}]}}]}}),
    )
    .unwrap();
    assert_eq!(page.accounts[0].masked_number, "XXXX0001");
    assert_eq!(
        codes(&page.accounts[0].quality_flags),
        [("fi_type", QualityCode::Assumed), ("currency_code", QualityCode::Assumed)]
    );
    let row = &page.transactions[0];
    assert_eq!((row.balance.clone(), row.transaction_date.unwrap().day), (inr(200), 31));
    assert_eq!(codes(&row.quality_flags), [("transaction_time", QualityCode::Assumed)]);
}

#[test]
fn the_statement_behind_an_analysis_is_read() {
    let page = try_read("aa_bsa", &json!({"success": true, "data": {"client_id": "bsa_1", "accounts": [{
        "account_id": "a1", "account_number": "XXXXXX0001", "ifsc": "DEMO0000001", "bank_name": "Demo Bank", "account_type": "Savings",
        "holder_name": "A Sample", "opening_balance": 500, "closing_balance": 1000.5, "statement_from": "2025-01-01",
        "statement_to": "2025-12-31", "transactions": [
            {"date": "2025-12-31", "description": "UPI/CR/demo", "type": "credit", "amount": 500.5, "balance": 1000.5, "mode": "UPI", "category": "x"}]}]}}))
    .unwrap();
    let (head, row) = (&page.accounts[0], &page.transactions[0]);
    let Some(Details::Deposit(summary)) = &head.details else { panic!("no summary") };
    assert_eq!((summary.opening_balance.clone(), summary.current_balance.clone()), (inr(50_000), inr(100_050)));
    assert_eq!((summary.kind(), head.fip_name.as_str()), (DepositKind::Savings, "Demo Bank"));
    assert_eq!((row.amount.clone(), row.transaction_time, row.transaction_date.unwrap().day), (inr(50_050), None, 31));
    for path in declared::AA_BSA {
        let set = fields::value_in_account(path, head).or_else(|| fields::value_in_transaction(path, row));
        assert!(set.is_some(), "{path}");
    }
}

#[test]
fn a_body_without_its_list_is_an_error_of_its_stage() {
    for (product, stage) in [("account_aggregator", "fetch-json-report"), ("aa_bsa", "statement-result")] {
        for body in [
            json!(null),
            json!({}),
            json!({"data": null}),
            json!({"data": {"client_id": "x"}}),
            json!({"data": {"accounts": {"a": 1}}}),
        ] {
            let error = try_read(product, &body).unwrap_err();
            assert_eq!((error.kind, error.stage), (ErrorKind::ResponseInvalid, stage), "{body}");
        }
    }
    assert_eq!(try_read("other", &json!({})).unwrap_err().kind, ErrorKind::Unsupported);
}
