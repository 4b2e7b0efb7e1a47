//! Statements whose balances and dates follow a bank's own habits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use jiff::civil::Date;
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::{
    data::{completeness::Asked, filter::Filter, time::Day},
    journey::model::{Customer, DayRange},
    pb::{Account, Answer, BalanceHabit, Certainty, Completeness, FetchDataResponse, MonthState, QualityCode, Transaction},
    seal::KeyedHash,
};

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// A row as (time, value date, amount, balance); a negative amount is a debit.
type Written<'w> = (&'w str, &'w str, i64, i64);

fn report(rows: &[Written<'_>], balance: i64) -> Value {
    let rupees = |units: i64| format!("{}.{:02}", units / 100, units % 100);
    let row = |(at, (time, value, amount, balance)): (usize, &Written<'_>)| {
        json!({"transaction_id": format!("S{at}"), "amount": rupees(amount.abs()), "narration": format!("UPI/{at}"), "mode": "UPI",
            "type": if *amount < 0 { "DEBIT" } else { "CREDIT" }, "transaction_timestamp": time, "value_date": value, "reference": "",
            "transactional_balance": rupees(*balance)})
    };
    let rows: Vec<Value> = rows.iter().enumerate().map(row).collect();
    json!({"data": {"client_id": "aa_1", "account_aggregator_json": [{
        "account_id": "00000000-0000-4000-8000-000000000001", "status": "READY",
        "profile_details": {"name": "Asha Sample", "dob": "1990-01-01", "mobile": "9000000001", "type": "SINGLE"},
        "summary_details": {"account_sub_type": "SAVINGS", "current_balance": rupees(balance), "currency": "INR",
            "balance_date_time": "2026-12-01T07:00:00+05:30"},
        "transaction_data": {"transaction_details": rows, "start_date": "2025-12-01", "end_date": "2026-11-30"},
        "transaction_type": "deposit", "masked_account_number": "XXXXXXXXXXXX0001"}]}, "success": true})
}

fn rows_of(body: &Value, asked: Option<(&str, &str)>) -> Rows {
    let range = asked.map(|(from, to)| DayRange { from: Some(date(from)), to: Some(date(to)) });
    let asked = range.map_or(Asked::default(), |range| Asked::new(range, Certainty::Caller, false));
    let context = ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &Customer::default(),
        received_at: "2026-12-01T06:00:00Z".parse().unwrap(),
        asked,
    };
    super::read("account_aggregator", &serde_json::to_vec(body).unwrap(), &context).unwrap()
}

fn read(body: &Value, asked: Option<(&str, &str)>) -> (Account, Completeness, Vec<Transaction>) {
    let page = FetchDataResponse::decode(rows_of(body, asked).bytes).unwrap();
    let account = page.accounts.into_iter().next().unwrap();
    let judged = account.completeness.clone().unwrap();
    (account, judged, page.transactions)
}

fn codes(row: &Transaction) -> Vec<(&str, QualityCode)> {
    row.quality_flags.iter().map(|flag| (flag.field_path.as_str(), flag.code())).collect()
}

const THIRD: &str = "2026-11-03T00:00:00+05:30";
const FIFTH: &str = "2026-11-05T00:00:00+05:30";
const DAY_END: [Written<'_>; 4] = [
    (THIRD, THIRD, 10_000, 105_000),
    (THIRD, THIRD, -5_000, 105_000),
    (FIFTH, FIFTH, 1_000, 103_000),
    (FIFTH, FIFTH, -3_000, 103_000),
];

#[test]
fn balances_at_the_days_end_are_a_habit_and_complete() {
    let (_, judged, _) = read(&report(&DAY_END, 103_000), Some(("2026-11-01", "2026-11-30")));
    assert_eq!((judged.balance_habit(), judged.balance_break_count), (BalanceHabit::DayEnd, 0));
    assert_eq!((judged.complete(), judged.score), (Answer::Yes, 100), "{judged:?}");
}

#[test]
fn a_row_that_a_days_end_lacks_is_found() {
    for missing in 0..DAY_END.len() {
        let mut rows = DAY_END.to_vec();
        rows.remove(missing);
        let (_, judged, _) = read(&report(&rows, 103_000), Some(("2026-11-01", "2026-11-30")));
        assert!(judged.balance_break_count > 0 && judged.complete() == Answer::No, "{missing}: {judged:?}");
    }
}

