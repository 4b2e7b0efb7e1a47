//! Statements whose balances and dates follow a bank's own habits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use serde_json::{Value, json};

use super::tests::{deposit, read, row_flags};
use crate::pb::{BalanceHabit, CompletenessCode, Date, MonthState, QualityCode};

/// A deposit's rows as (time, value date, amount, balance); a negative amount is a debit.
fn statement(rows: &[(&str, &str, i64, i64)]) -> Value {
    let row = |(at, (time, value, amount, balance)): (usize, &(&str, &str, i64, i64))| {
        json!({"type": if *amount < 0 { "DEBIT" } else { "CREDIT" }, "mode": "UPI", "amount": format!("{}.00", amount.abs()),
            "currentBalance": format!("{balance}.00"), "transactionTimestamp": time, "valueDate": value, "txnId": format!("T{at}"),
            "narration": format!("UPI/{at}"), "reference": ""})
    };
    let mut account = deposit();
    account["Transactions"]["Transaction"] = rows.iter().enumerate().map(row).collect();
    json!([account])
}

fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

#[test]
fn balances_at_the_days_end_are_a_habit() {
    let (third, fifth) = ("2024-01-03T00:00:00.000Z", "2024-01-05T00:00:00.000Z");
    let page =
        read(statement(&[(third, "", 100, 1_050), (third, "", -50, 1_050), (fifth, "", 10, 1_030), (fifth, "", -30, 1_030)]));
    let judged = page.accounts[0].completeness.as_ref().unwrap();
    assert_eq!((judged.balance_habit(), judged.balance_break_count), (BalanceHabit::DayEnd, 0));
    assert_eq!(judged.findings.iter().map(|found| found.code()).collect::<Vec<_>>(), [CompletenessCode::RangeUnknown]);
}

#[test]
fn rows_without_a_time_count_by_their_value_date() {
    let page = read(statement(&[("", "2024-01-03", 100, 1_100), ("NA", "04-01-2024", 10, 1_110)]));
    for (row, wanted) in page.transactions.iter().zip([day(2024, 1, 3), day(2024, 1, 4)]) {
        assert_eq!((row.transaction_time, row.transaction_date, row.value_date), (None, wanted, wanted));
    }
    assert_eq!(row_flags(&page, 0), [("transaction_date".to_owned(), QualityCode::DateFromValueDate)]);
    let judged = page.accounts[0].completeness.as_ref().unwrap();
    assert_eq!(judged.months.iter().map(|month| (month.state(), month.rows)).collect::<Vec<_>>(), [(MonthState::Rows, 2)]);
}

#[test]
fn a_time_without_a_zone_stays_on_its_day_and_is_flagged() {
    for (text, wanted) in [
        ("2024-01-05 20:30", day(2024, 1, 5)),
        ("2024-01-05 20:30:00", day(2024, 1, 5)),
        ("2024-01-05 23:59:59:999", day(2024, 1, 5)),
        ("2024-01-05T20:30:00.0", day(2024, 1, 5)),
        // Recorded: midnight in India, written in UTC.
        ("2024-01-05T18:30:00.0", day(2024, 1, 6)),
    ] {
        let page = read(statement(&[(text, "", 100, 1_100)]));
        assert_eq!(page.transactions[0].transaction_date, wanted, "{text}");
        assert_eq!(row_flags(&page, 0), [("transaction_time".to_owned(), QualityCode::Assumed)], "{text}");
    }
}

#[test]
fn a_rows_day_is_the_day_of_its_own_zone() {
    for (text, wanted) in [
        ("2024-01-05T23:30:00+04:00", day(2024, 1, 5)),
        ("2024-01-05T20:30:00+05:30", day(2024, 1, 5)),
        ("2024-01-05T20:30:00.000Z", day(2024, 1, 6)),
        ("2024-01-05T20:30:00+00:00", day(2024, 1, 6)),
    ] {
        let page = read(statement(&[(text, "", 100, 1_100)]));
        assert_eq!((page.transactions[0].transaction_date, row_flags(&page, 0)), (wanted, vec![]), "{text}");
    }
}

#[test]
fn rows_of_every_kind_without_a_time_count_by_what_they_have() {
    for (kind, row, wanted) in [
        ("PPF", json!({"valueDate": "2024-01-05", "amount": "5.00", "type": "DEPOSIT"}), day(2024, 1, 5)),
        ("CREDIT_CARD", json!({"valueDate": "2024-01-05", "txnDate": "", "amount": "5.00"}), day(2024, 1, 5)),
        ("TERM_DEPOSIT", json!({"valueDate": "2024-01-05", "amount": "5.00", "type": "INTEREST"}), day(2024, 1, 5)),
        ("MUTUAL_FUNDS", json!({"orderDate": "2024-01-04", "executionDate": "2024-01-05", "units": "1"}), day(2024, 1, 5)),
        ("MUTUAL_FUNDS", json!({"orderDate": "2024-01-04", "navDate": "2024-01-03", "units": "1"}), day(2024, 1, 4)),
        ("CIS", json!({"orderDate": "2024-01-04", "amount": "1.00"}), day(2024, 1, 4)),
        ("ETF", json!({"executionDate": "2024-01-05", "units": "1"}), day(2024, 1, 5)),
        ("AIF", json!({"redemptionDate": "2024-01-05", "redemptionValue": "1"}), day(2024, 1, 5)),
    ] {
        let transactions = json!({"startDate": "2024-01-01", "endDate": "2024-01-31", "Transaction": [row]});
        let page = read(json!([{"fiType": kind, "linkReferenceNumber": "l", "Transactions": transactions}]));
        assert_eq!(page.transactions[0].transaction_date, wanted, "{kind}");
        let range = page.accounts[0].delivered_range.unwrap();
        assert_eq!((range.from, range.to), (wanted, wanted), "{kind}");
        assert!(row_flags(&page, 0).contains(&("transaction_date".to_owned(), QualityCode::DateFromValueDate)), "{kind}");
    }
}

#[test]
fn a_row_of_any_kind_later_than_its_fetch_is_flagged() {
    for (kind, row, path) in [
        ("DEPOSIT", json!({"transactionTimestamp": "2027-01-01T00:00:01.000Z"}), "transaction_time"),
        ("DEPOSIT", json!({"valueDate": "2027-01-02"}), "transaction_date"),
        ("PPF", json!({"txnDate": "2027-01-02"}), "transaction_date"),
        ("EQUITIES", json!({"transactionDateTime": "2027-01-01T00:00:01Z"}), "transaction_time"),
    ] {
        let page = read(json!([{"fiType": kind, "linkReferenceNumber": "l", "Transactions": {"Transaction": [row]}}]));
        assert!(
            row_flags(&page, 0).contains(&(path.to_owned(), QualityCode::LaterThanFetch)),
            "{kind}: {:?}",
            row_flags(&page, 0)
        );
    }
}
