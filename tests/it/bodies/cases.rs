//! Small statements, one for each habit that a gateway is known to get wrong, with what is right.

use prost::Message;
use sangam::{
    data::{
        changes::{Side, compare},
        completeness::Asked,
    },
    journey::model::{Certainty, DayRange},
    pb::{
        Account, Answer, BalanceHabit, CompletenessCode, FetchDataResponse, MonthState, QualityCode, Transaction, View,
        account::Details,
    },
};
use serde_json::{Value, json};

use super::{BODIES, Documented, flagged};

const CONSENT: Documented = BODIES[0];
const REPORT: Documented = BODIES[2];

/// A report of one savings account.
fn report(rows: Value, balance: &str) -> Value {
    json!({"data": {"client_id": "aa_1", "account_aggregator_json": [{
        "account_id": "00000000-0000-4000-8000-000000000001", "status": "READY",
        "profile_details": {"name": "Asha Sample", "dob": "1990-01-01", "mobile": "9000000001", "nominee": "", "landline": "",
            "address": "1 Test Road", "email": "", "pan": "AAAPA0001A", "ckyc_registered": "true", "type": "SINGLE"},
        "summary_details": {"branch": "00001", "facility": "NO_FACILITY_GRANTED", "micr_code": "000000000", "opening_date": null,
            "current_od_limit": "0.00", "drawing_limit": "0.00", "status": "ACTIVE", "account_type": "",
            "account_sub_type": "SAVINGS", "ifsc": "DEMO0000001", "current_balance": balance, "currency": "INR",
            "balance_date_time": "2026-12-01T07:00:00+05:30"},
        "transaction_data": {"transaction_details": rows, "start_date": "2025-12-01", "end_date": "2026-11-30"},
        "transaction_type": "deposit", "masked_account_number": "XXXXXXXXXXXX0001"}]},
        "status_code": 200, "success": true, "message": "Success", "message_code": "success"})
}

fn row(id: &str, amount: Value, kind: &str, day: &str, balance: &str) -> Value {
    json!({"transaction_id": id, "amount": amount, "narration": format!("UPI/{id}"), "type": kind, "mode": "UPI",
        "transaction_timestamp": format!("{day}T10:00:00+05:30"), "value_date": format!("{day}T00:00:00+05:30"), "reference": "",
        "transactional_balance": balance})
}

fn at_midnight(mut row: Value) -> Value {
    row["transaction_timestamp"] = row["value_date"].clone();
    row
}

/// Twelve months, as the caller asked.
fn year() -> Asked {
    let range = DayRange { from: "2025-12-01".parse().ok(), to: "2026-11-30".parse().ok() };
    Asked::new(range, Certainty::Caller, false)
}

fn read(body: Documented, bytes: &[u8]) -> (Account, Vec<Transaction>) {
    let page = FetchDataResponse::decode(body.rows_of(bytes, year()).unwrap().bytes).unwrap();
    (page.accounts.into_iter().next().unwrap(), page.transactions)
}

fn day_end() -> Vec<Value> {
    [
        ("S1", "100.00", "CREDIT", "2026-11-03", "1050.00"),
        ("S2", "50.00", "DEBIT", "2026-11-03", "1050.00"),
        ("S3", "10.00", "CREDIT", "2026-11-05", "1030.00"),
        ("S4", "30.00", "DEBIT", "2026-11-05", "1030.00"),
    ]
    .map(|(id, amount, kind, day, balance)| at_midnight(row(id, amount.into(), kind, day, balance)))
    .into()
}

#[test]
fn a_year_with_balances_of_the_days_end_is_complete() {
    let (account, _) = read(REPORT, report(day_end().into(), "1030.00").to_string().as_bytes());
    let judged = account.completeness.unwrap();
    assert_eq!((judged.balance_habit(), judged.balance_break_count), (BalanceHabit::DayEnd, 0));
    let states: Vec<MonthState> = judged.months.iter().map(|month| month.state()).collect();
    assert_eq!((states.len(), states[11], &states[..11]), (12, MonthState::Rows, &[MonthState::Quiet; 11][..]));
    assert_eq!((judged.complete(), judged.score, judged.findings), (Answer::Yes, 100, vec![]));
}

