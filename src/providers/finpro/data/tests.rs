#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use jiff::Timestamp;
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::{
    data::{EntryKind, fields, json::Node, view},
    journey::model::Customer,
    pb::{
        self, Account, Answer, DataSource, DepositFacility, DepositKind, FetchDataResponse, FiType, HoldingArrangement,
        QualityCode, TransactionMode, TransactionType, View, account::Details,
    },
    providers::finpro::fields as declared,
    seal::KeyedHash,
};

pub(super) fn try_read(body: &[u8]) -> Result<Rows, ProviderError> {
    let applicant = Customer {
        mobile: Some("9000000001".into()),
        pan: Some("AAAPA0001A".into()),
        name: Some("A Sample".into()),
        ..Customer::default()
    };
    let context = ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &applicant,
        received_at: "2027-01-01T00:00:00Z".parse().unwrap(),
        asked: Default::default(),
    };
    super::read("consent", body, &context)
}

pub(super) fn rows_of(data: Value) -> Rows {
    let body = json!({"ver": "1.21.0", "status": "success", "data": data, "message": null});
    try_read(&serde_json::to_vec(&body).unwrap()).unwrap()
}

pub(super) fn page(rows: &Rows) -> FetchDataResponse {
    FetchDataResponse::decode(rows.bytes.clone()).unwrap()
}

pub(super) fn read(data: Value) -> FetchDataResponse {
    page(&rows_of(data))
}

pub(super) fn deposit() -> Value {
    json!({
        "linkReferenceNumber": "00000000-0000-4000-8000-000000000001", "maskedAccountNumber": "XXXXXXXX1234", "fiType": "DEPOSIT",
        "bank": "Test Bank",
        "Profile": {"Holders": {"type": "SINGLE", "Holder": [{
            "name": "A Sample", "dob": "1990-01-01", "mobile": "9000000001", "nominee": "NOT-REGISTERED", "landline": "",
            "address": "1 Test Road", "email": " a@example.com", "pan": "AAAPA0001A", "ckycCompliance": "true"}]}},
        "Summary": {"currentBalance": "-79208.54", "currency": "INR", "exchgeRate": " ", "balanceDateTime": "2024-01-03T10:00:00.000Z",
            "type": "SAVINGS", "branch": "Test", "facility": "OD", "ifscCode": "TEST0000001", "micrCode": "000000001",
            "openingDate": "2015-01-01", "currentODLimit": "0.00", "drawingLimit": "0.00", "status": "ACTIVE",
            "Pending": [{"amount": 0, "transactionType": "DEBIT"}]},
        "Transactions": {"startDate": "2024-01-01", "endDate": "2024-01-31", "Transaction": [
            {"type": "DEBIT", "mode": "UPI", "amount": "10.50", "currentBalance": "990.00",
             "transactionTimestamp": "2024-01-11T18:42:00.000Z", "valueDate": "2024-01-12", "txnId": "T1",
             "narration": "UPI/DR/demo  ", "reference": "R1"},
            {"type": "CREDIT", "mode": "FT", "amount": "5.00", "currentBalance": "995.00",
             "transactionTimestamp": "2024-01-05T10:00:00.000Z", "valueDate": "2024-01-05T00:00:00.000Z", "txnId": "T2",
             "narration": "Salary \"Credit\"", "reference": ""}]},
    })
}

pub(super) fn with(change: impl FnOnce(&mut Value)) -> FetchDataResponse {
    let mut account = deposit();
    change(&mut account);
    read(json!([account]))
}

pub(super) fn flags(account: &Account) -> Vec<(String, QualityCode)> {
    account.quality_flags.iter().map(|flag| (flag.field_path.clone(), flag.code())).collect()
}

pub(super) fn row_flags(page: &FetchDataResponse, row: usize) -> Vec<(String, QualityCode)> {
    page.transactions[row].quality_flags.iter().map(|flag| (flag.field_path.clone(), flag.code())).collect()
}

pub(super) fn money(minor_units: i64) -> Option<pb::Money> {
    Some(pb::Money { minor_units, currency_code: "INR".to_owned() })
}

fn day(year: i32, month: i32, day: i32) -> Option<pb::Date> {
    Some(pb::Date { year, month, day })
}