/// The middle of each month of a year.
fn value_dates() -> Vec<String> {
    let months = (0..12).map(|at| (2025 + (11 + at) / 12, (11 + at) % 12 + 1));
    months.map(|(year, month)| format!("{year}-{month:02}-15T00:00:00+05:30")).collect()
}

#[test]
fn rows_without_a_time_count_by_their_value_date() {
    for nothing in ["", " ", "NA", "null", "not known"] {
        let dates = value_dates();
        let rows: Vec<Written<'_>> =
            dates.iter().zip(1_i64..).map(|(date, at)| (nothing, date.as_str(), 1_000, 100_000 + at * 1_000)).collect();
        let body = report(&rows, 112_000);
        let year = Some(("2025-12-01", "2026-11-30"));
        let (account, judged, rows) = read(&body, year);
        assert_eq!((judged.complete(), judged.score), (Answer::Yes, 100), "{nothing}: {judged:?}");
        assert_eq!(judged.months.iter().filter(|month| month.state() == MonthState::Rows && month.rows == 1).count(), 12);
        let range = account.delivered_range.unwrap();
        let first = range.from.map(|date| (date.year, date.month, date.day));
        let last = range.to.map(|date| (date.year, date.month, date.day));
        assert_eq!((first, last), (Some((2025, 12, 15)), Some((2026, 11, 15))));
        for row in &rows {
            assert_eq!((row.transaction_time, row.transaction_date), (None, row.value_date));
            assert_eq!(codes(row).last(), Some(&("transaction_date", QualityCode::DateFromValueDate)));
        }
        let spring = Filter { days: Day::new(2026, 3, 1).zip(Day::new(2026, 5, 31)), ..Filter::default() };
        // The account, and three rows.
        assert_eq!(spring.picks(&rows_of(&body, year), 0).count(), 4, "{nothing}");
    }
}

#[test]
fn a_value_date_out_of_the_stated_range_is_flagged_once() {
    let (_, _, rows) = read(&report(&[("", "2024-01-01", 100, 100)], 100), None);
    let wanted = [("transaction_date", QualityCode::DateFromValueDate), ("transaction_date", QualityCode::OutOfRange)];
    assert_eq!(codes(&rows[0]), wanted);
}

#[test]
fn what_is_later_than_its_fetch_is_flagged() {
    let mut body = report(
        &[
            ("2026-12-01T11:29:59+05:30", "2026-12-01", 100, 100),
            ("2026-12-01T11:30:01+05:30", "2026-12-01", 100, 200),
            ("", "2026-12-02", 100, 300),
        ],
        300,
    );
    body["data"]["account_aggregator_json"][0]["summary_details"]["balance_date_time"] = json!("2026-12-05T00:00:00Z");
    let (account, _, rows) = read(&body, None);
    let later = |row: &Transaction| {
        codes(row).into_iter().find(|flag| flag.1 == QualityCode::LaterThanFetch).map(|flag| flag.0.to_owned())
    };
    assert_eq!(
        rows.iter().map(later).collect::<Vec<_>>(),
        [None, Some("transaction_time".into()), Some("transaction_date".into())]
    );
    let flags: Vec<_> = account.quality_flags.iter().map(|flag| (flag.field_path.as_str(), flag.code())).collect();
    assert_eq!(flags, [("summary.balance_time", QualityCode::LaterThanFetch)]);
}

#[test]
fn a_rows_day_is_the_day_of_its_own_zone() {
    for (time, day, flags) in [
        ("2026-10-05T23:30:00+05:30", 5, vec![]),
        ("2026-10-05T23:30:00+04:00", 5, vec![]),
        ("2026-10-05T20:30:00Z", 6, vec![]),
        ("2026-10-05T20:30:00+00:00", 6, vec![]),
        ("2026-10-05 20:30", 5, vec![("transaction_time", QualityCode::Assumed)]),
        ("2026-10-05T20:30:00.0", 5, vec![("transaction_time", QualityCode::Assumed)]),
    ] {
        let (_, _, rows) = read(&report(&[(time, "", 100, 100)], 100), None);
        assert_eq!((rows[0].transaction_date.unwrap().day, codes(&rows[0])), (day, flags), "{time}");
    }
}