#[test]
fn a_row_that_a_days_end_lacks_breaks_a_year() {
    for missing in 0..4 {
        let mut rows = day_end();
        let lost = rows.remove(missing);
        let (account, _) = read(REPORT, report(rows.into(), "1030.00").to_string().as_bytes());
        let judged = account.completeness.unwrap();
        assert_eq!(judged.complete(), Answer::No, "{lost}");
        assert!(judged.findings.iter().any(|found| found.code() == CompletenessCode::BalanceBreak), "{lost}");
    }
}

#[test]
fn a_row_that_a_busier_days_end_lacks_is_one_break_on_its_day() {
    let mut busy = day_end();
    for (at, (amount, kind, day, balance)) in [
        ("7.00", "CREDIT", "2026-11-09", "1025.00"),
        ("12.00", "DEBIT", "2026-11-09", "1025.00"),
        ("500.00", "CREDIT", "2026-11-12", "1500.00"),
        ("20.00", "DEBIT", "2026-11-12", "1500.00"),
        ("5.00", "DEBIT", "2026-11-12", "1500.00"),
    ]
    .into_iter()
    .enumerate()
    {
        busy.push(at_midnight(row(&format!("S{}", at + 5), amount.into(), kind, day, balance)));
    }
    for missing in 2..busy.len() {
        let mut rows = busy.clone();
        let lost = rows.remove(missing);
        let (account, _) = read(REPORT, report(rows.into(), "1500.00").to_string().as_bytes());
        let judged = account.completeness.unwrap();
        assert_eq!((judged.balance_habit(), judged.balance_break_count), (BalanceHabit::DayEnd, 1), "{lost}");
        let day = judged.balance_breaks[0].date.unwrap();
        let wanted = lost["value_date"].as_str().unwrap()[8..10].parse::<i32>().unwrap();
        assert_eq!((day.year, day.month, day.day), (2026, 11, wanted), "{lost}");
    }
}

