//! Banks' own habits with balances and dates, through both providers: what FetchData serves and judges.

use sangam::pb::{self, BalanceHabit, Date, DateRange, QualityCode, View};
use serde_json::{Value, json};

use crate::{
    harness::data_request,
    replay::{AGGREGATOR, Answer, CONSENT, documented},
    stage::{AGGREGATOR_WAY, CONSENT_WAY, PATIENT, Stage, Way},
};

const WAYS: [(Way, &str, &str); 2] =
    [(CONSENT_WAY, CONSENT, "/getallfidata"), (AGGREGATOR_WAY, AGGREGATOR, "/fetch-json-report")];

/// A row as (day it happened, value date, amount, balance); a negative amount is a debit.
type Written<'w> = (&'w str, &'w str, i64, i64);

/// The documented body with these rows, in the provider's own spelling.
fn body(way: Way, path: &str, rows: &[Written<'_>]) -> String {
    let mut body: Value = serde_json::from_str(documented(path)).unwrap();
    let finpro = way.provider == "finpro";
    let row = |(at, (time, value, amount, balance)): (usize, &Written<'_>)| {
        let kind = if *amount < 0 { "DEBIT" } else { "CREDIT" };
        let (amount, balance) = (format!("{}.00", amount.abs()), format!("{balance}.00"));
        if finpro {
            json!({"type": kind, "mode": "UPI", "amount": amount, "currentBalance": balance, "transactionTimestamp": time,
                "valueDate": value, "txnId": format!("T{at}"), "narration": "UPI/demo", "reference": ""})
        } else {
            json!({"type": kind, "mode": "UPI", "amount": amount, "transactional_balance": balance, "transaction_timestamp": time,
                "value_date": value, "transaction_id": format!("T{at}"), "narration": "UPI/demo", "reference": ""})
        }
    };
    let rows: Vec<Value> = rows.iter().enumerate().map(row).collect();
    if finpro {
        body["data"][0]["Transactions"]["Transaction"] = json!(rows);
    } else {
        body["data"]["account_aggregator_json"][0]["transaction_data"]["transaction_details"] = json!(rows);
    }
    body.to_string()
}

async fn served(stage: &Stage, (way, first, last): (Way, &str, &str), rows: &[Written<'_>]) -> String {
    let path = format!("{first}{last}");
    stage.replay.set(&path, Answer::json(body(way, &path, rows)));
    stage.ready(way).await
}

fn has(flags: &[pb::QualityFlag], path: &str, code: QualityCode) -> bool {
    flags.iter().any(|flag| flag.field_path == path && flag.code() == code)
}

#[tokio::test]
async fn balances_at_the_days_end_are_served_without_a_break() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let rows = [
        ("2025-03-03", "", 100, 1_050),
        ("2025-03-03", "", -50, 1_050),
        ("2025-03-05", "", 10, 1_030),
        ("2025-03-05", "", -30, 1_030),
    ];
    for way in WAYS {
        let journey_id = served(&stage, way, &rows).await;
        let judged = stage.data(&journey_id, View::Masked).await.unwrap().accounts.remove(0).completeness.unwrap();
        assert_eq!((judged.balance_habit(), judged.balance_break_count), (BalanceHabit::DayEnd, 0), "{}", way.1);
        let journey_id = served(&stage, way, &rows[..3]).await;
        let judged = stage.data(&journey_id, View::Masked).await.unwrap().accounts.remove(0).completeness.unwrap();
        assert!(judged.balance_break_count > 0, "{}", way.1);
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn the_date_filter_finds_rows_by_their_value_date() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let rows = [("", "2025-01-05", 10, 1_010), ("", "2025-02-05", 10, 1_020), ("", "2025-03-05", 10, 1_030)];
    let february = |day| Some(Date { year: 2025, month: 2, day });
    for way in WAYS {
        let journey_id = served(&stage, way, &rows).await;
        let mut request = data_request(&journey_id, View::Masked);
        request.transaction_range = Some(DateRange { from: february(1), to: february(28) });
        let page = stage.client.clone().fetch_data(request).await.unwrap().into_inner();
        let [row] = &page.transactions[..] else { panic!("{}: {}", way.1, page.transactions.len()) };
        assert_eq!((row.transaction_date, row.transaction_time), (february(5), None), "{}", way.1);
        assert!(has(&row.quality_flags, "transaction_date", QualityCode::DateFromValueDate), "{}", way.1);
        let range = page.accounts[0].delivered_range.unwrap();
        let months = (range.from.map(|date| date.month), range.to.map(|date| date.month));
        assert_eq!(months, (Some(1), Some(3)), "{}", way.1);
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn times_without_a_zone_and_later_than_the_fetch_are_flagged() {
    let stage = Stage::start(PATIENT, 1_000).await;
    let rows = [("2025-03-05 20:30", "", 10, 1_010), ("2025-06-05T10:00:00+05:30", "", 10, 1_020)];
    for way in WAYS {
        let journey_id = served(&stage, way, &rows).await;
        let page = stage.data(&journey_id, View::Masked).await.unwrap();
        let [zoneless, late] = &page.transactions[..] else { panic!("{}", way.1) };
        assert_eq!(zoneless.transaction_date.map(|date| date.day), Some(5), "{}", way.1);
        assert!(has(&zoneless.quality_flags, "transaction_time", QualityCode::Assumed), "{}", way.1);
        assert!(has(&late.quality_flags, "transaction_time", QualityCode::LaterThanFetch), "{}", way.1);
    }
    stage.gateway.stop().await;
}
