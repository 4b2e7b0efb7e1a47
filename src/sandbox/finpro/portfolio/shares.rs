//! Shares and depository receipts. Rows of shares have no amount: rate times units.

use serde_json::{Value, json};

use super::{Held, price, traded_at, units};
use crate::sandbox::bank::{BankRow, Position, rupees};

fn summary(held: &Held<'_>, write: impl Fn(&Position) -> Value) -> Value {
    json!({
        "investmentValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"type": "DEMAT", "Holding": held.positions(write)}},
    })
}

pub(super) fn equities(held: &Held<'_>) -> Value {
    summary(held, |position| {
        json!({
            "isin": position.isin, "units": units(position.units), "lastTradedPrice": price(position.price), "issuerName": position.name,
            "isinDescription": position.name,
        })
    })
}

pub(super) fn equity_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "isin": position.isin, "rate": price(lot.price), "type": row.event, "txnId": row.id, "units": units(lot.units),
        "narration": row.narration, "companyName": position.name, "equityCategory": "EQUITY", "isinDescription": position.name,
        // Always Indian midnight, written in UTC.
        "transactionDateTime": row.value_date.yesterday().map(|day| day.strftime("%Y-%m-%dT18:30:00.0").to_string()).unwrap_or_default(),
        "exchange": "NSE", "symbol": "SAMPLE", "orderId": format!("O{}", row.reference), "tradeId": format!("T{}", row.reference),
        "totalCharge": "20.00", "tradeValue": rupees(row.amount),
    })
}

pub(super) fn receipts(held: &Held<'_>) -> Value {
    summary(held, |position| {
        json!({
            "issuerName": position.name, "isin": position.isin, "units": units(position.units), "rate": price(position.price),
            "investmentDateTime": format!("{}T00:00:00.0", held.opened()), "lastTradedPrice": price(position.price),
            "description": "Sample receipts",
        })
    })
}

pub(super) fn receipt_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "txnId": row.id, "transactionDateTime": traded_at(row), "orderId": format!("O{}", row.reference),
        "tradeId": format!("T{}", row.reference), "isin": position.isin, "companyName": position.name, "symbol": "SAMPLE",
        "exchange": "BSE", "rate": price(lot.price), "tradeValue": rupees(row.amount), "shareHolerEquityType": "ORDINARY",
        "type": row.event, "units": units(lot.units), "otherCharges": "5.00", "totalCharge": "20.00", "narration": row.narration,
    })
}