#[test]
fn a_lone_surrogate_becomes_a_replacement_character() {
    let rows = json!([
        row("S1", "100.00".into(), "CREDIT", "2026-11-03", "1100.00"),
        row("<text>", "100.00".into(), "DEBIT", "2026-11-04", "1000.00")
    ]);
    let body = report(rows, "1000.00").to_string().replace("UPI/<text>", r"UPI/DINNER \ud83c");
    for bytes in [body.clone().into_bytes(), format!("\u{feff}{body}").into_bytes()] {
        let (account, rows) = read(REPORT, &bytes);
        assert_eq!((rows.len(), rows[1].narration.as_str()), (2, "UPI/DINNER \u{fffd}"));
        assert_eq!(flagged(&rows[1].quality_flags, QualityCode::TextRepaired), ["narration"]);
        assert_eq!(flagged(&rows[0].quality_flags, QualityCode::TextRepaired), [""; 0]);
        assert_eq!(account.completeness.unwrap().balance_break_count, 0);
    }
    let consented = CONSENT.with(2, r#""UPI/DINNER \ud83c""#);
    let (_, rows) = read(CONSENT, &consented);
    assert_eq!(flagged(&rows[0].quality_flags, QualityCode::TextRepaired), ["narration"]);
}

#[test]
fn a_banks_id_as_a_number_is_an_id() {
    let rows = |id: &str| {
        let one = row("<id>", "100.00".into(), "CREDIT", "2026-11-02", "1100.00");
        let mut other = row("<id>", "100.00".into(), "CREDIT", "2026-11-03", "1200.00");
        other["narration"] = "UPI/2".into();
        report(json!([one, other]), "1200.00").to_string().replace("\"<id>\"", id)
    };
    for id in ["9998", "98765432109876543210987"] {
        let (_, rows) = read(REPORT, rows(id).as_bytes());
        assert!(rows.iter().all(|row| row.bank_transaction_id == id), "{id}");
        assert!(rows.iter().all(|row| !flagged(&row.quality_flags, QualityCode::DuplicateId).is_empty()), "{id}");
    }
}

#[test]
fn a_year_of_value_dates_without_times_is_complete() {
    let rows: Vec<Value> = (0..12)
        .map(|at| {
            let day = format!("{}-{:02}-15", 2025 + (11 + at) / 12, (11 + at) % 12 + 1);
            let mut row = row(&format!("S{at}"), "10.00".into(), "CREDIT", &day, &format!("{}.00", 1010 + 10 * at));
            row["transaction_timestamp"] = "".into();
            row
        })
        .collect();
    let (account, rows) = read(REPORT, report(rows.into(), "1120.00").to_string().as_bytes());
    let judged = account.completeness.unwrap();
    assert_eq!((judged.complete(), judged.score, judged.findings), (Answer::Yes, 100, vec![]));
    let range = account.delivered_range.unwrap();
    assert_eq!((range.from.unwrap().year, range.to.unwrap().month), (2025, 11));
    for row in &rows {
        assert_eq!(row.transaction_date, row.value_date);
        assert_eq!(flagged(&row.quality_flags, QualityCode::DateFromValueDate), ["transaction_date"]);
    }
}

#[test]
fn grouped_and_long_amounts_are_exact() {
    let rows = |first: &str, second: &str| {
        let one = row("S1", "<one>".into(), "CREDIT", "2026-11-03", "");
        let other = row("S2", "<other>".into(), "DEBIT", "2026-11-04", "");
        report(json!([one, other]), "1000.00").to_string().replace("\"<one>\"", first).replace("\"<other>\"", second)
    };
    for (first, second, units, flags) in [
        ("\"1,00,000.00\"", "\"1,234.50\"", [10_000_000, 123_450], 1),
        ("99999999999999.99", "1234567890123456.78", [9_999_999_999_999_999, 123_456_789_012_345_678], 0),
    ] {
        let (_, rows) = read(REPORT, rows(first, second).as_bytes());
        let found: Vec<i64> = rows.iter().map(|row| row.amount.as_ref().unwrap().minor_units).collect();
        assert_eq!(found, units);
        for row in &rows {
            assert_eq!(flagged(&row.quality_flags, QualityCode::Normalised).len(), flags);
            assert_eq!(flagged(&row.quality_flags, QualityCode::FloatNoise), [""; 0]);
        }
    }
}

#[test]
fn the_same_rows_spelt_otherwise_are_no_change() {
    let account = |amounts: [Value; 2], balance: Value| {
        let row = |at: usize, kind: &str, amount: &Value, balance: Value| {
            json!({"type": kind, "mode": "OTHERS", "amount": amount, "currentBalance": balance,
                "transactionTimestamp": format!("2026-10-0{}T04:30:00.000Z", at + 2), "valueDate": format!("2026-10-0{}", at + 2),
                "txnId": format!("S000000{at}"), "narration": format!("UPI/{at}"), "reference": ""})
        };
        let rows = [row(1, "CREDIT", &amounts[0], "1100.00".into()), row(2, "DEBIT", &amounts[1], balance)];
        let body = json!({"ver": "1.21.0", "status": "success", "data": [{
            "linkReferenceNumber": "00000000-0000-4000-8000-000000000001", "maskedAccountNumber": "XXXXXX0001",
            "fiType": "DEPOSIT", "bank": "Demo Bank", "Summary": {"currentBalance": "1050.00", "currency": "INR"},
            "Transactions": {"startDate": "2026-10-01", "endDate": "2026-10-31", "Transaction": rows}}], "message": "Success"});
        CONSENT.rows(body.to_string().as_bytes()).unwrap()
    };
    let before = account(["100.00".into(), "50.00".into()], "1050.00".into());
    let after = account(["100.0".into(), 50.into()], 1050.into());
    let side = |rows| Side { rows, asked: (None, None) };
    assert_eq!(compare(side(&before), side(&after), View::Full).unwrap().rows.entries.len(), 0);
    let ids = |rows: &sangam::data::Rows| {
        let page = FetchDataResponse::decode(rows.bytes.clone()).unwrap();
        page.transactions.into_iter().map(|row| row.transaction_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&before), ids(&after));
}

#[test]
fn keys_that_no_document_names_are_found_at_account_and_row() {
    let mut first = row("S1", "100.00".into(), "CREDIT", "2026-11-03", "1000.00");
    first["category"] = "SALARY".into();
    let mut body = report(json!([first]), "1000.00");
    body["data"]["account_aggregator_json"][0]["nickname"] = "Main".into();
    body["data"]["account_aggregator_json"][0]["fip_name"] = "Demo Bank".into();
    let (account, rows) = read(REPORT, body.to_string().as_bytes());
    let kept = account.extensions.unwrap().fields;
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["fip_name", "nickname"]);
    assert!(rows[0].extensions.as_ref().unwrap().fields.contains_key("category"));
    let Some(Details::Deposit(summary)) = account.details else { panic!("no summary") };
    assert_eq!(summary.ifsc, "DEMO0000001");
}