#[test]
fn a_deposit_is_read_in_full() {
    let page = read(json!([deposit()]));
    let account = &page.accounts[0];
    assert_eq!(account.fi_type(), FiType::Deposit);
    assert_eq!((account.masked_number.as_str(), account.fip_name.as_str()), ("XXXX1234", "Test Bank"));
    assert_eq!((account.source(), account.tampered, account.delivered), (DataSource::Aa, None, true));
    assert_eq!(account.holding(), HoldingArrangement::Single);
    let found = account.holder_match.unwrap();
    assert_eq!((found.name(), found.pan(), found.mobile()), (Answer::Yes, Answer::Yes, Answer::Yes));
    assert_eq!(account.holders[0].email, "a@example.com");
    assert_eq!((account.holders[0].nominee_registered(), account.holders[0].ckyc_registered()), (Answer::No, Answer::Yes));
    let Some(Details::Deposit(summary)) = &account.details else { panic!("no summary") };
    assert_eq!(summary.current_balance, money(-7_920_854));
    assert_eq!((summary.kind(), summary.facility()), (DepositKind::Savings, DepositFacility::Overdraft));
    assert_eq!(summary.pending[0].amount, money(0));
    assert_eq!(summary.opening_date, day(2015, 1, 1));
    let delivered = account.delivered_range.unwrap();
    assert_eq!((delivered.from, delivered.to), (day(2024, 1, 5), day(2024, 1, 12)));
    assert_eq!(account.transaction_count, 2);
    assert_eq!(flags(account), []);
    let row = &page.transactions[0];
    assert_eq!((row.r#type(), row.mode()), (TransactionType::Debit, TransactionMode::Upi));
    assert_eq!((row.amount.clone(), row.balance.clone()), (money(1050), money(99_000)));
    // The Indian day of 18:42 UTC is the next one.
    assert_eq!((row.transaction_date, row.value_date), (day(2024, 1, 12), day(2024, 1, 12)));
    assert_eq!(row.transaction_time.unwrap().seconds, "2024-01-11T18:42:00Z".parse::<Timestamp>().unwrap().as_second());
    assert_eq!((row.narration.as_str(), row.reference.as_str()), ("UPI/DR/demo", "R1"));
    assert_eq!((row.account_id.as_str(), row.ordinal), (account.account_id.as_str(), 0));
    let row = &page.transactions[1];
    assert_eq!((row.narration.as_str(), row.value_date, row.ordinal), ("Salary \"Credit\"", day(2024, 1, 5), 1));
    // A savings account has no summary of a term deposit.
    for path in declared::FULL_AA.iter().filter(|path| !path.starts_with("account.term_deposit.")) {
        let set = fields::value_in_account(path, account).or_else(|| fields::value_in_transaction(path, row));
        assert!(set.is_some(), "{path}");
    }
}

#[test]
fn the_written_bytes_are_those_of_the_generated_code() {
    let account = json!([deposit(), {"fiType": "EQUITIES", "maskedAccountNumber": "XX77", "Summary": {"currentValue": "1"}}]);
    let rows = rows_of(account);
    for entry in &rows.entries {
        match entry.kind {
            EntryKind::Account => {
                assert_eq!(Account::decode(rows.message(*entry)).unwrap().encode_to_vec(), rows.message(*entry))
            }
            EntryKind::Transaction => {
                assert_eq!(pb::Transaction::decode(rows.message(*entry)).unwrap().encode_to_vec(), rows.message(*entry));
            }
        }
    }
    assert_eq!((rows.accounts, rows.transactions), (2, 2));
    let kinds: Vec<EntryKind> = rows.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Account, EntryKind::Transaction, EntryKind::Transaction, EntryKind::Account]);
}

#[test]
fn reading_twice_gives_the_same_bytes_and_the_order_of_keys_changes_no_id() {
    assert_eq!(rows_of(json!([deposit()])), rows_of(json!([deposit()])));
    let text = serde_json::to_string(&deposit()).unwrap();
    let fields: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    let turned: Vec<String> = fields.iter().rev().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    let body = format!("{{\"data\":[{{{}}}]}}", turned.join(","));
    assert_eq!(try_read(body.as_bytes()).unwrap(), rows_of(json!([deposit()])));
}

#[test]
fn holders_come_as_object_list_or_list_of_profiles() {
    let one = json!({"name": "A Sample"});
    let two = json!([{"name": "A Sample"}, {"name": "B Sample"}]);
    for (profile, count) in [
        (json!({"Holders": {"type": "SINGLE", "Holder": one}}), 1),
        (json!({"Holders": {"type": "JOINT", "Holder": two}}), 2),
        (json!([{"Holders": {"Holder": two}}]), 2),
        (json!([{"Holders": [{"Holder": one}, {"Holder": one}]}]), 2),
        (json!({"Holders": {"Holder": {}}}), 0),
        (json!({}), 0),
        (json!(null), 0),
    ] {
        let page = with(|account| account["Profile"] = profile.clone());
        assert_eq!(page.accounts[0].holders.len(), count, "{profile}");
        let missing = ("holders".to_owned(), QualityCode::SectionMissing);
        assert_eq!(flags(&page.accounts[0]).contains(&missing), count == 0, "{profile}");
    }
}

#[test]
fn a_statement_read_from_pdf_is_masked_and_has_days_only() {
    let page = read(json!([{
        "linkReferenceNumber": "00000090001234", "maskedAccountNumber": "00000090001234", "fiType": "DEPOSIT", "bank": "test",
        "isTampered": false, "dataSource": "PDF", "type": "PDF",
        "Profile": {"Holders": {"Holder": [{"name": "A Sample", "mobile": "9000000001", "email": "a@example.com"}]}},
        "Summary": {"currentBalance": "5500.0", "currency": "INR", "type": "saving", "ifscCode": "TEST0000001"},
        "Transactions": {"startDate": "01-01-2024", "endDate": "31-01-2024", "Transaction": [
            {"type": "credit", "amount": "6981.1", "currentBalance": "5500.0", "transactionTimestamp": "02-01-2024", "narration": "demo"}]},
    }]));
    let account = &page.accounts[0];
    assert_eq!((account.source(), account.tampered), (DataSource::Pdf, Some(false)));
    assert_eq!(account.masked_number, "XXXX1234");
    assert_eq!(flags(account), [("masked_number".to_owned(), QualityCode::Unmasked)]);
    assert!(!format!("{page:?}").contains("90001234"));
    let row = &page.transactions[0];
    assert_eq!((row.transaction_time, row.transaction_date), (None, day(2024, 1, 2)));
    assert_eq!((row.r#type(), row.amount.clone()), (TransactionType::Credit, money(698_110)));
    assert_eq!(account.stated_range.unwrap().to, day(2024, 1, 31));
    for path in declared::PDF {
        let set = fields::value_in_account(path, account).or_else(|| fields::value_in_transaction(path, row));
        assert!(set.is_some() || *path == "account.tampered", "{path}");
    }
}

#[test]
fn term_and_recurring_deposits_have_their_own_summary_and_names() {
    let account = |kind: &str| {
        json!({
            "linkReferenceNumber": "l", "maskedAccountNumber": "XX1234", "fiType": kind, "Profile": {"Holders": {"Holder": {"name": "A"}}},
            "Summary": {"ifsc": "TEST0000001", "accountType": "TAX-SAVING", "openingDate": null, "maturityDate": "2026-01-01",
                "principalAmount": "1000", "maturityAmount": "1100.00", "currentValue": "1050.10", "interestRate": "7.10",
                "interestPayout": "OnMaturity", "compoundingFrequency": "HALF-YEARLY", "interestComputation": "COMPOUND",
                "tenureYears": "2", "tenureMonths": "0", "tenureDays": "", "recurringAmount": "100.00", "recurringDepositDay": "5"},
            "Transactions": {"startDate": "2024-01-01", "endDate": "2024-12-31", "Transaction": {
                "txnId": "T1", "amount": "100.00", "narration": "x", "type": "INSTALLMENT", "mode": "CARD_PAYMENT", "balance": "1000.00",
                "transactionDateTime": "2024-01-02T10:00:00+00:00", "valueDate": "2024-01-02", "reference": "r"}},
        })
    };
    let page = read(json!([account("TERM-DEPOSIT"), account("RECURRING_DEPOSIT")]));
    assert_eq!((page.accounts[0].fi_type(), page.accounts[1].fi_type()), (FiType::TermDeposit, FiType::RecurringDeposit));
    for account in &page.accounts {
        let Some(Details::TermDeposit(summary)) = &account.details else { panic!("no summary") };
        assert_eq!((summary.ifsc.as_str(), summary.kind_text.as_str()), ("TEST0000001", "TAX-SAVING"));
        assert_eq!((summary.principal.clone(), summary.current_value.clone()), (money(100_000), money(105_010)));
        assert_eq!((summary.opening_date, summary.maturity_date), (None, day(2026, 1, 1)));
        assert_eq!(summary.interest_payout(), pb::DepositInterval::OnMaturity);
        assert_eq!(summary.tenure, Some(pb::Tenure { years: 2, months: 0, days: 0 }));
        assert_eq!(summary.recurring_amount, money(10_000));
        assert_eq!(flags(account), [("currency_code".to_owned(), QualityCode::Assumed)]);
    }
    let row = &page.transactions[0];
    assert_eq!((row.r#type(), row.mode()), (TransactionType::Installment, TransactionMode::Card));
    assert_eq!((row.balance.clone(), row.transaction_date), (money(100_000), day(2024, 1, 2)));
    // The same link in one body is told apart, not merged.
    assert_ne!(page.accounts[0].account_id, page.accounts[1].account_id);
}

#[test]
fn version_2_of_the_schema_is_read_beside_version_1() {
    let page = with(|account| {
        account["Summary"] = json!({"currentBalance": "1.00", "accountType": "REGULAR", "accountSubType": "CURRENT", "ifsc": "TEST0000002",
            "facility": "NO_FACILITY_GRANTED", "currency": "inr", "PendingTxns": {"PendingTxn": {"amount": "2.00", "transactionType": "CREDIT"}}});
        account["Profile"]["Holders"]["Holder"][0] = json!({"name": "A", "ckycRegistered": "YES"});
        account["Transactions"]["Transaction"][0] = json!({"type": "DEBIT", "amount": 1.5, "transactionalBalance": "3.00"});
    });
    let Some(Details::Deposit(summary)) = &page.accounts[0].details else { panic!("no summary") };
    assert_eq!((summary.kind(), summary.facility()), (DepositKind::Current, DepositFacility::None));
    assert_eq!(summary.account_type(), pb::DepositAccountType::Regular);
    assert_eq!((summary.ifsc.as_str(), summary.pending[0].amount.clone()), ("TEST0000002", money(200)));
    assert_eq!(page.accounts[0].holders[0].ckyc_registered(), Answer::Yes);
    assert_eq!((page.transactions[0].amount.clone(), page.transactions[0].balance.clone()), (money(150), money(300)));
}

#[test]
fn an_exchange_rate_is_typed_and_no_extension() {
    for (kind, section) in [("DEPOSIT", "deposit"), ("TERM_DEPOSIT", "term deposit")] {
        let page = read(json!([{"fiType": kind, "linkReferenceNumber": "l", "Summary": {"exchgeRate": "83.10", "branch": "x"}}]));
        let rate = match &page.accounts[0].details {
            Some(Details::Deposit(summary)) => &summary.exchange_rate,
            Some(Details::TermDeposit(summary)) => &summary.exchange_rate,
            other => panic!("{other:?}"),
        };
        assert_eq!((rate.as_str(), &page.accounts[0].extensions), ("83.10", &None), "{section}");
    }
}

#[test]
fn words_for_nothing_are_no_names_of_any_kind() {
    for word in ["NONE", "NIL", "-", "0", "NOT AVAILABLE", "UNREGISTERED"] {
        let holder = json!({"name": word, "dob": word, "mobile": word, "nominee": word, "email": word, "pan": word, "ckycCompliance": word,
            "address": word});
        for kind in ["DEPOSIT", "TERM_DEPOSIT", "EQUITIES", "PPF", "INSURANCE_POLICIES"] {
            let profile = json!({"Holders": {"type": word, "Holder": [{"name": "A Sample"}, holder]}});
            let page = read(json!([{"fiType": kind, "linkReferenceNumber": "l", "bank": word, "Profile": profile}]));
            let account = &page.accounts[0];
            let found = &account.holders[1];
            let texts =
                [&found.name, &found.mobile, &found.email, &found.pan, &found.address, &found.nominee_name, &account.fip_name];
            assert!(texts.iter().all(|text| text.is_empty()), "{kind} {word}: {found:?}");
            assert_ne!(found.nominee_registered(), Answer::Yes, "{kind} {word}");
            assert_ne!(found.ckyc_registered(), Answer::Yes, "{kind} {word}");
            assert!(account.quality_flags.iter().all(|flag| !flag.field_path.starts_with("hold")), "{kind} {word}: {account:?}");
        }
    }
}

#[test]
fn an_account_of_an_unknown_kind_is_kept_whole() {
    for kind in [json!("GOLD"), json!("OTHER"), json!(null)] {
        let profile = json!([{"Holders": {"type": "SINGLE", "Holder": [{"name": "A Sample"}]}, "Vault": 7}]);
        let transactions = json!({"startDate": "2024-01-01", "Coin": [{"grams": "1.5"}, null, [1]]});
        let page =
            read(json!([{"fiType": kind, "Profile": profile, "Summary": 5, "Transactions": transactions, "colour": "red"}]));
        let account = &page.accounts[0];
        assert_eq!((account.fi_type(), account.transaction_count, page.transactions.len()), (FiType::Other, 0, 0));
        assert_eq!((account.holders[0].name.as_str(), account.holding()), ("A Sample", HoldingArrangement::Single));
        assert_eq!(account.stated_range.unwrap().from, day(2024, 1, 1));
        assert!(account.details.is_none());
        let whole = json!({"Profile": profile, "Summary": 5, "Transactions": transactions, "colour": "red"}).to_string();
        let Some(Node::Object(whole)) = Node::parse(&whole) else { panic!("no object") };
        assert_eq!(account.extensions, Some(whole.into_struct()));
    }
}

#[test]
fn sections_of_an_unforeseen_shape_are_not_lost() {
    for (kind, body) in [
        ("MUTUAL_FUNDS", json!({"Transactions": {"Transaction": [[1], "x"]}, "Summary": {"Investment": {"Holdings": ["y"]}}})),
        ("NPS", json!({"Transactions": {"Tier1SchemeTransactions": [[1]]}})),
        ("BONDS", json!({"Profile": [{"Holders": {"Holder": [{"name": "A Sample"}]}}, {"Nominee": "x"}], "Transactions": [1]})),
        ("GSTR1_3B", json!({"Transactions": "x", "Summary": 5, "Profile": {"BusinessDetails": {"a": 1}}})),
    ] {
        let mut account = body.clone();
        account["fiType"] = json!(kind);
        let page = read(json!([account]));
        assert_ne!(page.accounts[0].fi_type(), FiType::Other);
        let text = format!("{:?}", page.accounts[0].extensions);
        for (section, _) in body.as_object().unwrap() {
            assert!(text.contains(section), "{kind} {section}: {text}");
        }
    }
}

#[test]
fn a_funds_row_is_the_same_whatever_the_order_of_its_keys() {
    let body = |row: &str| format!(r#"{{"data":[{{"fiType":"MUTUAL_FUNDS","Transactions":{{"Transaction":{row}}}}}]}}"#);
    let one = try_read(body(r#"{"txnId":"M1","units":"1.000","type":"BUY"}"#).as_bytes()).unwrap();
    let other = try_read(body(r#"[{"type":"BUY","units":"1.000","txnId":"M1"}]"#).as_bytes()).unwrap();
    assert_eq!(one, other);
    let twice =
        try_read(body(r#"[{"txnId":"M1","units":"1"},{"txnId":"M1","units":"1.0"},{"txnId":"M1","units":"2"}]"#).as_bytes());
    let twice = page(&twice.unwrap());
    let codes = |at| row_flags(&twice, at).into_iter().map(|flag| flag.1).collect::<Vec<_>>();
    assert_eq!(codes(0), [QualityCode::DuplicateRow, QualityCode::DuplicateId]);
    assert_eq!(codes(2), [QualityCode::DuplicateId]);
    let ids: std::collections::HashSet<&str> = twice.transactions.iter().map(|row| row.transaction_id.as_str()).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn doubtful_values_are_flagged_where_they_stand() {
    let page = with(|account| {
        let rows = &mut account["Transactions"]["Transaction"];
        rows[0]["amount"] = json!("136797.48000000001");
        rows[0]["currentBalance"] = json!("12.345");
        rows[0]["mode"] = json!("ONLINE");
        rows[0]["valueDate"] = json!("2024-12-01");
        rows[1]["amount"] = json!(["x"]);
        rows[1]["transactionTimestamp"] = json!("2023-12-11T18:30:00.0");
        rows[1]["valueDate"] = json!("NA");
    });
    let flag = |path: &str, code| (path.to_owned(), code);
    assert_eq!(page.transactions[0].amount, money(13_679_748));
    assert_eq!((page.transactions[0].mode(), page.transactions[0].mode_text.as_str()), (TransactionMode::Other, "ONLINE"));
    assert_eq!(
        row_flags(&page, 0),
        [
            flag("mode", QualityCode::UnknownWord),
            flag("amount", QualityCode::FloatNoise),
            flag("balance", QualityCode::ExtraDecimals),
            flag("value_date", QualityCode::OutOfRange),
            flag("value_date", QualityCode::DatesDisagree),
        ]
    );
    assert_eq!(
        row_flags(&page, 1),
        [
            flag("amount", QualityCode::Unparsable),
            flag("transaction_time", QualityCode::Assumed),
            flag("transaction_date", QualityCode::OutOfRange)
        ]
    );
    assert_eq!((page.transactions[1].amount.clone(), page.transactions[1].value_date), (None, None));
}

#[test]
fn equal_rows_and_repeated_ids_are_kept_and_flagged() {
    let page = with(|account| {
        let rows = account["Transactions"]["Transaction"].as_array_mut().unwrap();
        let (first, mut third) = (rows[0].clone(), rows[1].clone());
        third["txnId"] = json!("T1");
        rows.extend([first, third]);
    });
    assert_eq!(page.transactions.len(), 4);
    let (row, id) = (QualityCode::DuplicateRow, QualityCode::DuplicateId);
    let codes = |at| row_flags(&page, at).into_iter().map(|flag| flag.1).collect::<Vec<_>>();
    assert_eq!([codes(0), codes(1), codes(2), codes(3)], [vec![row, id], vec![], vec![row, id], vec![id]]);
    let ids: std::collections::HashSet<&str> = page.transactions.iter().map(|row| row.transaction_id.as_str()).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn an_unknown_currency_leaves_amounts_unset_and_a_missing_one_is_assumed() {
    let page = with(|account| account["Summary"]["currency"] = json!("XYZ"));
    let unknown = |path: &str| (path.to_owned(), QualityCode::UnknownCurrency);
    assert!(flags(&page.accounts[0]).starts_with(&[unknown("currency_code"), unknown("summary.current_balance")]));
    assert_eq!((page.transactions[0].amount.clone(), page.transactions[0].balance.clone()), (None, None));
    let quoted: Vec<_> = page.transactions[0].quality_flags.iter().map(|flag| flag.source_text.as_str()).collect();
    assert_eq!(quoted, ["10.50", "990.00"]);
    let page = with(|account| account["Summary"]["currency"] = json!(""));
    assert_eq!(flags(&page.accounts[0]), [("currency_code".to_owned(), QualityCode::Assumed)]);
    assert_eq!(page.transactions[0].amount, money(1050));
}

#[test]
fn a_missing_section_is_flagged() {
    let page = with(|account| {
        account["Summary"] = json!({});
        account.as_object_mut().unwrap().remove("Transactions");
    });
    let missing = |path: &str| (path.to_owned(), QualityCode::SectionMissing);
    assert_eq!(flags(&page.accounts[0]), [missing("summary"), missing("transactions")]);
    assert!(page.accounts[0].delivered && page.accounts[0].delivered_range.is_none());
}

#[test]
fn masked_and_summary_views_show_nothing_personal() {
    let rows = rows_of(json!([deposit()]));
    assert_eq!(view::apply(&rows, View::Full), rows);
    let masked = view::apply(&rows, View::Masked);
    let text = format!("{:?}", page(&masked));
    for personal in ["Sample", "9000000001", "AAAPA0001A", "example.com", "Test Road", "UPI/DR", "\"R1\"", "1990"] {
        assert!(!text.contains(personal), "{personal}");
    }
    assert_eq!(page(&masked).accounts[0].holders[0].pan, "XXXXXX001A");
    assert_eq!(page(&masked).transactions[0].amount, money(1050));
    assert_eq!((masked.accounts, masked.transactions, masked.entries.len()), (1, 2, 3));
    assert_eq!(view::apply(&rows, View::Unspecified), masked);
    let summary = view::apply(&rows, View::Summary);
    assert_eq!((summary.transactions, page(&summary).accounts), (0, page(&masked).accounts));
    assert_eq!(Rows::from_kept_bytes(rows.to_kept_bytes()), Ok(rows));
}
